"""One Gauss-Newton step, in kernels: sample, residual, sums for each slice, weights, solve, move.

Sums run in the order of the voxels, in float64, on one thread: the same input gives the same bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.volume import Array, Image

LEAST_SIGNAL = 0.25  # of the reference's: what shows less is not the head


@kernel
def piece_sums(
    voxels: npt.NDArray[np.int32],
    piece: npt.NDArray[np.int32],
    pieces: int,
    reference: Array,
    basis: Image,
    sampled: Array,
    within: npt.NDArray[np.bool_],
    percent: float,
    frame: Array,
    gain: Array,
) -> Array:
    """(pieces, C + 4): for each piece B' residual, the residuals' sum of squares, the number of voxels within the volume, and over these
    the signal of the volume and of the reference.

    ``percent`` takes a sampled value to percent; ``frame`` (2, 3): centre, and 1 / extent, in voxels, of the monomials' coordinates.
    """
    size = basis.shape[1]
    sums = np.zeros((pieces, size + 4))
    cx, cy, cz = frame[0, 0], frame[0, 1], frame[0, 2]
    sx, sy, sz = frame[1, 0], frame[1, 1], frame[1, 2]
    for n in range(voxels.shape[0]):
        if not within[n]:
            continue
        u, v, w = (voxels[n, 0] - cx) * sx, (voxels[n, 1] - cy) * sy, (voxels[n, 2] - cz) * sz
        signal = sampled[n] * percent
        residual = signal - reference[n] * (1.0 + _polynomial(gain, u, v, w))
        into = sums[piece[n]]
        for column in range(size):
            into[column] += residual * basis[n, column]
        into[size] += residual * residual
        into[size + 1] += 1.0
        into[size + 2] += signal
        into[size + 3] += reference[n]
    return sums


@kernel
def slice_sums(pieces: Array, slices: int) -> Array:
    """(Z, C + 4): the sums of each slice; ``pieces`` (tiles Z, C + 4) hold all slices of one tile after another."""
    sums = np.zeros((slices, pieces.shape[1]))
    for piece in range(pieces.shape[0]):
        into = sums[piece % slices]
        for column in range(pieces.shape[1]):
            into[column] += pieces[piece, column]
    return sums


@kernel
def _polynomial(b: Array, u: float, v: float, w: float) -> float:
    """Sum of b_m u^a v^b w^c in the order of ``basis.EXPONENTS`` (last exponent fastest), by Horner's rule."""
    c0 = b[0] + w * (b[1] + w * (b[2] + w * b[3])) + v * (b[4] + w * (b[5] + w * b[6]) + v * (b[7] + w * b[8] + v * b[9]))
    c1 = b[10] + w * (b[11] + w * b[12]) + v * (b[13] + w * b[14] + v * b[15])
    c2 = b[16] + w * b[17] + v * b[18]
    return c0 + u * (c1 + u * (c2 + u * b[19]))


@kernel
def slice_weights(sums: Array, voxels_in_slice: npt.NDArray[np.int64]) -> tuple[Array, float]:
    """Weights (Z,): inverse variance beyond the median slice's, 1 up to it, times the share of the slice within the volume.

    Beside them the median slice's root mean square residual (percent), which one bad slice does not move; the median is over slices
    with at least a quarter of their voxels within the volume, and 0 where there is none. A slice that has lost its signal has no part.
    """
    slices, size = sums.shape[0], sums.shape[1] - 4
    weights, variances = np.zeros(slices), np.zeros(slices)
    used = 0
    for z in range(slices):
        count = sums[z, size + 1]
        if count > 0.0 and 4.0 * count >= voxels_in_slice[z] and not is_lost(sums[z]):
            variances[used] = sums[z, size] / count
            used += 1
    typical = np.sort(variances[:used])[used // 2] if used > 0 else 0.0
    for z in range(slices):
        count = sums[z, size + 1]
        if used > 0 and count > 0.0 and not is_lost(sums[z]):
            variance = sums[z, size] / count
            weights[z] = count / voxels_in_slice[z] * (typical / variance if variance > typical else 1.0)
    return weights, math.sqrt(typical)


@kernel
def is_lost(sums: Array) -> bool:
    """Whether a slice shows less than a quarter of the reference's signal there, whatever the gain that was fitted to it."""
    lost: bool = sums[sums.size - 2] < LEAST_SIGNAL * sums[sums.size - 1]
    return lost


@kernel
def solve(normal: Array, sums: Array, weights: Array, solution: Array) -> bool:
    """Weighted sum over slices of B'D and of B' residual, solved; False where the equations do not determine every parameter."""
    size = solution.size
    solution[:] = 0.0
    for z in range(weights.size):
        if weights[z] > 0.0:
            for i in range(size):
                solution[i] += weights[z] * sums[z, i]
    matrix, scale = weighted_normal(normal, weights)
    return solve_scaled(matrix, scale, solution)


@kernel
def weighted_normal(normal: Array, weights: Array) -> tuple[Array, Array]:
    """Sum over slices of B'D (C, C), and the square roots of its diagonal (C,)."""
    size = normal.shape[1]
    matrix, scale = np.zeros((size, size)), np.empty(size)
    for z in range(weights.size):
        if weights[z] > 0.0:
            for i in range(size):
                for j in range(size):
                    matrix[i, j] += weights[z] * normal[z, i, j]
    for i in range(size):
        scale[i] = math.sqrt(abs(matrix[i, i]))
    return matrix, scale


@kernel
def solve_scaled(matrix: Array, scale: Array, solution: Array) -> bool:
    """Solve in place with rows and columns divided by ``scale``: mm, rad and percent become comparable, so that pivots can be compared."""
    size = solution.size
    for i in range(size):
        if not scale[i] > 0.0:
            return False
    for i in range(size):
        solution[i] /= scale[i]
        for j in range(size):
            matrix[i, j] /= scale[i] * scale[j]
    determined: bool = eliminate(matrix, solution)
    for i in range(size):
        solution[i] /= scale[i]
    return determined


@kernel
def eliminate(matrix: Array, solution: Array) -> bool:
    """Gaussian elimination with partial pivoting, in place (B'D is not symmetric); False where a pivot is too small to divide by."""
    size = solution.size
    for i in range(size):
        _bring_up_pivot(matrix, solution, i)
        if not abs(matrix[i, i]) > 1e-9:
            return False
        for k in range(i + 1, size):
            factor = matrix[k, i] / matrix[i, i]
            solution[k] -= factor * solution[i]
            for j in range(i + 1, size):
                matrix[k, j] -= factor * matrix[i, j]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            solution[i] -= matrix[i, j] * solution[j]
        solution[i] /= matrix[i, i]
    return True


@kernel
def _bring_up_pivot(matrix: Array, solution: Array, i: int) -> None:
    """Exchange row ``i`` with the row below it that has the largest entry in column ``i``."""
    best = i
    for k in range(i + 1, solution.size):
        if abs(matrix[k, i]) > abs(matrix[best, i]):
            best = k
    if best != i:
        solution[i], solution[best] = solution[best], solution[i]
        for j in range(i, solution.size):
            matrix[i, j], matrix[best, j] = matrix[best, j], matrix[i, j]
