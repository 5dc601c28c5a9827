"""The echoes of one volume -> their weighted mean. Pure.

Rule: a combined volume has every echo that has a weight; it is given the times of the first of them. Number, grid and TR are the same in
all; an echo that differs is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rtfmri.errors import VolumeError
from rtfmri.volume import Volume

SAME_GRID_MM = 0.05


class EchoCombiner:
    """Waits for all echoes of a volume; ``weights`` by echo number, none of them zero."""

    def __init__(self, weights: Mapping[int, float]) -> None:
        self._weights = dict(sorted(weights.items()))
        self._waiting: dict[int, dict[int, Volume]] = {}

    def add(self, echo: int, volume: Volume) -> Volume | None:
        """An echo has come; the combined volume if it was the last.

        Raises
        ------
        VolumeError : its grid is not that of the other echoes.
        """
        echoes = self._waiting.setdefault(volume.index, {})
        echoes.setdefault(echo, volume)
        if len(echoes) < len(self._weights):
            return None
        del self._waiting[volume.index]
        first = echoes[next(iter(self._weights))]
        if any(other.grid.difference_mm(first.grid) > SAME_GRID_MM for other in echoes.values()):
            raise VolumeError(f"the echoes of volume {volume.index + 1} do not lie on one grid")
        mean = np.zeros(first.data.shape, dtype=np.float64)
        for number, weight in self._weights.items():
            mean += echoes[number].data * (weight / sum(self._weights.values()))
        return replace(first, data=mean.astype(np.float32))

    def give_up(self, index: int) -> str | None:
        """Volume ``index`` is declared missing; which echoes of it did not come, in words, if any did."""
        echoes = self._waiting.pop(index, None)
        if echoes is None:
            return None
        absent = [str(number) for number in self._weights if number not in echoes]
        return f"echo {', '.join(absent)} did not come"
