"""Compressed pixels: pydicom's decoders, each encoding with the plug-in that survives damaged data.

Rule: what a frame's own markers say (size, precision, code tables) must fit the header before a plug-in sees it, and of JPEG's markers it
sees only those that it needs. The plug-ins are compiled code, and GDCM, the only free one for lossless JPEG, takes the whole process down
over a damaged marker; damage behind the markers it survives (tests/acquisition/test_fuzzing.py). Layout of markers: ITU-T T.81, B.1 (JPEG),
T.87, C (JPEG-LS), T.800, A.5 (JPEG 2000).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import get_decoder
from pydicom.uid import UID, UID_dictionary

from rtfmri.acquisition.headers import Header
from rtfmri.errors import VolumeError

RLE = "1.2.840.10008.1.2.5"
JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")  # lossless
JPEG_LS = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
JPEG_2000 = ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91")
PLUGINS = {RLE: "pydicom", **dict.fromkeys(JPEG, "gdcm"), **dict.fromkeys(JPEG_LS, "pyjpegls"), **dict.fromkeys(JPEG_2000, "pylibjpeg")}

START, SCAN, TABLES, RESTART, PARAMETERS = 0xD8, 0xDA, 0xC4, 0xDD, 0xF8
FRAME_OF = {**dict.fromkeys(JPEG, 0xC3), **dict.fromkeys(JPEG_LS, 0xF7)}  # the marker that tells the size
LEFT_OUT = frozenset((*range(0xE0, 0xF0), 0xFE))  # application data and comments
FOREIGN = re.compile(rb"\xff[\x01-\xcf\xda-\xfe]")  # a marker that has no place in the scan of lossless JPEG
J2K_START = b"\xff\x4f\xff\x51"
LONGEST_CODE = 16


@dataclass(frozen=True)
class _Size:
    """What a frame's markers say of it."""

    rows: int
    columns: int
    bits: int
    components: int


def decompressed(data: bytes, syntax: str, header: Header) -> npt.NDArray[Any]:
    """The stored values, (rows, columns) or (frames, rows, columns), of encapsulated ``data`` (PS3.5, A.4).

    Raises
    ------
    VolumeError : they are damaged, or in an encoding that is not known.
    """
    name = UID_dictionary[syntax][0] if syntax in UID_dictionary else "of an unknown kind"
    if syntax not in PLUGINS:
        raise VolumeError(f"its compressed pixels ({name}) are in an encoding that is not decoded")
    shape = (header.rows, header.columns) if header.frames == 1 else (header.frames, header.rows, header.columns)
    try:
        frames = [_sound(frame, syntax, header) for frame in generate_frames(data, number_of_frames=header.frames)]
        dataset = _for_pydicom(encapsulate(frames), syntax, header)
        stored, _ = get_decoder(UID(syntax)).as_array(dataset, decoding_plugin=PLUGINS[syntax])
    except Exception as error:  # plug-ins raise what they like
        raise VolumeError(f"its compressed pixels ({name}) cannot be decoded ({type(error).__name__})") from None
    if stored.shape != shape or stored.dtype.kind not in "iu":
        raise VolumeError("its compressed pixels have another size than its header says")
    return np.asarray(stored)


def _sound(frame: bytes, syntax: str, header: Header) -> bytes:
    """The frame as a plug-in may see it; raises ValueError where markers and header do not fit."""
    if syntax == RLE:
        return frame
    size, frame = (_size_of_j2k(frame), frame) if syntax in JPEG_2000 else _markers_of_jpeg(frame, FRAME_OF[syntax])
    if (size.rows, size.columns, size.components) != (header.rows, header.columns, 1) or not 2 <= size.bits <= header.bits:
        raise ValueError("size")
    return frame


def _size_of_j2k(frame: bytes) -> _Size:
    """From the SIZ segment; no offsets, no subsampling, one tile or more within the image."""
    if not frame.startswith(J2K_START):
        raise ValueError("start")
    x, y, x0, y0, tile_x, tile_y, tile_x0, tile_y0, components, bits, step_x, step_y = struct.unpack_from(">8IH3B", frame, 8)
    if (x0, y0, tile_x0, tile_y0, step_x, step_y) != (0, 0, 0, 0, 1, 1) or min(tile_x, tile_y) < min(64, x, y):
        raise ValueError("tiles")
    return _Size(y, x, (bits & 0x7F) + 1, components)


def _markers_of_jpeg(frame: bytes, marker_of_size: int) -> tuple[_Size, bytes]:
    """What the markers say, and the frame with no more markers than needed; each must be sound."""
    size, kept, at = None, [frame[:2]], 2
    if frame[:2] != bytes((0xFF, START)):
        raise ValueError("start")
    while True:
        mark, marker, length = struct.unpack_from(">BBH", frame, at)
        segment, begin, at = frame[at + 4 : at + 2 + length], at, at + 2 + length
        if mark != 0xFF or len(segment) != length - 2:
            raise ValueError("segment")
        if marker in LEFT_OUT:
            continue
        kept.append(frame[begin:at])
        if marker == SCAN and size is not None:
            _check_scan(segment, frame[at:], marker_of_size)
            return size, b"".join((*kept, frame[at:]))
        if marker == marker_of_size and size is None:
            size = _size_of_jpeg(segment)
        elif marker == TABLES:
            _check_tables(segment)
        elif marker not in (RESTART, PARAMETERS):
            raise ValueError("marker")


def _size_of_jpeg(segment: bytes) -> _Size:
    bits, rows, columns, components = struct.unpack_from(">BHHB", segment)
    if len(segment) != 6 + 3 * components or segment[7] != 0x11:
        raise ValueError("frame")
    return _Size(rows, columns, bits, components)


def _check_tables(segment: bytes) -> None:
    """Huffman tables (T.81, B.2.4.2): lossless codes of at most 16 bits for at most 17 differences, each code possible and used once."""
    at = 0
    while at < len(segment):
        counts = segment[at + 1 : at + 1 + LONGEST_CODE]
        values = segment[at + 1 + LONGEST_CODE : at + 1 + LONGEST_CODE + sum(counts)]
        codes = sum(count << (LONGEST_CODE - bits) for bits, count in enumerate(counts, start=1))
        if len(counts) < LONGEST_CODE or len(values) < sum(counts) or not values or segment[at] > 3:
            raise ValueError("table")
        if codes > 1 << LONGEST_CODE or max(values) > 16 or len(set(values)) < len(values):
            raise ValueError("codes")
        at += 1 + LONGEST_CODE + sum(counts)


def _check_scan(segment: bytes, scan: bytes, marker_of_size: int) -> None:
    """One component; for lossless JPEG also predictor 1 to 7, no point transform (T.81, B.2.3) and no other marker within the scan."""
    if len(segment) != 6 or segment[0] != 1:
        raise ValueError("scan")
    lossless = marker_of_size == FRAME_OF[JPEG[0]]
    if lossless and (not 1 <= segment[3] <= 7 or segment[4:] != b"\0\0" or FOREIGN.search(scan)):
        raise ValueError("scan")


def _for_pydicom(data: bytes, syntax: str, header: Header) -> Dataset:
    """The little that pydicom needs to know."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = header.rows, header.columns, header.frames
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = header.bits, header.bits_stored, header.bits_stored - 1
    dataset.PixelRepresentation, dataset.PixelData = int(header.signed), data
    dataset["PixelData"].is_undefined_length = True
    return dataset
