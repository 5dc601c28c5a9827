"""Pearson's correlation of two regions over a window of volumes, nuisance taken out of both (partial), the task's part kept.

Both regions are cleaned with the current coefficients of the run so far, which are steadier than a window's own. The error of Fisher's
z = atanh(r) is 1 / sqrt(m - 3) with m = n (1 - a b) / (1 + a b) for AR(1) regions with rho a and b (Bartlett 1935, JRSS 98:536-543); the
error of r is that times 1 - r^2. Regions share noise: at rest r is not 0, and the study's ``centre`` should be its value there.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.signals.compare import Model, cleaned
from rtfmri.signals.measures.answer import Answer

MINIMUM_VOLUMES = 10
LARGEST_R = 0.999  # Fisher's z has no end


def correlate(current: Model, volumes: npt.NDArray[np.intp], pair: tuple[int, int]) -> Answer:
    """r of the two series ``pair`` over ``volumes``, which are in the fit."""
    n = len(volumes)
    if n < MINIMUM_VOLUMES:
        return Answer(None, why=f"only {n} volumes in the correlation's window; it needs {MINIMUM_VOLUMES}")
    first, second = (series - series.sum() / n for series in cleaned(current, volumes)[list(pair)])
    spread = math.sqrt(float((first * first).sum()) * float((second * second).sum()))
    if spread == 0.0:
        return Answer(None, why="a region does not change within the correlation's window")
    r = min(LARGEST_R, max(-LARGEST_R, float((first * second).sum()) / spread))
    return Answer(r, _error(current, r, n, pair))


def _error(current: Model, r: float, n: int, pair: tuple[int, int]) -> float | None:
    noises = [current.noises[series] for series in pair]
    if noises[0] is None or noises[1] is None:
        return None
    shared = noises[0].rho * noises[1].rho
    independent = n * (1.0 - shared) / (1.0 + shared)
    return (1.0 - r * r) / math.sqrt(independent - 3.0) if independent > 4.0 else None


def above_centre(r: float, centre: float) -> float:
    """Fisher's z of r above that of ``centre``: what the range is in."""
    return math.atanh(r) - math.atanh(centre)
