"""Cubic B-spline interpolation: coefficients once per volume, values wherever they are asked for.

Conventions. Images are (X, Y, Z), C-contiguous float32; points are fractional voxel indices, voxel centres at whole numbers.
Beyond its outermost voxel centres the image is continued as its mirror image about them (period 2n - 2), so every point has
a value; `inside` says which points lie within the volume, half a voxel beyond the outermost centres included.

The prefilter is the recursive one of Unser, Aldroubi and Eden 1993 (IEEE Trans Signal Process 41:834), in float32: it is within a few
roundings of what float32 coefficients can hold. Values are summed in float64, in a fixed order.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.registration.taps import block_sum
from rtfmri.volume import Array, Image

_POLE = math.sqrt(3.0) - 2.0  # of the cubic B-spline's inverse filter
_HORIZON = 24  # terms of the filter's start: |pole| ** 24 < 2e-14


def prefilter(image: Image) -> Image:
    """Cubic B-spline coefficients of ``image``: float32 (X, Y, Z), read-only, mirrored boundary.

    Raises
    ------
    ValueError : ``image`` is not a three-dimensional float32 array.
    """
    if image.ndim != 3 or image.dtype != np.float32:
        raise ValueError(f"an image is float32 (X, Y, Z), not {image.dtype} with {image.ndim} dimensions")
    coefficients: Image = np.array(image, order="C")
    first, second, third = (start_weights(length) for length in image.shape)
    _filter_volume(coefficients, first, second, third)
    coefficients.setflags(write=False)
    return coefficients


def sample(coefficients: Image, points: Array) -> Array:
    """Values at fractional voxel indices ``points`` (N, 3): float64 (N,); mirrored outside, so never NaN for finite points."""
    values = np.empty(len(points))
    _sample_points(coefficients, np.array(points, dtype=np.float64, order="C"), values)
    return values


def inside(points: Array, shape: tuple[int, int, int]) -> npt.NDArray[np.bool_]:
    """Which of ``points`` (N, 3) lie within the volume: at most half a voxel beyond the outermost voxel centres."""
    return np.all((points >= -0.5) & (points <= np.array(shape) - 0.5), axis=1)


def start_weights(length: int) -> Image:
    """How much each of the first samples of a mirrored line adds to the causal filter's first value: float32 (<= 24,).

    A line of one sample is its own coefficient and has no weights.
    """
    if length == 1:
        return np.zeros(0, dtype=np.float32)
    period = 2 * length - 2
    weights = np.array([_POLE**k + (_POLE ** (period - k) if 0 < k < length - 1 else 0.0) for k in range(min(length, _HORIZON))])
    return (weights / (1.0 - _POLE**period)).astype(np.float32)


@kernel
def _filter_rows(lines: Image, weights: Image) -> None:
    """Filter (n, m) along its first axis, in place; neighbours in a row are independent, which keeps the inner loops wide."""
    n, m = lines.shape
    if n == 1:
        return
    pole, gain = np.float32(_POLE), np.float32(6.0)
    start = np.zeros(m, dtype=np.float32)
    for k in range(weights.size):
        for j in range(m):
            start[j] += weights[k] * lines[k, j]
    for j in range(m):
        lines[0, j] = gain * start[j]
    for i in range(1, n):
        for j in range(m):
            lines[i, j] = gain * lines[i, j] + pole * lines[i - 1, j]
    last = np.float32(_POLE / (_POLE * _POLE - 1.0))
    for j in range(m):
        lines[n - 1, j] = last * (lines[n - 1, j] + pole * lines[n - 2, j])
    for i in range(n - 2, -1, -1):
        for j in range(m):
            lines[i, j] = pole * (lines[i + 1, j] - lines[i, j])


@kernel
def _filter_volume(c: Image, first: Image, second: Image, third: Image) -> None:
    """Filter (X, Y, Z) in place along all three axes, one plane of x at a time while it is in the cache."""
    nx, ny, nz = c.shape
    turned = np.empty((nz, ny), dtype=np.float32)
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                turned[z, y] = c[x, y, z]
        _filter_rows(turned, third)
        for y in range(ny):
            for z in range(nz):
                c[x, y, z] = turned[z, y]
        _filter_rows(c[x], second)
    _filter_rows(c.reshape(nx, ny * nz), first)


@kernel
def _mirrored(index: int, length: int) -> int:
    if 0 <= index < length:  # nearly always, and spares a division
        return index
    if length == 1:
        return 0
    period = 2 * length - 2
    index = index % period
    return period - index if index >= length else index


@kernel
def _surrounded(c: Image, x: float, y: float, z: float) -> bool:
    """Whether all 64 neighbours of a point lie within the volume: the usual case, and the fast one."""
    return x >= 1.0 and y >= 1.0 and z >= 1.0 and x < c.shape[0] - 2 and y < c.shape[1] - 2 and z < c.shape[2] - 2


@kernel
def _value_surrounded(flat: Image, row: int, plane: int, x: float, y: float, z: float) -> float:
    """The spline at a surrounded point; ``flat`` is the volume as one dimension, ``row`` and ``plane`` its strides."""
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    base = (int(fx) - 1) * plane + (int(fy) - 1) * row + int(fz) - 1
    value: float = block_sum(flat, base, row, plane, _weights(x - fx), _weights(y - fy), _weights(z - fz))
    return value


@kernel
def _value_near_edge(c: Image, x: float, y: float, z: float) -> float:
    """The same sum in the same order, with neighbours beyond the volume mirrored into it."""
    nx, ny, nz = c.shape
    fx, fy, fz = math.floor(x), math.floor(y), math.floor(z)
    i, j, k = int(fx) - 1, int(fy) - 1, int(fz) - 1
    wx, wy, wz = _weights(x - fx), _weights(y - fy), _weights(z - fz)
    s0 = s1 = s2 = s3 = 0.0
    k0, k1, k2, k3 = _mirrored(k, nz), _mirrored(k + 1, nz), _mirrored(k + 2, nz), _mirrored(k + 3, nz)
    for a in range(4):
        ia = _mirrored(i + a, nx)
        for b in range(4):
            w, jb = wx[a] * wy[b], _mirrored(j + b, ny)
            s0 += w * c[ia, jb, k0]
            s1 += w * c[ia, jb, k1]
            s2 += w * c[ia, jb, k2]
            s3 += w * c[ia, jb, k3]
    return wz[0] * s0 + wz[1] * s1 + wz[2] * s2 + wz[3] * s3


@kernel
def _weights(t: float) -> tuple[float, float, float, float]:
    """The cubic B-spline at t + 1, t, t - 1, t - 2 for 0 <= t < 1."""
    u, sixth = 1.0 - t, 1.0 / 6.0  # four divisions would cost as much as the rest of this
    return sixth * u * u * u, 4.0 * sixth - t * t * (1.0 - 0.5 * t), 4.0 * sixth - u * u * (1.0 - 0.5 * u), sixth * t * t * t


@kernel
def _sample_points(c: Image, points: Array, values: Array) -> None:
    """Two passes, here and below: with the rare case in the same loop the usual one takes twice as long."""
    flat, row, plane = c.reshape(-1), c.shape[2], c.shape[1] * c.shape[2]
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        if _surrounded(c, x, y, z):
            values[n] = _value_surrounded(flat, row, plane, x, y, z)
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        if not _surrounded(c, x, y, z):
            values[n] = _value_near_edge(c, x, y, z)


@kernel
def sample_moved(c: Image, voxels: npt.NDArray[np.int32], to_moving: Array, values: Array, within: npt.NDArray[np.bool_]) -> None:
    """Values at the moved positions of whole ``voxels`` (N, 3); ``to_moving`` (3, 4) takes their indices to indices in ``c``.

    ``within`` is false, and the value zero, beyond the outermost voxel centres: a mirrored value would bias an estimate.
    """
    flat, row, plane = c.reshape(-1), c.shape[2], c.shape[1] * c.shape[2]
    for n in range(voxels.shape[0]):
        x, y, z = _moved(to_moving, voxels, n)
        within[n] = _surrounded(c, x, y, z)
        values[n] = _value_surrounded(flat, row, plane, x, y, z) if within[n] else 0.0
    tiny = 1e-6  # the outermost slices of a head that has not moved are within
    ex, ey, ez = c.shape[0] - 1 + tiny, c.shape[1] - 1 + tiny, c.shape[2] - 1 + tiny
    for n in range(voxels.shape[0]):
        if not within[n]:
            x, y, z = _moved(to_moving, voxels, n)
            if x >= -tiny and y >= -tiny and z >= -tiny and x <= ex and y <= ey and z <= ez:
                within[n] = True
                values[n] = _value_near_edge(c, x, y, z)


@kernel
def _moved(m: Array, voxels: npt.NDArray[np.int32], n: int) -> tuple[float, float, float]:
    i, j, k = voxels[n, 0], voxels[n, 1], voxels[n, 2]
    x = m[0, 0] * i + m[0, 1] * j + m[0, 2] * k + m[0, 3]
    y = m[1, 0] * i + m[1, 1] * j + m[1, 2] * k + m[1, 3]
    z = m[2, 0] * i + m[2, 1] * j + m[2, 2] * k + m[2, 3]
    return x, y, z
