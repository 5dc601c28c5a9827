"""GE: one file for each slice, in no order.

Volume number: (InstanceNumber - 1) // (slices x echoes); InstanceNumber counts through the slices of all volumes. GE writes neither
TemporalPositionIdentifier nor an AcquisitionNumber that counts.

Slices of a volume: several elements may say so, and each is wrong in some release (ImagesInAcquisition holds all images of the run in some,
Locations In Acquisition (0021,xx4F) differs with multiband or interpolation): what most of them say, among them the distance from the first
to the last location. Where nothing says so it is learned (stack.py).

Times: AcquisitionTime is the series' own. A volume's is that plus its number times TR. Slice times follow from the protocol block
(0025,xx1B): sequential or interleaved, multiband factor and release (rules as in dcm2niix; before release 27.0 R03 the number of multiband
excitations was odd); else from the RTIA timer (0021,xx5E), in seconds or, before DV24, in 1/10,000 s. epiRT's TR leaves out the pause after
each volume ("group delay", (0043,xx7C)): it is added.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from dataclasses import replace
from functools import lru_cache

from rtfmri.acquisition.files import DicomImage
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.slices import Mark, Slice, mark_of, slice_of

MOST_PROTOCOL = 1 << 20  # bytes of an unpacked protocol block
OLDEST_MULTIBAND = 26  # releases before it do not tell the times of multiband slices
TICKS_PER_S = 1e4  # of the timer before DV24


def is_ge_slice(header: Header) -> bool:
    """Whether this is a slice of a GE scanner."""
    return header.vendor.upper().startswith("GE ") and not header.enhanced


def ge_mark(header: Header) -> Mark:
    """Where the slice belongs, by the rule above.

    Raises
    ------
    VolumeError : it has no place in space, or no number.
    """
    mark = mark_of(header, slices=slices_of(header))
    echoes = int(header.private.get("ge_echoes", 1.0))
    if mark.slices is None or mark.instance is None or mark.instance < 1:
        return mark
    return replace(mark, index=(mark.instance - 1) // (mark.slices * max(echoes, 1)))


def decode_slice(image: DicomImage) -> tuple[Slice, ...]:
    """The slice of one file.

    Raises
    ------
    VolumeError : place, number, voxel size or TR are absent or senseless; the message says which.
    """
    header = image.header
    piece = slice_of(header, ge_mark(header), image.pixels())
    delay_s = header.private.get("ge_group_delay_s", 0.0) if b"RT" in header.blocks.get("ge_sequence", b"").upper() else 0.0
    piece = replace(piece, tr_s=piece.tr_s + max(delay_s, 0.0))
    return (replace(piece, acquired_s=None, started_s=header.acquired_s, time_s=_time_s(header, piece, delay_s)),)


def slices_of(header: Header) -> int | None:
    """How many slices a volume has: what most elements say; None where nothing does."""
    private = header.private
    said = [_span(header), private.get("ge_slices"), header.images_in_acquisition, private.get("ge_locations")]
    votes = Counter(int(count) for count in said if count is not None and count >= 1)
    return votes.most_common(1)[0][0] if votes else None


def _span(header: Header) -> int | None:
    first_mm, last_mm = header.private.get("ge_first_location_mm"), header.private.get("ge_last_location_mm")
    if first_mm is None or last_mm is None or not header.slice_spacing_mm or header.slice_spacing_mm <= 0:
        return None
    return round(min(abs(last_mm - first_mm) / header.slice_spacing_mm, 1e6)) + 1


def _time_s(header: Header, piece: Slice, delay_s: float) -> float | None:
    slices, instance = piece.mark.slices, piece.mark.instance
    interleaved = _interleaved(header.blocks.get("ge_protocol", b""))
    if interleaved is not None and slices and instance:
        bands = max(int(header.private.get("ge_multiband", 1.0)), 1)
        return slice_time_s((instance - 1) % slices, slices, piece.tr_s - delay_s, bands, interleaved, _release(header))
    timer = header.private.get("ge_timer")
    if not timer:
        return None
    return timer if _release(header)[0] >= 24 else timer / TICKS_PER_S


def slice_time_s(number: int, slices: int, tr_s: float, bands: int, interleaved: bool, release: tuple[int, int]) -> float | None:
    """When slice ``number`` (0-based, as numbered) is taken after the volume's first, in s; ``release``: (27, 3) for 27.0 R03."""
    if bands > 1 and release[0] < OLDEST_MULTIBAND:
        return None
    excitations = -(-slices // bands)
    later = release >= (27, 3)
    if bands > 1 and not later and excitations % 2 == 0:
        excitations += 1
    turn = number % excitations
    if not interleaved:
        return turn * tr_s / excitations
    if bands > 1 and later and excitations > 2 and excitations % 2 == 0:  # the last two of the second half change places
        turn = {excitations - 1: excitations - 3, excitations - 3: excitations - 1}.get(turn, turn)
    order = turn // 2 if turn % 2 == 0 else (excitations - 1) // 2 + (turn + 1) // 2
    return order * tr_s / excitations


@lru_cache(maxsize=4)
def _interleaved(block: bytes) -> bool | None:
    """What the protocol block (length, then gzip of lines like ``SLICEORDER "1"``) says of the order; None where it says nothing."""
    try:
        text = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(block[4:], MOST_PROTOCOL)
    except zlib.error:
        return None
    found = re.search(rb'^\s*(?:set\s+)?SLICEORDER\s+"(\d)"', text, re.MULTILINE)
    return None if found is None else found[1] == b"1"


def _release(header: Header) -> tuple[int, int]:
    """Major and R number of the software, ``...DV26.0_R01_1725.a``; zeros where it is not said."""
    for text in header.software:
        found = re.search(r"(?:DV|MR|RX)(\d+)\.\d+_R(\d+)", text, re.IGNORECASE)
        if found:
            return int(found[1]), int(found[2])
    return 0, 0
