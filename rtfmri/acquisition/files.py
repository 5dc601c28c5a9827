"""One DICOM file from its bytes: is it whole, is it an MR image, what are its pixels.

Rule on completeness: a file is whole when every element, needed or not, is as long as it says up to the pixels, and these are as many as
rows, columns, frames and bits ask for. No pixel is decoded to find that out.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rtfmri.acquisition.compressed import decompressed
from rtfmri.acquisition.elements import PIXEL_DATA, UNDEFINED_LENGTH, Elements, Encoding, heads, read_elements
from rtfmri.acquisition.frames import FUNCTIONAL_GROUPS, Frame, frames_of, with_frames
from rtfmri.acquisition.headers import MOST_SCALE, MR_IMAGES, SEQUENCES, TAGS, Header, RawValues, header_of
from rtfmri.errors import IncompleteError, VolumeError

PREAMBLE, MAGIC = 128, b"DICM"
META_GROUP, TRANSFER_SYNTAX = 2, 0x00020010
META_ENCODING = Encoding(explicit=True, little=True)
DEFLATED = "1.2.840.10008.1.2.1.99"
ENCODINGS = {"1.2.840.10008.1.2": Encoding(explicit=False, little=True), "1.2.840.10008.1.2.2": Encoding(explicit=True, little=False)}
MOST_PIXELS = 2**28  # a header that asks for more is damaged
MOST_DEFLATED = 64  # how many times its size a deflated file may grow; images that are mostly empty come to about 20
WANTED = {**dict.fromkeys(TAGS), **SEQUENCES, **FUNCTIONAL_GROUPS}


@dataclass(frozen=True, eq=False)
class DicomImage:
    """A whole MR image file: its ``header``, what it says of each of its ``frames`` (none in classic files), its pixels on request."""

    header: Header
    frames: tuple[Frame, ...]
    elements: Elements  # only the wanted ones
    syntax: str  # UID of the transfer syntax

    def pixels(self) -> npt.NDArray[Any]:
        """Stored values, (rows, columns) or (frames, rows, columns), not rescaled.

        Raises
        ------
        VolumeError : the compressed pixels cannot be decoded.
        """
        header, element = self.header, self.elements[PIXEL_DATA]
        if element.length == UNDEFINED_LENGTH:
            return decompressed(element.value, self.syntax, header)
        shape = (header.rows, header.columns) if header.frames == 1 else (header.frames, header.rows, header.columns)
        dtype = np.dtype(f"{'<' if element.is_little_endian else '>'}{'i' if header.signed else 'u'}{header.bits // 8}")
        return np.frombuffer(element.value, dtype, count=int(np.prod(shape))).reshape(shape)


def read(data: bytes) -> DicomImage:
    """A whole MR image from the bytes of a file.

    Raises
    ------
    IncompleteError : the file ends before its own headers say.
    VolumeError : it is no DICOM file, or no MR image; the message says which.
    """
    _check_beginning(data)
    syntax, start = _meta(data)
    if syntax == DEFLATED:
        data, start = _inflated(data, start), 0
    elements = read_elements(data, start, _encoding(syntax, data, start), WANTED)
    values = RawValues(elements)
    _check_kind(values)
    header = header_of(values)
    _check_pixels(elements, header)
    frames = frames_of(elements, header.frames) if header.enhanced else ()
    return DicomImage(with_frames(header, frames), frames, elements, syntax)


def _check_beginning(data: bytes) -> None:
    if not data[: PREAMBLE + 4].strip(b"\0"):
        raise IncompleteError("it is empty so far")
    if not MAGIC.startswith(data[PREAMBLE : PREAMBLE + 4]):
        raise VolumeError("it is no DICOM file")


def _meta(data: bytes) -> tuple[str, int]:
    """The transfer syntax, from the file's meta information (PS3.10, 7.1), and where the data set begins."""
    syntax, at = "", PREAMBLE + 4
    for found in heads(data, at, META_ENCODING, META_GROUP):
        if found.tag == TRANSFER_SYNTAX:
            syntax = data[found.start : found.end].decode("ascii", "replace").strip(" \0")
        at = found.end
    return syntax, at


def _encoding(syntax: str, data: bytes, start: int) -> Encoding:
    """How the data set is written: as the transfer syntax says, but with value representations only if its first element has one (some
    archives unpack files without changing what their meta information says)."""
    said = ENCODINGS.get(syntax, META_ENCODING)
    return Encoding(explicit=data[start + 4 : start + 6].isupper(), little=said.little) if len(data) > start + 6 else said


def _inflated(data: bytes, start: int) -> bytes:
    """The data set of a deflated file (PS3.5, A.5)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data[start:], MOST_DEFLATED * len(data))
    except zlib.error:
        raise VolumeError("its deflated content is damaged") from None
    if inflater.unconsumed_tail:
        raise VolumeError("its header asks for an impossible kind or number of pixels")
    if not inflater.eof:
        raise IncompleteError("it ends before its header says")
    return inflated


def _check_kind(values: RawValues) -> None:
    kind = values.text("SOPClassUID")
    if not kind:
        raise IncompleteError("it ends within its header")
    if kind not in MR_IMAGES:
        raise VolumeError("it is no MR image")


def _check_pixels(elements: Elements, header: Header) -> None:
    element = elements.get(PIXEL_DATA)
    if element is None:
        raise IncompleteError("it ends before its pixels")
    pixels = header.rows * header.columns * header.frames
    if header.bits not in (8, 16, 32) or header.samples != 1 or not 0 < pixels <= MOST_PIXELS:
        raise VolumeError("its header asks for an impossible kind or number of pixels")
    if not abs(header.slope) + abs(header.intercept) <= MOST_SCALE:
        raise VolumeError("its header has a senseless scale of values")
    if element.length != UNDEFINED_LENGTH and element.length < pixels * header.bits // 8:
        raise VolumeError("it holds fewer pixels than its header says")
