"""What an enhanced (multi-frame) MR file says of each of its frames, in its functional groups (PS3.3, C.7.6.16).

Rules: a group stands in the frame's own item or, for all frames, in the shared one; the frame's own counts. Of all groups only the
elements that are named here are kept while the file is parsed. Two vendors add a group of their own, in whichever private block its creator
reserved: Siemens XA says when a frame was taken, by a clock that runs through the measurement; Philips how its values are scaled, and when
its volume began.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from rtfmri.acquisition.elements import Elements, Wanted
from rtfmri.acquisition.headers import ALLOWED, Header, RawValues, seconds_since_midnight
from rtfmri.acquisition.private import BLOCKS
from rtfmri.errors import VolumeError

SHARED, PER_FRAME = 0x52009229, 0x52009230
COMPONENT, MOMENT, ECHO_TIME, TEMPORAL_POSITION = 0x00089208, 0x00189074, 0x00189082, 0x00209128
CONTENT, POSITION, ORIENTATION, MEASURES, TRANSFORMATION = 0x00209111, 0x00209113, 0x00209116, 0x00289110, 0x00289145
TIMING, ECHO, FRAME_TYPE = 0x00189112, 0x00189114, 0x00189226

Private = tuple[int, str, int]  # group, creator, element
SIEMENS_FRAME: Private = (0x0021, "SIEMENS MR SDI 02", 0xFE)
SIEMENS_AFTER_START: Private = (0x0021, "SIEMENS MR SDI 02", 0x04)
PHILIPS_FRAME: Private = (0x2005, "Philips MR Imaging DD 005", 0x0F)
PHILIPS_SCALE_SLOPE: Private = (0x2005, "Philips MR Imaging DD 001", 0x0E)
PHILIPS_BEGIN: Private = (0x2005, "Philips MR Imaging DD 001", 0xA0)


def _wanted(*tags: int) -> dict[int, None]:
    return dict.fromkeys(tags)


def _in_any_block(where: Private, inner: Wanted | None = None) -> Wanted:
    group, _, element = where
    return {
        tag: value for block in BLOCKS for tag, value in (((group << 16) + block, None), ((group << 16) + (block << 8) + element, inner))
    }


_PUBLIC: Wanted = {
    CONTENT: _wanted(MOMENT, TEMPORAL_POSITION),
    POSITION: _wanted(ALLOWED["ImagePositionPatient"]),
    ORIENTATION: _wanted(ALLOWED["ImageOrientationPatient"]),
    MEASURES: _wanted(ALLOWED["PixelSpacing"], ALLOWED["SliceThickness"], ALLOWED["SpacingBetweenSlices"]),
    TRANSFORMATION: _wanted(ALLOWED["RescaleIntercept"], ALLOWED["RescaleSlope"]),
    TIMING: _wanted(ALLOWED["RepetitionTime"]),
    ECHO: _wanted(ECHO_TIME),
    FRAME_TYPE: _wanted(COMPONENT),
}
_PRIVATE: Wanted = {
    **_in_any_block(SIEMENS_FRAME, _in_any_block(SIEMENS_AFTER_START)),
    **_in_any_block(PHILIPS_FRAME, {**_in_any_block(PHILIPS_SCALE_SLOPE), **_in_any_block(PHILIPS_BEGIN)}),
}
FUNCTIONAL_GROUPS: Wanted = {SHARED: _PUBLIC, PER_FRAME: {**_PUBLIC, **_PRIVATE}}


@dataclass(frozen=True)
class Frame:
    """One frame: lengths in mm along DICOM's LPS axes, as in ``Header``; ``None`` or empty for what the file does not say."""

    position_mm: tuple[float, ...]
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, ...]
    slice_spacing_mm: float | None  # from slice to slice, or the slice's thickness
    slope: float
    intercept: float
    scale_slope: float | None  # Philips': from stored to floating-point values
    temporal_position: int | None  # 1-based
    acquired_s: float | None  # seconds since midnight by the scanner's clock
    after_start_s: float | None  # Siemens': since the measurement began
    volume_after_s: float | None  # Philips': from the start of the measurement to that of the frame's volume
    tr_s: float | None
    echo_ms: float | None
    component: str  # MAGNITUDE, PHASE, ...


def frames_of(elements: Elements, count: int) -> tuple[Frame, ...]:
    """The ``count`` frames of a multi-frame file, in stored order.

    Raises
    ------
    VolumeError : it describes another number of frames than it holds.
    """
    items = elements.items_of(PER_FRAME)
    if len(items) != count:
        raise VolumeError(f"it holds {count} frames, but describes {len(items)}")
    common = next(iter(elements.items_of(SHARED)), Elements())
    return tuple(_frame(item, common) for item in items)


def with_frames(header: Header, frames: tuple[Frame, ...]) -> Header:
    """The header, with what only its frames say: TR, the earliest time of acquisition, the first temporal position, and whether all hold
    the same component of the signal (as one more value of the image type)."""
    if not frames:
        return header
    components = {frame.component for frame in frames}
    return replace(
        header,
        image_type=(*header.image_type, *(components if len(components) == 1 else ())),
        tr_s=frames[0].tr_s or header.tr_s,
        acquired_s=min((frame.acquired_s for frame in frames if frame.acquired_s is not None), default=header.acquired_s),
        temporal_position=min((frame.temporal_position for frame in frames if frame.temporal_position is not None), default=None),
    )


def _frame(item: Elements, common: Elements) -> Frame:
    def group(tag: int) -> RawValues:
        return RawValues(next(iter(item.items_of(tag) or common.items_of(tag)), Elements()))

    content, measures, scale = group(CONTENT), group(MEASURES), group(TRANSFORMATION)
    siemens, philips = _private_group(item, SIEMENS_FRAME), _private_group(item, PHILIPS_FRAME)
    tr_ms, slope = group(TIMING).number("RepetitionTime"), scale.number("RescaleSlope")
    temporal_position = content.packed(TEMPORAL_POSITION, "I")
    return Frame(
        position_mm=group(POSITION).numbers("ImagePositionPatient"),
        orientation=group(ORIENTATION).numbers("ImageOrientationPatient"),
        pixel_spacing_mm=measures.numbers("PixelSpacing"),
        slice_spacing_mm=measures.number("SpacingBetweenSlices") or measures.number("SliceThickness"),
        slope=1.0 if slope is None else slope,
        intercept=scale.number("RescaleIntercept") or 0.0,
        scale_slope=_private_number(philips, PHILIPS_SCALE_SLOPE, "f"),
        temporal_position=None if temporal_position is None else int(temporal_position),
        acquired_s=time_of_day_s(content.text_at(MOMENT)),
        after_start_s=_private_number(siemens, SIEMENS_AFTER_START, "text"),
        volume_after_s=_private_number(philips, PHILIPS_BEGIN, "f"),
        tr_s=tr_ms / 1000.0 if tr_ms else None,
        echo_ms=group(ECHO).packed(ECHO_TIME, "d"),
        component=group(FRAME_TYPE).text_at(COMPONENT).upper(),
    )


def _private_group(item: Elements, where: Private) -> RawValues:
    group, creator, element = where
    values = RawValues(item)
    block = next((block for block in BLOCKS if values.text_at((group << 16) + block) == creator), 0)
    return RawValues(next(iter(item.items_of((group << 16) + (block << 8) + element)), Elements()))


def _private_number(values: RawValues, where: Private, kind: str) -> float | None:
    return values.private_number(*where, kind) if values.elements else None


def time_of_day_s(moment: str) -> float | None:
    """Seconds since midnight of DICOM's DT, ``YYYYMMDDHHMMSS.ffffff&ZZXX`` (PS3.5, table 6.2-1)."""
    found = re.match(r"\d{8}(\d{6}(?:\.\d*)?)", moment)
    return seconds_since_midnight(found[1]) if found else None
