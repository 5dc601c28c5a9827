"""How uncertain an estimate is, and which slices are bad, from the residuals of its last step.

The equations B' residual = B' D (delta, b) sum over cells of the head (see ``cells.py``). With s_k the weighted sum of cell k at the
solution and A the first six rows of the inverse of B' D, the parameters' covariance is ``n / (n - p) sum_k (A s_k)(A s_k)'``: the
sandwich estimator with clusters (Liang and Zeger 1986, Biometrika 73:13), corrected for the p parameters that the fit takes from n cells;
n = (sum m)^2 / sum m^2 counts cells of unequal size m (voxels). Whatever spoils a volume, noise, a wrong contrast, missing signal,
shows in that scatter; an error that goes the same way everywhere does not.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.registration import step
from rtfmri.volume import Array

MOTION = 6
RADIUS_MM = 50.0

_BAD = 4.0  # times the residual's variance in the slices about it
_ABOUT = 3  # slices on each side
_WHOLE = 0.9  # of its voxels must a slice have within the volume to be judged


def covariance_of(normal: Array, pieces: Array, weights: Array, slab: npt.NDArray[np.int64]) -> Array:
    """(6, 6) in mm and rad; infinite on the diagonal where cells are too few, or nothing is determined."""
    covariance = np.zeros((MOTION, MOTION))
    if not _scatter(normal, pieces, weights, slab, covariance):
        return np.diag(np.full(MOTION, np.inf))
    return covariance


def uncertainty_mm(covariance: Array) -> float:
    """Root mean square displacement, 50 mm from the centre, of an error with this covariance: sqrt(tr C_t + 2/3 50^2 tr C_r).

    At distance r in direction n a small rotation w moves by r w x n; its square, averaged over all directions, is 2/3 r^2 |w|^2.
    """
    trans, turn = sum(float(covariance[k, k]) for k in range(3)), sum(float(covariance[k, k]) for k in range(3, MOTION))
    return math.sqrt(trans + 2.0 / 3.0 * RADIUS_MM**2 * turn)


def bad_slices(sums: Array, voxels_in_slice: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """Slices that have lost their signal, and those whose residual variance is beyond four times the median of the slices about them
    (three on each side, itself among them); the reference's slices, so that one bad slice of the volume shows in one or two.

    Residuals differ smoothly from slice to slice (tissue, field): neighbours tell what to expect, and two bad ones side by side do not
    move their median. The outermost slices within the volume are not judged by it: interpolation lacks a neighbour there.
    """
    size = sums.shape[1] - 4
    counts = sums[:, size + 1]
    lost = {z for z in range(len(sums)) if counts[z] > 0 and step.is_lost(sums[z])}
    whole = [bool(count > _WHOLE * full) for count, full in zip(counts, voxels_in_slice, strict=True)]
    judged = [z for z in range(1, len(sums) - 1) if all(whole[z - 1 : z + 2]) and z not in lost]
    variances = [float(sums[z, size] / counts[z]) for z in judged]
    for place, z in enumerate(judged):
        about = sorted(variances[max(0, place - _ABOUT) : place + _ABOUT + 1])
        if variances[place] > _BAD * about[len(about) // 2]:
            lost.add(z)
    return tuple(sorted(lost))


@kernel
def _scatter(normal: Array, pieces: Array, weights: Array, slab: npt.NDArray[np.int64], covariance: Array) -> bool:
    slices, size = normal.shape[0], normal.shape[1]
    inverse = np.zeros((MOTION, size))
    for row in range(MOTION):
        matrix, scale = step.weighted_normal(normal, weights)
        inverse[row, row] = 1.0
        if not step.solve_scaled(matrix.T.copy(), scale, inverse[row]):
            return False
    slabs = slab[slices - 1] + 1
    total = squares = 0.0
    for tile in range(pieces.shape[0] // slices):
        cells = np.zeros((slabs, size + 1))
        for z in range(slices):
            into, piece = cells[slab[z]], pieces[tile * slices + z]
            for column in range(size):
                into[column] += weights[z] * piece[column]
            into[size] += piece[size + 1]
        for s in range(slabs):
            total += cells[s, size]
            squares += cells[s, size] * cells[s, size]
            _add_square(inverse, cells[s], covariance)
    number = total * total / squares if squares > 0.0 else 0.0
    if not number > size + 1.0:
        return False
    for i in range(MOTION):
        for j in range(MOTION):
            covariance[i, j] *= number / (number - size)
    return True


@kernel
def _add_square(inverse: Array, cell: Array, covariance: Array) -> None:
    size = inverse.shape[1]
    move = np.zeros(MOTION)
    for i in range(MOTION):
        for column in range(size):
            move[i] += inverse[i, column] * cell[column]
    for i in range(MOTION):
        for j in range(MOTION):
            covariance[i, j] += move[i] * move[j]
