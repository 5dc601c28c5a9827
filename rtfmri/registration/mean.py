"""The mean of some of a run's volumes, each put where the first one lies: a reference with less noise than one volume has.

It lies in the frame of its first volume: coordinates, and what was published before the mean was complete, stay valid. A voxel's mean is
over the volumes that cover it; the first covers all. Which volumes are good enough is for the caller to judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.registration.reslice import covered, reslice
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image


@dataclass(frozen=True, eq=False)
class MeanOfVolumes:
    """The sum over the ``taken`` volumes so far, on the grid of the first: ``sums`` float64 and ``counts`` int32, both (X, Y, Z)."""

    grid: Grid
    sums: Array
    counts: npt.NDArray[np.int32]
    taken: int = 1

    @staticmethod
    def begun(first: Image, grid: Grid) -> MeanOfVolumes:
        """With the first volume, as it was measured."""
        return MeanOfVolumes(grid, first.astype(np.float64), np.ones(grid.shape, dtype=np.int32))

    def with_volume(self, coefficients: Image, transform: RigidTransform) -> MeanOfVolumes:
        """With one more volume, given by its cubic spline ``coefficients`` and where its head lies (``transform``: first -> it)."""
        values = reslice(coefficients, self.grid, transform, self.grid)  # zero where the volume has no data
        counts = self.counts + covered(self.grid, transform, self.grid)
        return MeanOfVolumes(self.grid, self.sums + values, counts.astype(np.int32), self.taken + 1)

    @property
    def image(self) -> Image:
        """The mean, float32 (X, Y, Z)."""
        mean: Image = (self.sums / self.counts).astype(np.float32)
        mean.setflags(write=False)
        return mean
