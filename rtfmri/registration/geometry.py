"""Where the voxels of one grid lie in another after a rigid motion; 3x3 algebra written out, no BLAS or LAPACK."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid


def transform_points(reference_grid: Grid, transform: RigidTransform, moving_grid: Grid, voxels: Array | npt.NDArray[np.int64]) -> Array:
    """Fractional voxel indices (N, 3) in the moving volume of reference ``voxels`` (N, 3), whole or fractional: where to sample it."""
    points = np.empty((len(voxels), 3))
    to_moving = voxel_map(reference_grid.affine, transform.matrix, moving_grid.affine)
    _map_points(to_moving, np.array(voxels, dtype=np.float64, order="C"), points)
    return points


def voxel_map(reference_affine: Array, matrix: Array, moving_affine: Array) -> Array:
    """(3, 4): reference voxel index -> moving voxel index, inverse(moving affine) . matrix . reference affine."""
    to_moving = np.empty((3, 4))
    # copies, so that read-only and turned arrays too meet the kernel that was compiled before the run
    reference, middle, moving = (np.array(a, dtype=np.float64, order="C") for a in (reference_affine, matrix, moving_affine))
    _voxel_map(reference, middle, moving, to_moving)
    return to_moving


@kernel
def _map_points(m: Array, voxels: Array, points: Array) -> None:
    for n in range(voxels.shape[0]):
        for row in range(3):
            points[n, row] = m[row, 0] * voxels[n, 0] + m[row, 1] * voxels[n, 1] + m[row, 2] * voxels[n, 2] + m[row, 3]


@kernel
def _voxel_map(reference: Array, matrix: Array, moving: Array, out: Array) -> None:
    moved = np.zeros((3, 4))
    for i in range(3):
        for j in range(4):
            for k in range(4):
                moved[i, j] += matrix[i, k] * reference[k, j]
        moved[i, 3] -= moving[i, 3]
    inverse = np.empty((3, 3))
    for i in range(3):  # cofactors: row i of the inverse comes from columns i + 1, i + 2 of the matrix
        for j in range(3):
            a, b, c, d = (j + 1) % 3, (j + 2) % 3, (i + 1) % 3, (i + 2) % 3
            inverse[i, j] = moving[a, c] * moving[b, d] - moving[a, d] * moving[b, c]
    determinant = moving[0, 0] * inverse[0, 0] + moving[0, 1] * inverse[1, 0] + moving[0, 2] * inverse[2, 0]
    for i in range(3):
        for j in range(4):
            out[i, j] = (inverse[i, 0] * moved[0, j] + inverse[i, 1] * moved[1, j] + inverse[i, 2] * moved[2, j]) / determinant


@kernel
def compose_inverse(rotation: Array, trans: Array, small: Array, trans_mm: Array, turned: Array, moved: Array) -> None:
    """T after the inverse of D, about their common centre: ``turned``, ``moved`` = R Rd', t - R Rd' td (``small`` is Rd)."""
    for i in range(3):
        moved[i] = trans[i]
        for j in range(3):
            turned[i, j] = rotation[i, 0] * small[j, 0] + rotation[i, 1] * small[j, 1] + rotation[i, 2] * small[j, 2]
            moved[i] -= turned[i, j] * trans_mm[j]
