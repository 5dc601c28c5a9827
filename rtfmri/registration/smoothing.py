"""Gaussian smoothing: of a whole volume, and within a mask for voxelwise statistics off the critical path.

Conventions. Images are float32 (X, Y, Z). The Gaussian is cut at four standard deviations. Within a mask: normalised convolution
(Knutsson and Westin 1993, CVPR): what is outside the mask has no weight rather than the value 0, so the mask's edge does not darken;
the result is 0 outside it. Sums are float32, in a fixed order.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.volume import Image

_CUT = 4.0  # standard deviations
_FWHM_PER_SIGMA = math.sqrt(8.0 * math.log(2.0))
_STRIP = 2048  # voxels of a plane filtered at a time along x, so that all its neighbours stay in the cache

Taps = tuple[Image, Image, Image]


def gaussian(image: Image, sigma_voxels: tuple[float, float, float]) -> Image:
    """Float32 (X, Y, Z) smoothed along each axis, zeros beyond the volume: scipy.ndimage.gaussian_filter with mode="constant"."""
    source = np.array(image, dtype=np.float32, order="C")
    smoothed = np.empty_like(source)
    _blur(source, np.ones_like(source), *_taps(sigma_voxels), smoothed)
    return smoothed


@dataclass(frozen=True, eq=False)
class Smoothing:
    """What is the same for every volume: half a Gaussian for each axis, its middle first; the mask (0 or 1) and what normalises."""

    taps: Taps
    inside: Image
    scale: Image


def prepare_smoothing(mask: npt.NDArray[np.bool_], fwhm_mm: float, voxel_size_mm: tuple[float, float, float]) -> Smoothing:
    """For ``mask`` (X, Y, Z), a full width at half maximum in mm, and the voxels' size along each axis.

    Raises
    ------
    ValueError : the width is negative or not finite.
    """
    if not 0.0 <= fwhm_mm < math.inf:
        raise ValueError(f"a smoothing width is 0 mm or more, not {fwhm_mm}")
    x, y, z = (fwhm_mm / _FWHM_PER_SIGMA / size for size in voxel_size_mm)
    inside = np.array(mask, dtype=np.float32, order="C")
    blurred = gaussian(inside, (x, y, z))
    return Smoothing(_taps((x, y, z)), inside, np.divide(inside, blurred, out=np.zeros_like(inside), where=inside > 0))


def smooth_with(image: Image, smoothing: Smoothing) -> Image:
    """``image`` (X, Y, Z) smoothed within the mask: float32, 0 outside; what it holds outside, numbers or not, does not matter.

    Raises
    ------
    ValueError : the image is not of the mask's shape.
    """
    if image.shape != smoothing.inside.shape:
        raise ValueError(f"the image is {image.shape} voxels, the mask {smoothing.inside.shape}")
    source = np.array(image, dtype=np.float32, order="C")
    smoothed = np.empty_like(source)
    _cut_out(source, smoothing.inside)
    _blur(source, smoothing.scale, *smoothing.taps, smoothed)
    return smoothed


def smooth(image: Image, mask: npt.NDArray[np.bool_], fwhm_mm: float, voxel_size_mm: tuple[float, float, float]) -> Image:
    """One image smoothed within ``mask``; for many on the same mask, `prepare_smoothing` once and `smooth_with` each."""
    return smooth_with(image, prepare_smoothing(mask, fwhm_mm, voxel_size_mm))


def warm_up() -> None:
    """Compile, or load from the cache, this file's kernels."""
    smooth(np.ones((4, 4, 4), dtype=np.float32), np.ones((4, 4, 4), dtype=np.bool_), 6.0, (3.0, 3.0, 3.0))


def _taps(sigma_voxels: tuple[float, float, float]) -> Taps:
    first, second, third = (_half_gaussian(sigma) for sigma in sigma_voxels)
    return first, second, third


def _half_gaussian(sigma: float) -> Image:
    """Weights at 0, 1, 2 ... voxels from the middle; the whole Gaussian sums to 1."""
    radius = int(_CUT * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(radius + 1) / max(sigma, 1e-9)) ** 2)
    return (weights / (weights[0] + 2.0 * weights[1:].sum())).astype(np.float32)


@kernel
def _cut_out(image: Image, inside: Image) -> None:
    """Zero outside the mask, in place; a product would keep what is not a number."""
    values, kept = image.reshape(-1), inside.reshape(-1)
    for n in range(values.size):
        values[n] = values[n] if kept[n] > 0.0 else np.float32(0.0)


@kernel
def _blur(source: Image, scale: Image, first: Image, second: Image, third: Image, into: Image) -> None:
    """Along z and y plane by plane, then along x in strips, times ``scale``. Zeros between the lines are what lies beyond the volume."""
    nx, ny, nz = source.shape
    plane, gap, edge, wide = ny * nz, third.size - 1, (second.size - 1) * nz, (first.size - 1) * ny * nz
    row = nz + gap
    lines, blurred = np.zeros(gap + ny * row, dtype=np.float32), np.empty(ny * row, dtype=np.float32)
    rows, planes = np.zeros(plane + 2 * edge, dtype=np.float32), np.zeros(nx * plane + 2 * wide, dtype=np.float32)
    for x in range(nx):
        for y in range(ny):
            _copy(source[x, y], lines[gap + y * row :])
        _blur_stretch(lines, gap, 1, third, blurred)
        for y in range(ny):
            _copy(blurred[y * row : y * row + nz], rows[edge + y * nz :])
        _blur_stretch(rows, edge, nz, second, planes[wide + x * plane : wide + (x + 1) * plane])
    result, factor = into.reshape(-1), scale.reshape(-1)
    for begin in range(0, plane, _STRIP):
        length = min(_STRIP, plane - begin)
        for x in range(nx):
            at = x * plane + begin
            strip = result[at : at + length]
            _blur_stretch(planes, wide + at, plane, first, strip)
            _scale(strip, factor[at : at + length])


@kernel
def _copy(source: Image, into: Image) -> None:
    for j in range(source.size):
        into[j] = source[j]


@kernel
def _scale(values: Image, factor: Image) -> None:
    for j in range(values.size):
        values[j] *= factor[j]


@kernel
def _blur_stretch(source: Image, at: int, stride: int, taps: Image, into: Image) -> None:
    """``into[j]`` from ``source[at + j]`` and its neighbours at multiples of ``stride``; all of them lie within ``source``."""
    length = into.size
    middle, weight = source[at : at + length], taps[0]
    for j in range(length):
        into[j] = weight * middle[j]
    for k in range(1, taps.size):
        before, after, weight = source[at - k * stride :], source[at + k * stride :], taps[k]
        for j in range(length):
            into[j] += weight * (before[j] + after[j])
