"""What is kept of a DICOM file's header: the few tags that are needed. Everything else is dropped while the file is parsed.

Rule on privacy: only the tags of ``ALLOWED`` are ever copied out of a file; names, dates, places and comments are skipped, and ``Header``
has no field for them. The series UID stays in memory to tell series apart; no message, error or output holds it.

Values are taken from the raw bytes (DICOM PS3.5, section 6.2): text values are separated by backslashes and padded with spaces or NULs,
the US values below are two bytes. pydicom's own conversion is not used, because it warns about harmless oddities.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from rtfmri.acquisition.elements import Elements
from rtfmri.acquisition.private import BLOCKS, PRIVATE_BLOCKS, PRIVATE_NUMBERS, SIEMENS_SLICES, private_tags

ALLOWED = {
    "ImageType": 0x00080008,
    "SOPClassUID": 0x00080016,
    "AcquisitionTime": 0x00080032,
    "AcquisitionDateTime": 0x0008002A,
    "Modality": 0x00080060,
    "Manufacturer": 0x00080070,
    "SeriesDescription": 0x0008103E,
    "ScanningSequence": 0x00180020,
    "SliceThickness": 0x00180050,
    "RepetitionTime": 0x00180080,
    "EchoNumbers": 0x00180086,
    "SpacingBetweenSlices": 0x00180088,
    "SoftwareVersions": 0x00181020,
    "ProtocolName": 0x00181030,
    "EchoPlanarPulseSequence": 0x00189018,
    "StudyInstanceUID": 0x0020000D,
    "SeriesInstanceUID": 0x0020000E,
    "SeriesNumber": 0x00200011,
    "AcquisitionNumber": 0x00200012,
    "InstanceNumber": 0x00200013,
    "ImagePositionPatient": 0x00200032,
    "ImageOrientationPatient": 0x00200037,
    "TemporalPositionIdentifier": 0x00200100,
    "NumberOfTemporalPositions": 0x00200105,
    "ImagesInAcquisition": 0x00201002,
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
UIH_FRAMES = 0x00651051  # United Imaging's private sequence: an item for each slice of a grid
SEQUENCES = {UIH_FRAMES: {ALLOWED[keyword]: None for keyword in ("AcquisitionTime", "ImagePositionPatient")}}
TAGS = [*ALLOWED.values(), *private_tags()]

ENHANCED = ("1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.4")  # enhanced MR, legacy converted enhanced MR
MOST_SCALE = 1e28  # a larger slope or intercept would not fit into single precision: damaged
PLANAR = {"YES": ("EP",), "NO": ("OTHER",)}  # what enhanced files have instead of ScanningSequence
MR_IMAGES = ("1.2.840.10008.5.1.4.1.1.4", *ENHANCED)


DAY_S = 86400.0


@dataclass(frozen=True)
class Header:
    """The header of one MR image file. Lengths in mm along DICOM's LPS axes; ``None`` or empty for what it does not say."""

    vendor: str
    image_type: tuple[str, ...]
    enhanced: bool
    software: tuple[str, ...]
    scanning: tuple[str, ...]  # ScanningSequence: EP, GR, ...
    study_uid: str
    series_uid: str
    series_number: int | None
    protocol: str
    description: str
    acquisition_number: int | None
    instance_number: int | None
    temporal_position: int | None
    planned_volumes: int | None  # NumberOfTemporalPositions
    images_in_acquisition: int | None
    echo_number: int | None
    acquired_s: float | None  # seconds since midnight by the scanner's clock
    tr_s: float | None
    rows: int
    columns: int
    frames: int
    samples: int
    bits: int
    bits_stored: int
    signed: bool
    position_mm: tuple[float, ...]  # centre of the first pixel, x y z
    orientation: tuple[float, ...]  # direction cosines along a row, then down a column
    pixel_spacing_mm: tuple[float, ...]  # from row to row, from column to column
    slice_spacing_mm: float | None
    slope: float
    intercept: float
    private: Mapping[str, float]  # of ``PRIVATE_NUMBERS`` those that are there, and ``siemens_slices``
    blocks: Mapping[str, bytes]  # of ``PRIVATE_BLOCKS``

    @property
    def csa(self) -> bytes:
        """The Siemens CSA image header."""
        return self.blocks.get("csa", b"")

    @property
    def series(self) -> str:
        """What to call the series before an operator: ``series 7 'bold_nf1'``."""
        number = "without a number" if self.series_number is None else str(self.series_number)
        name = self.protocol or self.description
        return f"series {number} '{name}'" if name else f"series {number}"


@dataclass(frozen=True)
class RawValues:
    """Values by keyword from the raw ``elements`` of a file, or of one item of a sequence."""

    elements: Elements

    def raw(self, tag: int) -> bytes:
        element = self.elements.get(tag)
        return element.value if element is not None else b""

    def text_at(self, tag: int) -> str:
        return _decode(self.raw(tag)).strip(" \0")

    def texts(self, keyword: str) -> tuple[str, ...]:
        text = self.text_at(ALLOWED[keyword])
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

    def packed(self, tag: int, code: str) -> float | None:
        """The first of an element's binary values, ``code`` as in ``struct``; None where it is absent or no finite number."""
        element = self.elements.get(tag)
        if element is None or len(element.value) < struct.calcsize(code):
            return None
        value = float(struct.unpack_from(("<" if element.is_little_endian else ">") + code, element.value)[0])
        return value if math.isfinite(value) else None

    def short(self, keyword: str) -> int:
        """A two-byte unsigned value (VR US); 0 where it is absent."""
        element = self.elements.get(ALLOWED[keyword])
        big = element is not None and not element.is_little_endian
        return int.from_bytes(self.raw(ALLOWED[keyword])[:2], "big" if big else "little")

    @cached_property
    def _blocks(self) -> dict[tuple[int, str], int]:
        """The block that each creator reserved, by group and its name."""
        reserved = [tag for tag in self.elements if tag >> 16 & 1 and tag & 0xFFFF in BLOCKS]
        return {(tag >> 16, self.text_at(tag)): tag & 0xFF for tag in reserved}

    def private(self, group: int, creator: str, element: int) -> bytes:
        """The value of a private element; where an archive has removed the creators' names of a group, that of its first block."""
        block = self._blocks.get((group, creator))
        if block is None:
            block = 0 if any(reserved == group for reserved, _ in self._blocks) else BLOCKS[0]
        return self.raw((group << 16) + (block << 8) + element)

    def private_number(self, group: int, creator: str, element: int, kind: str) -> float | None:
        """The first number of a private element; None where it is absent or no finite number."""
        value = self.private(group, creator, element)
        try:
            if kind == "text":
                number = float(_decode(value).split("\\")[0].strip(" \0"))
            else:
                number = float(struct.unpack_from(self.order + kind, value)[0])
        except (ValueError, struct.error):
            return None
        return number if math.isfinite(number) else None

    @property
    def order(self) -> str:
        """The byte order of the file, as ``struct`` has it."""
        element = next(iter(self.elements.values()), None)
        return "<" if element is None or element.is_little_endian else ">"


def header_of(values: RawValues) -> Header:
    """The typed header from raw values; nothing is judged here."""
    tr_ms = values.number("RepetitionTime")
    return Header(
        vendor=values.text("Manufacturer"),
        image_type=tuple(part.upper() for part in values.texts("ImageType")),
        enhanced=values.text("SOPClassUID") in ENHANCED,
        software=values.texts("SoftwareVersions"),
        scanning=values.texts("ScanningSequence") or PLANAR.get(values.text("EchoPlanarPulseSequence"), ()),
        study_uid=values.text("StudyInstanceUID"),
        series_uid=values.text("SeriesInstanceUID"),
        series_number=values.whole("SeriesNumber"),
        protocol=values.text("ProtocolName"),
        description=values.text("SeriesDescription"),
        acquisition_number=values.whole("AcquisitionNumber"),
        instance_number=values.whole("InstanceNumber"),
        temporal_position=values.whole("TemporalPositionIdentifier"),
        planned_volumes=values.whole("NumberOfTemporalPositions"),
        images_in_acquisition=values.whole("ImagesInAcquisition"),
        echo_number=values.whole("EchoNumbers"),
        acquired_s=seconds_since_midnight(values.text("AcquisitionTime")),
        tr_s=tr_ms / 1000.0 if tr_ms else None,
        rows=values.short("Rows"),
        columns=values.short("Columns"),
        frames=max(1, values.whole("NumberOfFrames") or 1),
        samples=max(1, values.short("SamplesPerPixel")),
        bits=values.short("BitsAllocated"),
        bits_stored=values.short("BitsStored") or values.short("BitsAllocated"),
        signed=bool(values.short("PixelRepresentation")),
        position_mm=values.numbers("ImagePositionPatient"),
        orientation=values.numbers("ImageOrientationPatient"),
        pixel_spacing_mm=values.numbers("PixelSpacing"),
        slice_spacing_mm=values.number("SpacingBetweenSlices") or values.number("SliceThickness"),
        slope=values.number("RescaleSlope") or 1.0,
        intercept=values.number("RescaleIntercept") or 0.0,
        private=_private_numbers(values),
        blocks={name: block for name, where in PRIVATE_BLOCKS.items() if (block := values.private(*where))},
    )


def seconds_since_midnight(time: str) -> float | None:
    """DICOM's TM, ``HHMMSS.ffffff`` (PS3.5, table 6.2-1), also with colons as ACR-NEMA wrote it; None if it is no time."""
    found = re.fullmatch(r"(\d\d):?(\d\d):?(\d\d(?:\.\d*)?)", time.strip())
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else None


def passed_s(since_s: float, until_s: float) -> float:
    """Seconds from one time of day to another, the shorter way round: a run may go on past midnight."""
    return (until_s - since_s + DAY_S / 2) % DAY_S - DAY_S / 2


def _private_numbers(values: RawValues) -> dict[str, float]:
    found = {name: values.private_number(*where) for name, where in PRIVATE_NUMBERS.items()}
    said = SIEMENS_SLICES.search(values.private(*PRIVATE_BLOCKS["siemens_protocol"]))
    found["siemens_slices"] = float(said[1]) if said else None
    return {name: number for name, number in found.items() if number is not None}


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
