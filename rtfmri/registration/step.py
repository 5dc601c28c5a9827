"""One Gauss-Newton step, in kernels: sample, residual, sums for each slice, weights, solve, move.

Sums run in the order of the voxels, in float64, on one thread: the same input gives the same bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.volume import Array, Image


@kernel
def accumulate(
    voxels: npt.NDArray[np.int32],
    reference: Array,
    basis: Image,
    sampled: Array,
    within: npt.NDArray[np.bool_],
    scale: tuple[float, float, float, float, float, float, float],
    gain: Array,
    gradient: Array,
    squares: Array,
    counts: npt.NDArray[np.int64],
) -> None:
    """B' residual (Z, columns), residual sum of squares (Z,) and number of voxels within the volume (Z,), slice by slice.

    ``scale``: sampled value -> percent, then the centre and 1 / extent (voxels) of the monomials' coordinates.
    """
    percent, cx, cy, cz, sx, sy, sz = scale
    gradient[:] = 0.0
    squares[:] = 0.0
    counts[:] = 0
    for n in range(voxels.shape[0]):
        if not within[n]:
            continue
        u, v, w = (voxels[n, 0] - cx) * sx, (voxels[n, 1] - cy) * sy, (voxels[n, 2] - cz) * sz
        residual = sampled[n] * percent - reference[n] * (1.0 + _polynomial(gain, u, v, w))
        z = voxels[n, 2]
        squares[z] += residual * residual
        counts[z] += 1
        for column in range(basis.shape[1]):
            gradient[z, column] += residual * basis[n, column]


@kernel
def _polynomial(b: Array, u: float, v: float, w: float) -> float:
    """Sum of b_m u^a v^b w^c in the order of ``basis.EXPONENTS`` (last exponent fastest), by Horner's rule."""
    c0 = b[0] + w * (b[1] + w * (b[2] + w * b[3])) + v * (b[4] + w * (b[5] + w * b[6]) + v * (b[7] + w * b[8] + v * b[9]))
    c1 = b[10] + w * (b[11] + w * b[12]) + v * (b[13] + w * b[14] + v * b[15])
    c2 = b[16] + w * b[17] + v * b[18]
    return c0 + u * (c1 + u * (c2 + u * b[19]))


@kernel
def slice_weights(squares: Array, counts: npt.NDArray[np.int64], total: npt.NDArray[np.int64], weights: Array) -> float:
    """Inverse-variance weights: 1 up to the median slice's variance, less beyond it; times the share of voxels within the volume.

    Returns the median over slices of the residuals' root mean square (percent), which one bad slice does not move; 0 where no slice
    has a voxel.
    """
    variances = np.empty(squares.size)
    used = 0
    for z in range(squares.size):
        if counts[z] > 0 and 4 * counts[z] >= total[z]:
            variances[used] = squares[z] / counts[z]
            used += 1
    if used == 0:
        weights[:] = 0.0
        return 0.0
    typical = np.sort(variances[:used])[used // 2]
    for z in range(squares.size):
        weights[z] = 0.0
        if counts[z] > 0:
            variance = squares[z] / counts[z]
            weights[z] = counts[z] / total[z] * (typical / variance if variance > typical else 1.0)
    return math.sqrt(typical)


@kernel
def solve(normal: Array, gradient: Array, weights: Array, solution: Array) -> bool:
    """Weighted sum over slices, then Cholesky; False where the equations do not determine every parameter."""
    size = solution.size
    matrix = np.zeros((size, size))
    solution[:] = 0.0
    for z in range(weights.size):
        if weights[z] == 0.0:
            continue
        for i in range(size):
            solution[i] += weights[z] * gradient[z, i]
            for j in range(size):
                matrix[i, j] += weights[z] * normal[z, i, j]
    for i in range(size):
        for j in range(i + 1):
            rest = matrix[i, j]
            for k in range(j):
                rest -= matrix[i, k] * matrix[j, k]
            if i > j:
                matrix[i, j] = rest / matrix[j, j]
            elif rest > 1e-9 * matrix[i, i]:
                matrix[i, i] = math.sqrt(rest)
            else:
                return False
    for i in range(size):
        for k in range(i):
            solution[i] -= matrix[i, k] * solution[k]
        solution[i] /= matrix[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            solution[i] -= matrix[k, i] * solution[k]
        solution[i] /= matrix[i, i]
    return True
