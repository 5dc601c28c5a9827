"""Siemens' CSA image header: the private block in which a mosaic says how many slices it holds, which way they go, and when each was taken.

Layout (both kinds little-endian; described by nibabel's documentation, "Siemens format DICOM with CSA header"): CSA2 starts with ``SV10``
and four bytes more, CSA1 has no such start. Then the number of tags, a check value, and per tag: name (64 bytes), number of values, VR (4),
a type, number of items, a check value; then per item four integers, from which its length comes, and its text padded to four bytes. In CSA2
the length is the second integer; in CSA1 it is the first, less the number of items of the first tag.
"""

from __future__ import annotations

import math
import struct

from rtfmri.errors import VolumeError

CSA2_START = b"SV10"
MOST_TAGS = 1024
MOST_ITEMS = 8192
WANTED = frozenset({"NumberOfImagesInMosaic", "SliceNormalVector", "ProtocolSliceNumber", "MosaicRefAcqTimes"})

CsaHeader = dict[str, tuple[float, ...]]


def read_csa(block: bytes) -> CsaHeader:
    """The numeric tags of ``WANTED`` that hold a value, as floats in the block's own units (mm, ms).

    Raises
    ------
    VolumeError : the block is damaged.
    """
    try:
        return _read_tags(block)
    except (struct.error, ValueError, UnicodeDecodeError):
        raise VolumeError("its Siemens (CSA) header is damaged") from None


def _read_tags(block: bytes) -> CsaHeader:
    newer = block.startswith(CSA2_START)
    at = 8 if newer else 0
    (n_tags,) = struct.unpack_from("<I", block, at)
    if not 0 < n_tags <= MOST_TAGS:
        raise ValueError
    at += 8
    found: CsaHeader = {}
    shorter_by: int | None = 0 if newer else None
    for _ in range(n_tags):
        name, n_values, n_items = struct.unpack_from("<64si8xi4x", block, at)
        at += 84
        if not 0 <= n_items <= MOST_ITEMS:
            raise ValueError
        shorter_by = n_items if shorter_by is None else shorter_by
        texts, at = _read_items(block, at, n_items, shorter_by, newer)
        keyword = name.split(b"\0", 1)[0].decode("ascii", "replace")
        if keyword in WANTED:
            found[keyword] = tuple(float(text) for text in texts[: n_values or n_items] if text)
    if not all(math.isfinite(value) for values in found.values() for value in values):
        raise ValueError
    return {keyword: values for keyword, values in found.items() if values}


def _read_items(block: bytes, at: int, n_items: int, shorter_by: int, newer: bool) -> tuple[list[str], int]:
    """The texts of one tag's items, and where the next tag begins."""
    texts = []
    for _ in range(n_items):
        first, second = struct.unpack_from("<ii", block, at)
        at += 16
        length = second if newer else first - shorter_by
        if length < 0 or at + length > len(block):
            if newer:
                raise ValueError
            break  # CSA1 ends a tag's items so
        texts.append(block[at : at + length].split(b"\0", 1)[0].decode("ascii", "replace").strip())
        at += (length + 3) // 4 * 4
    return texts, at
