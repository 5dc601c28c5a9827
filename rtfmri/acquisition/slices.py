"""One slice as its file describes it, and slices as one volume. Pure.

Conventions: pixels are stored as dcm2niix does, (column, row), rows turned round; positions are LPS mm of DICOM's first pixel (PS3.3,
C.7.6.2). In a volume slices are ordered along the cross product of the two direction cosines, never by arrival or InstanceNumber. The grid
starts at the scanner's first slice, and its slice distance is that of the first two, as dcm2niix has it: positions are rounded in headers,
so that another choice would differ by some hundredths of a mm at the far end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rtfmri.acquisition.headers import MOST_SCALE, Header
from rtfmri.errors import VolumeError
from rtfmri.volume import Array, Grid, Image, Volume

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])
SKEW = 1e-2  # how far cosines may be off unit length and right angles before they are called damaged
TURNED = 1e-3  # how far the cosines of one volume's slices may differ
UNEVEN = 0.05  # how far the distance of two slices may differ from the others', in slice distances


@dataclass(frozen=True)
class Mark:
    """What a header says of where its slice belongs."""

    index: int | None  # its volume, 0-based; None: it follows from ``instance``
    instance: int | None = None  # InstanceNumber
    slices: int | None = None  # of a volume
    place_mm: float = 0.0  # along the slices' normal


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice; ``time_s`` is when in its volume it was taken, from any zero; else its ``acquired_s`` tells."""

    mark: Mark
    data: Image  # (X, Y)
    position_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, ...]  # from row to row, from column to column
    tr_s: float
    spacing_mm: float | None = None  # from slice to slice, where it cannot be measured
    acquired_s: float | None = None  # seconds since midnight
    started_s: float | None = None  # the run, where the scanner gives its slices no times of their own
    time_s: float | None = None


def mark_of(header: Header, index: int | None = None, slices: float | None = None) -> Mark:
    """The mark of a slice, from its place and what the vendor's rule says of it.

    Raises
    ------
    VolumeError : it has no place in space, or nothing that tells its volume.
    """
    if len(header.orientation) != 6 or len(header.position_mm) != 3:
        raise VolumeError("the slice does not say how it lies in space; export it with its position and orientation")
    instance = header.instance_number
    if (index is None and instance is None) or min(value for value in (index, instance, 0) if value is not None) < 0:
        raise VolumeError("its header has no volume number")
    (a, b, c), (d, e, f), (x, y, z) = header.orientation[:3], header.orientation[3:], header.position_mm
    place_mm = x * (b * f - c * e) + y * (c * d - a * f) + z * (a * e - b * d)
    return Mark(index, instance, int(slices) if slices and slices >= 1 else None, place_mm)


def slice_of(header: Header, mark: Mark, pixels: npt.NDArray[np.generic], scale: tuple[float, float] | None = None) -> Slice:
    """The slice of a file with one image; ``scale`` (slope, intercept) instead of the header's. Its time is left to the vendor.

    Raises
    ------
    VolumeError : more than one image, no voxel size or no TR; the message says which.
    """
    if header.frames != 1:
        raise VolumeError(f"it holds {header.frames} images where one slice was expected")
    directions_of(header.orientation)
    spacing = header.pixel_spacing_mm
    if len(spacing) != 2 or min(spacing) <= 0:
        raise VolumeError("its header has no voxel size")
    if not header.tr_s or header.tr_s <= 0:
        raise VolumeError("its header has no repetition time")
    slope, intercept = scale or (header.slope, header.intercept)
    return Slice(
        mark=mark,
        data=scaled(pixels[::-1, :].T, slope, intercept),
        position_mm=header.position_mm,
        orientation=header.orientation,
        pixel_spacing_mm=spacing,
        tr_s=header.tr_s,
        spacing_mm=header.slice_spacing_mm,
        acquired_s=header.acquired_s,
    )


def scaled(stored: npt.NDArray[np.generic], slope: float, intercept: float) -> Image:
    """Stored values as float32, rescaled as a NIfTI reader does: slope and intercept are NIfTI's float32, the sum is done in float64.

    Raises
    ------
    VolumeError : the scale is senseless.
    """
    if (slope, intercept) == (1.0, 0.0):
        return stored.astype(np.float32, order="C")
    if slope == 0.0 or not abs(slope) + abs(intercept) <= MOST_SCALE:
        raise VolumeError("its header has a senseless scale of values")
    values = stored.astype(np.float64) * float(np.float32(slope)) + float(np.float32(intercept))
    return values.astype(np.float32, order="C")


def directions_of(orientation: Sequence[float]) -> Array:
    """3x3 (LPS), its columns the unit vectors along a row, down a column, and along their cross product.

    Raises
    ------
    VolumeError : the six cosines are no unit vectors at a right angle.
    """
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    across = np.cross(row, column)
    lengths = [float(np.sqrt((vector * vector).sum())) for vector in (row, column, across)]
    if max(abs(length - 1.0) for length in lengths) > SKEW:
        raise VolumeError("its direction cosines are no right angle to each other")
    return np.stack([row, column, across], axis=1)


def is_even(places_mm: Sequence[float]) -> bool:
    """Whether slices in these places, in ascending order, lie at equal distances."""
    steps = np.diff(np.array(places_mm))
    return len(steps) == 0 or bool(steps.min() > 0 and np.abs(steps - steps.mean()).max() <= UNEVEN * steps.mean())


def volume_of(slices: Sequence[Slice], index: int, data: Image | None = None) -> Volume:
    """Slices of one volume, in any order; ``data``: theirs, if they are stacked already.

    Raises
    ------
    VolumeError : they do not make one volume: another matrix, orientation, voxel size, or unequal distances.
    """
    ordered = sorted(slices, key=lambda one: one.mark.place_mm)
    first = ordered[0]
    for other in ordered[1:]:
        turned = max(abs(a - b) for a, b in zip(first.orientation, other.orientation, strict=True))
        if other.data.shape != first.data.shape or other.pixel_spacing_mm != first.pixel_spacing_mm or turned > TURNED:
            raise VolumeError("its slices differ in matrix, voxel size or orientation")
    if not is_even([one.mark.place_mm for one in ordered]):
        raise VolumeError("its slices do not lie at equal distances")
    shape = (*first.data.shape, len(ordered))
    stacked = data if data is not None and data.shape == shape else np.stack([one.data for one in ordered], axis=2)
    began_s = None if first.started_s is None else first.started_s + index * first.tr_s
    acquired_s = [one.acquired_s for one in ordered if one.acquired_s is not None]
    return Volume(
        index=index,
        data=stacked,
        grid=grid_of(*_lowest(ordered), len(ordered)),
        tr_s=first.tr_s,
        acquired_s=min(acquired_s, default=began_s),
        slice_times_s=_times_s([one.time_s for one in ordered], first.tr_s) or _times_s([one.acquired_s for one in ordered], first.tr_s),
    )


def grid_of(first: Slice, distance_mm: float, slices: int) -> Grid:
    """The grid of ``slices`` slices at ``distance_mm``, ``first`` the lowest along the normal."""
    columns, rows = first.data.shape
    steps = directions_of(first.orientation) * np.array([first.pixel_spacing_mm[1], first.pixel_spacing_mm[0], distance_mm])
    origin = np.array(first.position_mm) + steps[:, 1] * (rows - 1)  # stored rows begin at DICOM's last
    affine = np.eye(4)
    affine[:3, :3] = LPS_TO_RAS[:, None] * steps * np.array([1.0, -1.0, 1.0])
    affine[:3, 3] = LPS_TO_RAS * origin
    return Grid((columns, rows, slices), affine)


def _lowest(ordered: Sequence[Slice]) -> tuple[Slice, float]:
    """The lowest slice of a volume, placed as the scanner's first two slices say, and their distance in mm."""
    if len(ordered) == 1:
        if not ordered[0].spacing_mm or ordered[0].spacing_mm <= 0:
            raise VolumeError("its header has no distance between slices")
        return ordered[0], ordered[0].spacing_mm
    numbers = [one.mark.instance or 0 for one in ordered]
    if any(here <= after for here, after in pairwise(numbers)):
        return ordered[0], ordered[1].mark.place_mm - ordered[0].mark.place_mm
    top, distance_mm = ordered[-1], ordered[-1].mark.place_mm - ordered[-2].mark.place_mm  # the scanner counts from the top
    down_mm = directions_of(top.orientation)[:, 2] * distance_mm * (len(ordered) - 1)
    return replace(top, position_mm=tuple(float(value) for value in np.array(top.position_mm) - down_mm)), distance_mm


def _times_s(times_s: Sequence[float | None], tr_s: float) -> tuple[float, ...] | None:
    """Seconds since the volume's first slice; None where any is not known, all are the same, or they span more than a TR."""
    known = [time_s for time_s in times_s if time_s is not None]
    if len(known) < len(times_s) or not 0 < max(known) - min(known) <= tr_s:
        return None
    return tuple(time_s - min(known) for time_s in known)
