"""What a run is realigned to: the mean of some of its volumes, or an image of an earlier run or session.

Rules:
* The mean lies in the frame of its first volume: coordinates, and what was published before the mean was ready, stay valid. A voxel's
  mean is over the volumes that cover it; the first covers all.
* An estimate that is not to be used is no part of a mean: the caller asks `sound`.
* An earlier image is found once in this run's own reference. What lies at x in it (RAS mm) then lies at T_run(T_session(x)) in each
  volume: motion is measured against an image of the run's own, and the way to the earlier one adds a constant error, no fluctuation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import inside, sample
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
        voxels = np.indices(self.grid.shape).reshape(3, -1).T
        points = transform_points(self.grid, transform, self.grid, voxels)
        covered = inside(points, self.grid.shape)
        values = np.where(covered, sample(coefficients, points), 0.0)
        shape = self.grid.shape
        return replace(
            self,
            sums=self.sums + values.reshape(shape),
            counts=self.counts + covered.reshape(shape).astype(np.int32),
            taken=self.taken + 1,
        )

    @property
    def image(self) -> Image:
        """The mean, float32 (X, Y, Z)."""
        mean: Image = (self.sums / self.counts).astype(np.float32)
        mean.setflags(write=False)
        return mean


def through(session: RigidTransform, run: RigidTransform) -> RigidTransform:
    """``session`` first, then ``run``: earlier reference -> volume, about the earlier reference's centre; no BLAS."""
    then, first = run.matrix, session.matrix
    matrix = np.array([[sum(then[i, k] * first[k, j] for k in range(4)) for j in range(4)] for i in range(4)])
    return RigidTransform.from_matrix(matrix, session.centre_mm)
