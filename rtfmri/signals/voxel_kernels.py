"""The loops over voxels behind ``voxelwise.py``. P columns, V voxels; Q'y is (P, V).

All of them go through the voxels in stretches, so that what is being worked on stays in the processor's first cache over all columns, and
each voxel's sums run over the columns in order: the same bits with any instruction set.
"""

from __future__ import annotations

import math

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.signals.glm import NEGLIGIBLE
from rtfmri.volume import Array, Image

STRETCH = 512  # voxels


@kernel
def rotate_in(triangle: Array, rotated: Array, squares: Array, row: Array, values: Array) -> None:
    """Bring ``row`` (P,) and ``values`` (V,) into the triangle and what stands beside it; both are used up."""
    size = row.size
    cosines, sines = np.ones(size), np.zeros(size)
    for j in range(size):
        if row[j] == 0.0:
            continue
        length = math.hypot(triangle[j, j], row[j])
        cosines[j], sines[j] = triangle[j, j] / length, row[j] / length
        for k in range(j, size):
            upper = triangle[j, k]
            triangle[j, k] = cosines[j] * upper + sines[j] * row[k]
            row[k] = cosines[j] * row[k] - sines[j] * upper
    for start in range(0, values.size, STRETCH):
        rest = values[start : start + STRETCH]
        for j in range(size):
            if sines[j] == 0.0:
                continue
            above, cos, sin = rotated[j, start : start + STRETCH], cosines[j], sines[j]
            for v in range(rest.size):
                upper = above[v]
                above[v] = cos * upper + sin * rest[v]
                rest[v] = cos * rest[v] - sin * upper
        into = squares[start : start + STRETCH]
        for v in range(rest.size):
            into[v] += rest[v] * rest[v]


@kernel
def unexplained(triangle: Array, coefficients: Array, rank: int) -> Array:
    """Orthonormal rows (M, P) of what is left of Q'y beside the fitted part: the projector I - R B, factorised with pivots.

    Rows of Q'y that no volume has reached yet are zero in every voxel and are passed over.
    """
    size = triangle.shape[0]
    left = np.zeros((size, size))
    reached = 0
    for i in range(size):
        if triangle[i, i] == 0.0:
            continue
        reached += 1
        for j in range(size):
            if triangle[j, j] == 0.0:
                continue
            left[i, j] = 1.0 if i == j else 0.0
            for k in range(i, size):
                left[i, j] -= triangle[i, k] * coefficients[k, j]
    rows = np.zeros((reached - rank, size))
    for m in range(rows.shape[0]):
        pivot = np.argmax(np.diag(left))
        rows[m] = left[pivot] / math.sqrt(left[pivot, pivot])
        for i in range(size):
            left[i] -= rows[m, i] * rows[m]
    return rows


@kernel
def _add_weighted(rotated: Array, weights: Array, start: int, into: Array) -> None:
    """Add Q'y times ``weights`` (P,) of the voxels from ``start`` on to ``into``."""
    for j in range(weights.size):
        weight, values = weights[j], rotated[j, start : start + into.size]
        if weight != 0.0:
            for v in range(into.size):
                into[v] += weight * values[v]


@kernel
def t_values(rotated: Array, squares: Array, sums: Array, volumes: int, direction: Array, left_out: Array, dof: int) -> Image:
    t = np.zeros(squares.size, dtype=np.float32)
    for start in range(0, squares.size, STRETCH):
        left = squares[start : start + STRETCH].copy()
        effect, part = np.zeros(left.size), np.zeros(left.size)
        _add_weighted(rotated, direction, start, effect)
        for m in range(left_out.shape[0]):
            part[:] = 0.0
            _add_weighted(rotated, left_out[m], start, part)
            for v in range(left.size):
                left[v] += part[v] * part[v]
        for v in range(left.size):
            rounding = NEGLIGIBLE * sums[start + v]
            if left[v] * volumes > rounding * rounding:  # false as well where a voxel had no number
                t[start + v] = effect[v] / math.sqrt(left[v] / dof)
    return t


@kernel
def percent_values(rotated: Array, sums: Array, volumes: int, weights: Array) -> Image:
    percent = np.zeros(sums.size, dtype=np.float32)
    for start in range(0, sums.size, STRETCH):
        effect = np.zeros(min(STRETCH, sums.size - start))
        _add_weighted(rotated, weights, start, effect)
        for v in range(effect.size):
            if sums[start + v] > 0.0:
                percent[start + v] = 100.0 * volumes * effect[v] / sums[start + v]
    return percent
