"""Enhanced multi-frame MR files: one volume a file (Siemens XA), or the volumes of a whole run in one (Philips, Canon, XA 4D).

Which frames make a volume: those with the same ``TemporalPositionIndex``, whatever their order in the file. Of frames that differ in kind
the magnitude counts, of several echoes in one file the first. Files that still show one slice twice at one time are refused.

Volume number: ``TemporalPositionIndex``, which counts from 1 through a run. Where it is 1, or absent, in a file of one volume:
``AcquisitionNumber`` by the rule of mosaics for Siemens (siemens.py), else ``InstanceNumber``.

Values are rescaled as each frame says. Philips' floating-point values are (stored x slope + intercept) / (slope x scale slope) (Chenevert
2014, doi 10.1016/j.tranon.2014.01.001), in single precision as dcm2niix does.

The distance between slices is the header's where the positions agree with it, as in dcm2niix; else it is the positions'.

Times of slices: ``FrameAcquisitionDateTime``; where Siemens' clock of the measurement agrees with it within 10 ms, that one (it does not in
the first volume of XA10). Frames that were all "taken" when the run began have none; Philips then says when each volume began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.frames import Frame
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.siemens import volume_index as siemens_index
from rtfmri.acquisition.slices import Slice, grid_of, mark_of, slice_of, volume_of
from rtfmri.errors import VolumeError
from rtfmri.volume import Volume

SAME_SPACING = 0.01  # of the distance between slices: how far header and positions may differ
SAME_CLOCK_S = 0.01
SAME_PLACE_MM = 0.01

Pixels = npt.NDArray[Any]


def is_enhanced(header: Header) -> bool:
    """Whether this is an enhanced MR file."""
    return header.enhanced


def volume_index(header: Header) -> int:
    """0-based number of the (first) volume of the file, by the rule above.

    Raises
    ------
    VolumeError : no number is there, or it is below 1.
    """
    position = header.temporal_position
    if position is not None and position > 1:
        return position - 1
    if "SIEMENS" in header.vendor.upper():
        return siemens_index(header)
    number = header.instance_number if header.instance_number is not None else position
    if number is None or number < 1:
        raise VolumeError("its header has no volume number")
    return number - 1


def decode_enhanced(image: DicomImage) -> tuple[Volume, ...]:
    """All volumes of one file, by number.

    Raises
    ------
    VolumeError : position, orientation, voxel size or TR are absent or senseless, or slices are lacking; the message says which.
    """
    if "MOSAIC" in image.header.image_type:
        raise VolumeError("it is a mosaic in an enhanced file, which does not say how its slices lie in space; export without mosaics")
    volumes = _frames_by_volume(image.frames)
    only = len(volumes) == 1
    if not only and min(volumes) < 1:
        raise VolumeError("its header has no volume number")
    pixels = image.pixels().reshape(-1, image.header.rows, image.header.columns)
    return tuple(
        _volume(image, pixels, numbers, volume_index(image.header) if only else position - 1)
        for position, numbers in sorted(volumes.items())
    )


def _frames_by_volume(frames: Sequence[Frame]) -> dict[int, list[int]]:
    """Which frames (0-based, in the file) make each volume, by temporal position (1-based; 1 where there is none)."""
    magnitude = any(frame.component == "MAGNITUDE" for frame in frames)
    first_echo_ms = min((frame.echo_ms for frame in frames if frame.echo_ms is not None), default=None)
    volumes: dict[int, list[int]] = {}
    for number, frame in enumerate(frames):
        if (not magnitude or frame.component in ("MAGNITUDE", "")) and frame.echo_ms in (first_echo_ms, None):
            volumes.setdefault(1 if frame.temporal_position is None else frame.temporal_position, []).append(number)
    return volumes


def _volume(image: DicomImage, pixels: Pixels, numbers: list[int], index: int) -> Volume:
    frames = [image.frames[number] for number in numbers]
    slices = [_slice(image.header, index, pixels[number], image.frames[number]) for number in numbers]
    begin_s, times_s = _times(frames, image.header)
    slices = [replace(one, acquired_s=begin_s, time_s=time_s) for one, time_s in zip(slices, times_s, strict=True)]
    if len({round(one.mark.place_mm / SAME_PLACE_MM) for one in slices}) < len(slices):
        raise VolumeError("it shows a slice twice at one time; export one kind of image only")
    volume = volume_of(slices, index)
    return _as_header_spaces(volume, min(slices, key=lambda one: one.mark.place_mm))


def _slice(header: Header, index: int, pixels: Pixels, frame: Frame) -> Slice:
    described = replace(
        header,
        frames=1,
        position_mm=frame.position_mm or header.position_mm,
        orientation=frame.orientation or header.orientation,
        pixel_spacing_mm=frame.pixel_spacing_mm or header.pixel_spacing_mm,
        slice_spacing_mm=header.slice_spacing_mm or frame.slice_spacing_mm,
        tr_s=frame.tr_s or header.tr_s,
    )
    return slice_of(described, mark_of(described, index), pixels, _scale(frame))


def _as_header_spaces(volume: Volume, lowest: Slice) -> Volume:
    """With the header's distance between slices, if it is about the same."""
    measured_mm, named_mm = volume.grid.voxel_size_mm[2], lowest.spacing_mm
    if named_mm is None or abs(named_mm - measured_mm) > SAME_SPACING * measured_mm:
        return volume
    return replace(volume, grid=grid_of(lowest, named_mm, volume.grid.shape[2]))


def _times(frames: list[Frame], header: Header) -> tuple[float | None, list[float | None]]:
    """When the volume began (seconds since midnight), and when each frame was taken, from any zero."""
    taken_s = [frame.acquired_s for frame in frames if frame.acquired_s is not None]
    began_s = min(taken_s, default=header.acquired_s)
    if len(taken_s) == len(frames) and max(taken_s) > min(taken_s):
        return began_s, list(_finer(frames, taken_s))
    after_s = frames[0].volume_after_s
    if began_s is not None and began_s == header.acquired_s and after_s is not None:
        began_s += after_s
    return began_s, [None] * len(frames)


def _finer(frames: list[Frame], taken_s: list[float]) -> list[float]:
    """The frames' times by the clock of the measurement where it agrees with ``taken_s``."""
    finer_s = [frame.after_start_s for frame in frames if frame.after_start_s is not None]
    if len(finer_s) < len(frames):
        return taken_s
    apart_s = [(fine - min(finer_s)) - (taken - min(taken_s)) for fine, taken in zip(finer_s, taken_s, strict=True)]
    return finer_s if max(map(abs, apart_s)) <= SAME_CLOCK_S else taken_s


def _scale(frame: Frame) -> tuple[float, float]:
    """Slope and intercept from stored to delivered values."""
    if not frame.scale_slope or not frame.slope:
        return frame.slope, frame.intercept
    with np.errstate(all="ignore"):  # a senseless scale is refused where it is applied
        scaled = np.float32(frame.slope) * np.float32(frame.scale_slope)
        return float(np.float32(frame.slope) / scaled), float(np.float32(frame.intercept) / scaled)
