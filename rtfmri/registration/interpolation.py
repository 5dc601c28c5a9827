"""B-spline interpolation of orders 3 to 7: values of a volume wherever they are asked for, from its coefficients.

Conventions. Images are (X, Y, Z), C-contiguous float32; points are fractional voxel indices, voxel centres at whole numbers.
Beyond its outermost voxel centres the image is continued as its mirror image about them (period 2n - 2), so every point has
a value; `inside` says which points lie within the volume, half a voxel beyond the outermost centres included. Coefficients of
one order (`prefilter`) give values with the same order only.

`sample` sums in float64; `sample_moved`, for estimates, in float32 where voxels in a row can be summed at once: within 1e-6 of the
largest coefficient. Every sum has a fixed order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.registration.bspline import Pieces, pieces, shift
from rtfmri.registration.prefilter import prefilter as prefilter
from rtfmri.registration.taps import LANES, block_sum, run_sums, weights_at
from rtfmri.volume import Array, Image

_TINY = 1e-6  # voxels; the outermost slices of a head that has not moved are within


def sample(coefficients: Image, points: Array, order: int = 3) -> Array:
    """Values at fractional voxel indices ``points`` (N, 3): float64 (N,); mirrored outside, so never NaN for finite points.

    Raises
    ------
    ValueError : the order is not one of 3 to 7.
    """
    values = np.empty(len(points))
    _sample_points(coefficients, np.array(points, dtype=np.float64, order="C"), pieces(order), shift(order), values)
    return values


def sample_moved(
    coefficients: Image, voxels: npt.NDArray[np.int32], to_moving: Array, values: Array, within: npt.NDArray[np.bool_], order: int = 3
) -> None:
    """Fill ``values`` (N,) at the moved positions of whole ``voxels`` (N, 3).

    ``to_moving`` (3, 4) takes their indices to indices in the volume. ``within`` (N,) is false, and the value zero, beyond the
    outermost voxel centres: a mirrored value would bias an estimate. Voxels that follow one another along z, with or without gaps, are
    summed up to eight at a time: whole lines cost about a quarter of scattered voxels.
    """
    _sample_moved(coefficients, voxels, to_moving, pieces(order), shift(order), values, within)


def warm_up(order: int = 3) -> None:
    """Compile, or load from the cache, every kernel of this file for one order, with the types of a run."""
    coefficients = prefilter(np.zeros((4, 4, 4), dtype=np.float32), order)
    sample(coefficients, np.zeros((1, 3)), order)
    sample_moved(coefficients, np.zeros((1, 3), dtype=np.int32), np.eye(4)[:3].copy(), np.empty(1), np.empty(1, dtype=np.bool_), order)


def inside(points: Array, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Which of ``points`` (N, 3) lie within the volume: at most half a voxel beyond the outermost voxel centres."""
    return np.all((points >= -0.5) & (points <= np.array(shape) - 0.5), axis=1)


@kernel
def mirrored(index: int, length: int) -> int:
    if 0 <= index < length:  # nearly always, and spares a division
        return index
    if length == 1:
        return 0
    period = 2 * length - 2
    index = index % period
    return period - index if index >= length else index


@kernel
def _surrounded(c: Image, half: int, x: float, y: float, z: float) -> bool:
    """Whether all neighbours of a point (shifted for even orders) lie within the volume: the usual case, and the fast one.

    There are ``half`` of them below the point's cell, and no more than ``half + 1`` above.
    """
    low, high = float(half), half + 1.0
    return x >= low and y >= low and z >= low and x < c.shape[0] - high and y < c.shape[1] - high and z < c.shape[2] - high


@kernel
def _value_surrounded(flat: Image, row: int, plane: int, table: Pieces, x: float, y: float, z: float) -> float:
    """The spline at a surrounded point; ``flat`` is the volume as one dimension, ``row`` and ``plane`` its strides."""
    half = (len(table) - 1) // 2
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    base = (int(fx) - half) * plane + (int(fy) - half) * row + int(fz) - half
    value: float = block_sum(flat, base, row, plane, weights_at(table, x - fx), weights_at(table, y - fy), weights_at(table, z - fz))
    return value


@kernel
def _value_near_edge(c: Image, table: Pieces, x: float, y: float, z: float, block: Image, along_z: npt.NDArray[np.int64]) -> float:
    """The same sum of neighbours that are first copied into ``block`` (order + 1, cubed), those beyond the volume mirrored into it.

    ``along_z`` (order + 1,) is room for their indices.
    """
    count = len(table)
    half = (count - 1) // 2
    fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
    for t in range(count):
        along_z[t] = mirrored(int(fz) - half + t, c.shape[2])
    at = 0
    for a in range(count):
        i = mirrored(int(fx) - half + a, c.shape[0])
        for b in range(count):
            j = mirrored(int(fy) - half + b, c.shape[1])
            for t in range(count):
                block[at + t] = c[i, j, along_z[t]]
            at += count
    weights = (weights_at(table, x - fx), weights_at(table, y - fy), weights_at(table, z - fz))
    value: float = block_sum(block, 0, count, count * count, weights[0], weights[1], weights[2])
    return value


@kernel
def _sample_points(c: Image, points: Array, table: Pieces, offset: float, values: Array) -> None:
    """Two passes, here and below: with the rare case in the same loop the usual one takes twice as long."""
    half = (len(table) - 1) // 2
    flat, row, plane = c.reshape(-1), c.shape[2], c.shape[1] * c.shape[2]
    for n in range(points.shape[0]):
        x, y, z = points[n, 0] + offset, points[n, 1] + offset, points[n, 2] + offset
        if _surrounded(c, half, x, y, z):
            values[n] = _value_surrounded(flat, row, plane, table, x, y, z)
    block, along_z = np.empty(len(table) ** 3, dtype=np.float32), np.empty(len(table), dtype=np.int64)
    for n in range(points.shape[0]):
        x, y, z = points[n, 0] + offset, points[n, 1] + offset, points[n, 2] + offset
        if not _surrounded(c, half, x, y, z):
            values[n] = _value_near_edge(c, table, x, y, z, block, along_z)


@kernel
def _sample_moved(
    c: Image, voxels: npt.NDArray[np.int32], m: Array, table: Pieces, offset: float, values: Array, within: npt.NDArray[np.bool_]
) -> None:
    half, row, plane = (len(table) - 1) // 2, c.shape[2], c.shape[1] * c.shape[2]
    flat, reach = c.reshape(-1), (len(table) - 1) * (plane + row + 1) + LANES
    du = (m[0, 2], m[1, 2], m[2, 2] - 1.0)
    eight = np.empty(LANES, dtype=np.float32)
    n = 0
    while n < voxels.shape[0]:
        x, y, z = _moved(m, voxels, n, offset)
        count = 1
        values[n], within[n] = 0.0, _surrounded(c, half, x, y, z)
        if within[n]:
            fx, fy, fz = np.floor(x), np.floor(y), np.floor(z)
            base = (int(fx) - half) * plane + (int(fy) - half) * row + int(fz) - half
            u = (x - fx, y - fy, z - fz)
            if base + reach <= c.size:  # else the vector would reach past the volume's end
                most = min(steps_within(u[0], du[0]), steps_within(u[1], du[1]), steps_within(u[2], du[2]))
                count = _followers(voxels, n, min(most, float(LANES), row - half - 1 - fz))
            if count > 1:
                run_sums(flat, base, row, plane, table, u, du, eight, 0)
                for i in range(count):
                    values[n + i], within[n + i] = eight[voxels[n + i, 2] - voxels[n, 2]], True
            else:
                weights = (weights_at(table, u[0]), weights_at(table, u[1]), weights_at(table, u[2]))
                values[n] = block_sum(flat, base, row, plane, weights[0], weights[1], weights[2])
        n += count
    _sample_rest(c, voxels, m, table, offset, values, within)


@kernel
def _sample_rest(
    c: Image, voxels: npt.NDArray[np.int32], m: Array, table: Pieces, offset: float, values: Array, within: npt.NDArray[np.bool_]
) -> None:
    """Those near the volume's edges."""
    block, along_z = np.empty(len(table) ** 3, dtype=np.float32), np.empty(len(table), dtype=np.int64)
    ex, ey, ez = c.shape[0] - 1 + _TINY, c.shape[1] - 1 + _TINY, c.shape[2] - 1 + _TINY
    for n in range(voxels.shape[0]):
        if not within[n]:
            x, y, z = _moved(m, voxels, n, 0.0)
            if x >= -_TINY and y >= -_TINY and z >= -_TINY and x <= ex and y <= ey and z <= ez:
                within[n] = True
                values[n] = _value_near_edge(c, table, x + offset, y + offset, z + offset, block, along_z)


@kernel
def _followers(voxels: npt.NDArray[np.int32], n: int, most: float) -> int:
    """How many voxels from ``n`` on, itself included, lie in its line of z, less than ``most`` above it; at least 1."""
    count = 1
    while n + count < voxels.shape[0]:
        after = n + count
        above = voxels[after, 2] - voxels[n, 2]
        if above < 0 or above >= most or voxels[after, 0] != voxels[n, 0] or voxels[after, 1] != voxels[n, 1]:
            break
        count += 1
    return count


@kernel
def steps_within(u: float, du: float) -> float:
    """How many points of a run, the first included, lie in the first one's cell along one axis; at least 1."""
    if du > 0.0:
        return max(1.0, np.ceil((1.0 - u) / du))
    return np.floor(u / -du) + 1.0 if du < 0.0 else np.inf


@kernel
def _moved(m: Array, voxels: npt.NDArray[np.int32], n: int, offset: float) -> tuple[float, float, float]:
    i, j, k = voxels[n, 0], voxels[n, 1], voxels[n, 2]
    x = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3] + offset
    y = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3] + offset
    z = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3] + offset
    return x, y, z
