"""One DICOM file from its bytes: is it whole, is it an MR image, what are its pixels.

Rule on completeness: a file is whole when every element that we need is as long as it says, and its pixels are as many as rows, columns,
frames and bits ask for. ``pydicom.dcmread`` opens a truncated file without a word, so the lengths are compared here.
"""

from __future__ import annotations

import io
import logging
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom

from rtfmri.acquisition.headers import ALLOWED, MR_IMAGES, TAGS, Header, RawValues, header_of
from rtfmri.errors import IncompleteError, VolumeError

PREAMBLE = 128
META, META_LENGTH = struct.Struct("<4s4xI"), b"\x02\0\0\0"  # element (0002,0000), UL: how long the file's meta information is
UNDEFINED_LENGTH = 0xFFFFFFFF
MOST_PIXELS = 2**28  # a header that asks for more is damaged

# What pydicom says of a file that ends too early is said here as an IncompleteError; it shall not also go to the operator's terminal.
logging.getLogger("pydicom").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", "End of file reached", UserWarning, "pydicom")


@dataclass(frozen=True, eq=False)
class DicomImage:
    """A whole MR image file: its ``header``, and its pixels on request."""

    header: Header
    dataset: Any  # pydicom's; it holds nothing but the allowed tags

    def pixels(self) -> npt.NDArray[Any]:
        """Stored values, (rows, columns) or (frames, rows, columns), not rescaled.

        Raises
        ------
        VolumeError : the compressed pixels cannot be decoded.
        """
        if self.dataset.get_item(ALLOWED["PixelData"], keep_deferred=True).length != UNDEFINED_LENGTH:
            return self._native()
        syntax = self.dataset.file_meta.get("TransferSyntaxUID")
        try:
            stored = self.dataset.pixel_array
        except Exception as error:  # the decoders are plug-ins that raise what they like
            name = syntax.name if syntax else "of an unknown kind"
            raise VolumeError(f"its compressed pixels ({name}) cannot be decoded ({type(error).__name__})") from None
        if stored.shape[-2:] != (self.header.rows, self.header.columns):
            raise VolumeError("its compressed pixels have another size than its header says")
        return stored

    def _native(self) -> npt.NDArray[Any]:
        header, element = self.header, self.dataset.get_item(ALLOWED["PixelData"], keep_deferred=True)
        order, kind = "<" if element.is_little_endian else ">", "i" if header.signed else "u"
        shape = (header.rows, header.columns) if header.frames == 1 else (header.frames, header.rows, header.columns)
        dtype = np.dtype(f"{order}{kind}{header.bits // 8}")
        return np.frombuffer(element.value, dtype, count=int(np.prod(shape))).reshape(shape)


def read(data: bytes) -> DicomImage:
    """A whole MR image from the bytes of a file.

    Raises
    ------
    IncompleteError : the file ends before its own headers say.
    VolumeError : it is no DICOM file, or no MR image; the message says which.
    """
    _check_beginning(data)
    dataset = _parse(data)
    values = RawValues(dataset)
    _check_lengths(dataset)
    _check_kind(values)
    header = header_of(values)
    _check_pixels(dataset, header)
    dataset.file_meta = _syntax_only(dataset.file_meta)
    return DicomImage(header, dataset)


def _check_beginning(data: bytes) -> None:
    if not data[: PREAMBLE + 4].strip(b"\0"):
        raise IncompleteError("it is empty so far")
    if not b"DICM".startswith(data[PREAMBLE : PREAMBLE + 4]):
        raise VolumeError("it is no DICOM file")
    meta = META.unpack_from(data, PREAMBLE + 4) if len(data) >= PREAMBLE + 4 + META.size else None
    if meta is None or (meta[0] == META_LENGTH and len(data) < PREAMBLE + 4 + META.size + meta[1]):
        raise IncompleteError("it ends within its first bytes")


def _parse(data: bytes) -> Any:
    try:
        return pydicom.dcmread(io.BytesIO(data), specific_tags=list(TAGS))
    except (EOFError, struct.error, zlib.error, UserWarning):  # a UserWarning where warnings are made errors
        raise IncompleteError("it ends within its header") from None
    except Exception as error:  # a damaged header can make the parser stumble anywhere
        raise VolumeError(f"its header cannot be read ({type(error).__name__})") from None


def _check_kind(values: RawValues) -> None:
    kind = values.text("SOPClassUID")
    if not kind:
        raise IncompleteError("it ends within its header")
    if kind not in MR_IMAGES:
        raise VolumeError("it is no MR image")


def _check_lengths(dataset: Any) -> None:
    for tag in dataset.keys():  # noqa: SIM118  (iterating the dataset itself would convert every element)
        element = dataset.get_item(tag, keep_deferred=True)
        length = getattr(element, "length", UNDEFINED_LENGTH)
        if length != UNDEFINED_LENGTH and len(element.value or b"") < length:
            raise IncompleteError("it ends before its header says")


def _check_pixels(dataset: Any, header: Header) -> None:
    element = dataset.get_item(ALLOWED["PixelData"], keep_deferred=True)
    if element is None:
        raise IncompleteError("it ends before its pixels")
    pixels = header.rows * header.columns * header.frames
    if header.bits not in (8, 16, 32) or header.samples != 1 or not 0 < pixels <= MOST_PIXELS:
        raise VolumeError("its header asks for an impossible kind or number of pixels")
    if element.length != UNDEFINED_LENGTH and element.length < pixels * header.bits // 8:
        raise VolumeError("it holds fewer pixels than its header says")


def _syntax_only(file_meta: Any) -> Any:
    kept = pydicom.dataset.FileMetaDataset()
    if "TransferSyntaxUID" in file_meta:
        kept.TransferSyntaxUID = file_meta.TransferSyntaxUID
    return kept
