"""Which decoder reads which files. Another vendor is one more file and one more line in ``DECODERS``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtfmri.acquisition import siemens
from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.errors import VolumeError
from rtfmri.volume import Volume


@dataclass(frozen=True)
class Decoder:
    """How one kind of file becomes a volume: ``claims`` knows it, ``index_of`` numbers it (0-based), ``decode`` reads it."""

    kind: str
    claims: Callable[[Header], bool]
    index_of: Callable[[Header], int]
    decode: Callable[[DicomImage], Volume]


DECODERS = (Decoder("mosaic", siemens.is_mosaic, siemens.volume_index, siemens.decode_mosaic),)
NAMES = {"SIEMENS": "Siemens", "GE ": "GE", "PHILIPS": "Philips", "UIH": "United Imaging", "CANON": "Canon", "TOSHIBA": "Canon"}


def decoder_for(header: Header) -> Decoder | None:
    """The decoder that claims a file with this header."""
    return next((decoder for decoder in DECODERS if decoder.claims(header)), None)


def decode(image: DicomImage) -> Volume:
    """The volume of one file.

    Raises
    ------
    VolumeError : no decoder claims it, or it cannot be decoded.
    """
    decoder = decoder_for(image.header)
    if decoder is None:
        raise VolumeError(f"{kind_of(image.header)} is not decoded yet")
    return decoder.decode(image)


def vendor_of(header: Header) -> str:
    """The vendor's usual name, or what the header says."""
    return next((name for start, name in NAMES.items() if header.vendor.upper().startswith(start)), header.vendor or "unknown")


def kind_of(header: Header) -> str:
    """How volumes lie in the files: mosaic, enhanced (many frames a file), or single slices."""
    decoder = decoder_for(header)
    if decoder is not None:
        return decoder.kind
    return f"{vendor_of(header)} {'enhanced' if header.enhanced else 'single slices'}"
