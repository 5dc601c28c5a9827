"""What is kept of a DICOM file's header: the few tags that are needed. Everything else is dropped while the file is parsed.

Rule on privacy: only the tags of ``ALLOWED`` are ever copied out of a file; names, dates, places and comments are skipped, and ``Header``
has no field for them. The series UID stays in memory to tell series apart; no message, error or output holds it.

Values are taken from the raw bytes (DICOM PS3.5, section 6.2): text values are separated by backslashes and padded with spaces or NULs,
the US values below are two bytes. pydicom's own conversion is not used, because it warns about harmless oddities.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

ALLOWED = {
    "ImageType": 0x00080008,
    "SOPClassUID": 0x00080016,
    "AcquisitionTime": 0x00080032,
    "Modality": 0x00080060,
    "Manufacturer": 0x00080070,
    "SeriesDescription": 0x0008103E,
    "SliceThickness": 0x00180050,
    "RepetitionTime": 0x00180080,
    "EchoNumbers": 0x00180086,
    "SpacingBetweenSlices": 0x00180088,
    "ProtocolName": 0x00181030,
    "SeriesInstanceUID": 0x0020000E,
    "SeriesNumber": 0x00200011,
    "AcquisitionNumber": 0x00200012,
    "InstanceNumber": 0x00200013,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "SamplesPerPixel": 0x00280002,
    "PhotometricInterpretation": 0x00280004,
    "NumberOfFrames": 0x00280008,
    "Rows": 0x00280010,
    "Columns": 0x00280011,
    "PixelSpacing": 0x00280030,
    "BitsAllocated": 0x00280100,
    "BitsStored": 0x00280101,
    "HighBit": 0x00280102,
    "PixelRepresentation": 0x00280103,
    "RescaleIntercept": 0x00281052,
    "RescaleSlope": 0x00281053,
    "PixelData": 0x7FE00010,
}
# The Siemens CSA image header lies in element (0029,xx10) of whichever block its creator reserved with (0029,00xx).
CSA_BLOCKS = range(0x10, 0x18)
CSA_CREATOR = "SIEMENS CSA HEADER"
TAGS = [*ALLOWED.values(), *(0x00290000 + block for block in CSA_BLOCKS), *(0x00290010 + (block << 8) for block in CSA_BLOCKS)]

ENHANCED = ("1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")  # enhanced MR, legacy converted enhanced MR
MR_IMAGES = ("1.2.840.10008.5.1.4.1.1.4", *ENHANCED)


@dataclass(frozen=True)
class Header:
    """The header of one MR image file. Lengths in mm along DICOM's LPS axes; ``None`` or empty for what it does not say."""

    vendor: str
    image_type: tuple[str, ...]
    enhanced: bool
    series_uid: str
    series_number: int | None
    protocol: str
    description: str
    acquisition_number: int | None
    instance_number: int | None
    echo_number: int | None
    acquired_s: float | None  # seconds since midnight by the scanner's clock
    tr_s: float | None
    rows: int
    columns: int
    frames: int
    samples: int
    bits: int
    signed: bool
    position_mm: tuple[float, ...]  # centre of the first pixel, x y z
    orientation: tuple[float, ...]  # direction cosines along a row, then down a column
    pixel_spacing_mm: tuple[float, ...]  # from row to row, from column to column
    slice_spacing_mm: float | None
    slope: float
    intercept: float
    csa: bytes

    @property
    def series(self) -> str:
        """What to call the series before an operator: ``series 7 'bold_nf1'``."""
        number = "without a number" if self.series_number is None else str(self.series_number)
        name = self.protocol or self.description
        return f"series {number} '{name}'" if name else f"series {number}"


@dataclass(frozen=True)
class RawValues:
    """Values by keyword from the raw elements of a parsed ``dataset`` (pydicom's)."""

    dataset: Any

    def raw(self, tag: int) -> bytes:
        element = self.dataset.get_item(tag, keep_deferred=True)
        return bytes(element.value or b"") if element is not None and isinstance(element.value, bytes | None) else b""

    def texts(self, keyword: str) -> tuple[str, ...]:
        text = _decode(self.raw(ALLOWED[keyword])).strip(" \0")
        return tuple(part.strip(" \0") for part in text.split("\\")) if text else ()

    def text(self, keyword: str) -> str:
        return next(iter(self.texts(keyword)), "")

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as floats; none at all if any of them is no finite number."""
        try:
            values = tuple(float(text) for text in self.texts(keyword))
        except ValueError:
            return ()
        return values if all(math.isfinite(value) for value in values) else ()

    def number(self, keyword: str) -> float | None:
        return next(iter(self.numbers(keyword)), None)

    def whole(self, keyword: str) -> int | None:
        value = self.number(keyword)
        return None if value is None else int(value)

    def short(self, keyword: str) -> int:
        """A two-byte unsigned value (VR US); 0 where it is absent."""
        element = self.dataset.get_item(ALLOWED[keyword], keep_deferred=True)
        big = element is not None and not element.is_little_endian
        return int.from_bytes(self.raw(ALLOWED[keyword])[:2], "big" if big else "little")


def header_of(values: RawValues) -> Header:
    """The typed header from raw values; nothing is judged here."""
    tr_ms = values.number("RepetitionTime")
    return Header(
        vendor=values.text("Manufacturer"),
        image_type=tuple(part.upper() for part in values.texts("ImageType")),
        enhanced=values.text("SOPClassUID") in ENHANCED,
        series_uid=values.text("SeriesInstanceUID"),
        series_number=values.whole("SeriesNumber"),
        protocol=values.text("ProtocolName"),
        description=values.text("SeriesDescription"),
        acquisition_number=values.whole("AcquisitionNumber"),
        instance_number=values.whole("InstanceNumber"),
        echo_number=values.whole("EchoNumbers"),
        acquired_s=seconds_since_midnight(values.text("AcquisitionTime")),
        tr_s=tr_ms / 1000.0 if tr_ms else None,
        rows=values.short("Rows"),
        columns=values.short("Columns"),
        frames=max(1, values.whole("NumberOfFrames") or 1),
        samples=max(1, values.short("SamplesPerPixel")),
        bits=values.short("BitsAllocated"),
        signed=bool(values.short("PixelRepresentation")),
        position_mm=values.numbers("ImagePositionPatient"),
        orientation=values.numbers("ImageOrientationPatient"),
        pixel_spacing_mm=values.numbers("PixelSpacing"),
        slice_spacing_mm=values.number("SpacingBetweenSlices") or values.number("SliceThickness"),
        slope=values.number("RescaleSlope") or 1.0,
        intercept=values.number("RescaleIntercept") or 0.0,
        csa=_csa(values),
    )


def seconds_since_midnight(time: str) -> float | None:
    """DICOM's TM, ``HHMMSS.ffffff`` (PS3.5, table 6.2-1), also with colons as ACR-NEMA wrote it; None if it is no time."""
    found = re.fullmatch(r"(\d\d):?(\d\d):?(\d\d(?:\.\d*)?)", time.strip())
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def _csa(values: RawValues) -> bytes:
    for block in CSA_BLOCKS:
        if _decode(values.raw(0x00290000 + block)).strip(" \0") == CSA_CREATOR:
            return values.raw(0x00290010 + (block << 8))
    return b""


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
