"""Which decoder reads which files: the first of ``DECODERS`` that claims them. Another vendor is one more file and one more line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtfmri.acquisition import enhanced, ge, other, philips, siemens, siemens_slices, uih
from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.slices import Mark, Slice
from rtfmri.errors import VolumeError
from rtfmri.volume import Volume

Piece = Volume | Slice


@dataclass(frozen=True)
class Decoder:
    """How one kind of file becomes volumes or slices: ``claims`` knows it, ``decode`` reads it, and what its header says of its volume's
    number comes from ``index_of`` (0-based) or, for slices, from ``mark_of``."""

    kind: str
    claims: Callable[[Header], bool]
    decode: Callable[[DicomImage], tuple[Piece, ...]]
    index_of: Callable[[Header], int] | None = None
    mark_of: Callable[[Header], Mark] | None = None

    def mark(self, header: Header) -> Mark:
        """What the header says of where its file belongs.

        Raises
        ------
        VolumeError : nothing that can be used.
        """
        if self.mark_of is not None:
            return self.mark_of(header)
        return Mark(self.index_of(header) if self.index_of is not None else None)


DECODERS = (
    Decoder("mosaic", siemens.is_mosaic, lambda image: (siemens.decode_mosaic(image),), siemens.volume_index),
    Decoder("enhanced", enhanced.is_enhanced, enhanced.decode_enhanced, enhanced.volume_index),
    Decoder("grid", uih.is_grid, uih.decode_grid, uih.volume_index),
    Decoder("slices", siemens_slices.is_siemens_slice, siemens_slices.decode_slice, mark_of=siemens_slices.siemens_mark),
    Decoder("slices", ge.is_ge_slice, ge.decode_slice, mark_of=ge.ge_mark),
    Decoder("slices", philips.is_philips_slice, philips.decode_slice, mark_of=philips.philips_mark),
    Decoder("slices", other.is_plain_slice, other.decode_slice, mark_of=other.plain_mark),
)
NAMES = {"SIEMENS": "Siemens", "GE ": "GE", "PHILIPS": "Philips", "UIH": "United Imaging", "CANON": "Canon", "TOSHIBA": "Canon"}


def decoder_for(header: Header) -> Decoder | None:
    """The decoder that claims a file with this header."""
    return next((decoder for decoder in DECODERS if decoder.claims(header)), None)


def decode(image: DicomImage) -> tuple[Piece, ...]:
    """The volumes or slices of one file.

    Raises
    ------
    VolumeError : no decoder claims it, or it cannot be decoded.
    """
    decoder = decoder_for(image.header)
    if decoder is None:
        raise VolumeError(f"{kind_of(image.header)} are not decoded")
    return decoder.decode(image)


def mark_of(header: Header) -> Mark | None:
    """What the header says of where its file belongs; None where it says nothing."""
    decoder = decoder_for(header)
    try:
        return None if decoder is None else decoder.mark(header)
    except VolumeError:
        return None


def vendor_of(header: Header) -> str:
    """The vendor's usual name, or what the header says."""
    return next((name for start, name in NAMES.items() if header.vendor.upper().startswith(start)), header.vendor or "unknown")


def kind_of(header: Header) -> str:
    """How volumes lie in the files: mosaic, enhanced (many frames a file), grid, or slices."""
    decoder = decoder_for(header)
    return decoder.kind if decoder is not None else f"{vendor_of(header)} images of many frames"
