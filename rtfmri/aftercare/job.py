"""What the engine hands over: once per run an ``AftercareJob``, per volume number a ``Notice``. Voxels are read from the raw record.

Both go through a pipe to the aftercare process and hold numbers only; see ``client.py``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtfmri.paradigm import Block
from rtfmri.rigid import RigidTransform
from rtfmri.signals.plan import SignalPlan
from rtfmri.study import Study
from rtfmri.volume import Grid, Image

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class RawFile:
    """The run's growing, uncompressed record: little-endian float32, x fastest, volume ``index`` at ``data_offset + index * volume_bytes``."""

    path: Path
    data_offset: int
    grid: Grid

    @property
    def volume_bytes(self) -> int:
        return 4 * self.grid.shape[0] * self.grid.shape[1] * self.grid.shape[2]


@dataclass(frozen=True, eq=False)
class AftercareJob:
    """All that is fixed once the run has its reference. ``rois`` are voxel indices (N, 3) of the reference's grid, by name."""

    study: Study
    plan: SignalPlan
    blocks: tuple[Block, ...]
    tr_s: float
    raw: RawFile
    reference_grid: Grid
    reference: Image
    mask: Mask  # the brain's, on the reference's grid
    rois: dict[str, npt.NDArray[np.intp]]
    folder: Path  # of the run's derivatives
    label: str  # sub-07_ses-01_task-nf_run-01


@dataclass(frozen=True)
class Notice:
    """Volume number ``index`` is published and, unless it is missing, its voxels stand in the raw file.

    ``transform`` is None where the head was not found, or the volume is missing or came before the reference; ``row`` (P,) is the
    volume's row of the regions' own design; only ``usable`` volumes are in the map: not flagged, paused, dummy, missing.
    """

    index: int
    transform: RigidTransform | None
    row: tuple[float, ...]
    usable: bool


class RawReader:
    """Reads volumes while the engine appends them. By pread, not by mapping: a file that is cut off must not kill the reader.

    The file stays open, so what the engine compresses and removes after the run can still be read here.
    """

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        self._descriptor: int | None = None

    def read(self, index: int) -> Image | None:
        """float32 (X, Y, Z) of volume ``index``; None while it is not in the file."""
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._raw.path, os.O_RDONLY)
            except FileNotFoundError:
                return None
        size = self._raw.volume_bytes
        content = os.pread(self._descriptor, size, self._raw.data_offset + index * size)
        if len(content) < size:
            return None
        return np.ascontiguousarray(np.frombuffer(content, "<f4").reshape(self._raw.grid.shape, order="F"))

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
