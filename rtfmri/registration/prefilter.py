"""From a volume to its B-spline coefficients, once per volume.

The recursive filter of Unser, Aldroubi and Eden 1993 (IEEE Trans Signal Process 41:834), in float32: within a few roundings of what
float32 coefficients can hold. The volume is continued as its mirror image about its outermost voxel centres (period 2n - 2).
"""

from __future__ import annotations

import math

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.registration.bspline import poles
from rtfmri.volume import Array, Image

_NEGLIGIBLE = 1e-14  # terms of the filter's start below this share of the first are left out


def prefilter(image: Image, order: int = 3) -> Image:
    """B-spline coefficients of ``image``: float32 (X, Y, Z), read-only, mirrored boundary.

    Raises
    ------
    ValueError : ``image`` is not a three-dimensional float32 array, or the order is not one of 3 to 7.
    """
    if image.ndim != 3 or image.dtype != np.float32:
        raise ValueError(f"an image is float32 (X, Y, Z), not {image.dtype} with {image.ndim} dimensions")
    coefficients: Image = np.array(image, order="C")
    first, second, third = (start_weights(length, poles(order)) for length in image.shape)
    _filter_volume(coefficients, np.array(poles(order)), first, second, third)
    coefficients.setflags(write=False)
    return coefficients


def start_weights(length: int, poles: tuple[float, ...]) -> Image:
    """How much each of the first samples of a mirrored line adds to the causal filter's first value: float32 (poles, <= length).

    A line of one sample is its own coefficient and has no weights.
    """
    if length == 1:
        return np.zeros((len(poles), 0), dtype=np.float32)
    period = 2 * length - 2
    terms = min(length, math.ceil(math.log(_NEGLIGIBLE) / math.log(-poles[0])))
    powers = [[pole**k + (pole ** (period - k) if 0 < k < length - 1 else 0.0) for k in range(terms)] for pole in poles]
    return np.array([np.array(line) / (1.0 - pole**period) for line, pole in zip(powers, poles, strict=True)]).astype(np.float32)


@kernel
def _filter_rows(lines: Image, pole: np.float32, gain: np.float32, weights: Image) -> None:
    """Filter (n, m) along its first axis, in place; neighbours in a row are independent, which keeps the inner loops wide."""
    n, m = lines.shape
    if n == 1:
        return
    start = np.zeros(m, dtype=np.float32)
    for k in range(weights.size):
        for j in range(m):
            start[j] += weights[k] * lines[k, j]
    for j in range(m):
        lines[0, j] = gain * start[j]
    for i in range(1, n):
        for j in range(m):
            lines[i, j] = gain * lines[i, j] + pole * lines[i - 1, j]
    last = pole / (pole * pole - np.float32(1.0))
    for j in range(m):
        lines[n - 1, j] = last * (lines[n - 1, j] + pole * lines[n - 2, j])
    for i in range(n - 2, -1, -1):
        for j in range(m):
            lines[i, j] = pole * (lines[i + 1, j] - lines[i, j])


@kernel
def _filter_all(lines: Image, poles: Array, weights: Image) -> None:
    """Every pole's filter after another, along the first axis of (n, m)."""
    for p in range(poles.size):
        gain = (1.0 - poles[p]) * (1.0 - 1.0 / poles[p])
        _filter_rows(lines, np.float32(poles[p]), np.float32(gain), weights[p])


@kernel
def _filter_volume(c: Image, poles: Array, first: Image, second: Image, third: Image) -> None:
    """Filter (X, Y, Z) in place along all three axes, one plane of x at a time while it is in the cache."""
    nx, ny, nz = c.shape
    turned = np.empty((nz, ny), dtype=np.float32)
    for x in range(nx):
        for y in range(ny):
            for z in range(nz):
                turned[z, y] = c[x, y, z]
        _filter_all(turned, poles, third)
        for y in range(ny):
            for z in range(nz):
                c[x, y, z] = turned[z, y]
        _filter_all(c[x], poles, second)
    _filter_all(c.reshape(nx, ny * nz), poles, first)
