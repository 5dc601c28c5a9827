"""What the engine hands over: once per run an ``AftercareJob``, per volume number a ``Notice``. Voxels are read from the raw record.

Both go through a pipe to the aftercare process and hold numbers only; see ``client.py``.
"""

from __future__ import annotations

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
    """The run's growing, uncompressed record: little-endian float32, x fastest; volume ``index`` begins at byte ``data_offset + index *
    volume_bytes``. When the run is over it is compressed to ``compressed`` and removed."""

    path: Path
    data_offset: int
    grid: Grid

    @property
    def compressed(self) -> Path:
        return self.path.with_name(self.path.name + ".gz")

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
