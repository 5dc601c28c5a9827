"""The wanted elements of a DICOM data set, at every depth, from the bytes of a file; all others are stepped over and never copied.

Rules: an element is judged by its own length (PS3.5, 7.1). One that ends beyond the file, or a stretch of zeros where an element should
begin (a file that is only preallocated), says that more is to come: ``IncompleteError``. One that ends beyond the item it lies in is
damage: ``VolumeError``. Reading ends behind the pixels, the last element that is needed.

pydicom's reader is not used for this: it opens a truncated file without a word, and it builds every element of every nested item, names
included, which takes 0.3 ms for each frame of a multi-frame file (Philips writes all frames of a run into one).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from rtfmri.errors import IncompleteError, VolumeError

UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_DATA = 0x7FE00010
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG_FORM = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))  # PS3.5, 7.1.2
UNKNOWN = b"??"  # what some writers put for a value representation that they do not know
DEEPEST = 16  # items within items; a file that nests them deeper is damaged

# Which elements are wanted: for each tag None, or, for a sequence, what is wanted of its items.
Wanted = Mapping[int, Any]


@dataclass(frozen=True, eq=False)
class Element:
    """One element: its ``value`` as it lies in the file, or, for a sequence, its ``items``. ``length`` is what the file says."""

    value: bytes
    items: tuple[Elements, ...]
    length: int
    is_little_endian: bool


class Elements(dict[int, Element]):
    """Elements by tag."""

    def items_of(self, tag: int) -> tuple[Elements, ...]:
        """The items of a sequence; none where it is absent."""
        element = self.get(tag)
        return element.items if element is not None else ()


class Encoding(NamedTuple):
    """How elements are written: with their value representation or without it, and in which byte order."""

    explicit: bool
    little: bool


IMPLICIT = Encoding(explicit=False, little=True)
HEADS = {True: struct.Struct("<HH2sH"), False: struct.Struct(">HH2sH")}  # group, element, value representation, length
LENGTHS = {True: struct.Struct("<I"), False: struct.Struct(">I")}


class Head(NamedTuple):
    """The head of an element, and where its value lies; one of undefined length ``is_open``."""

    tag: int
    vr: bytes
    length: int
    start: int
    end: int
    is_open: bool


def read_elements(data: bytes, start: int, encoding: Encoding, wanted: Wanted) -> Elements:
    """The wanted elements of the data set that begins at ``start``.

    Raises
    ------
    IncompleteError : the data end before their own lengths say.
    VolumeError : the lengths contradict each other.
    """
    return _read_set(data, start, len(data), encoding, wanted, 0)[0]


def heads(data: bytes, start: int, encoding: Encoding, group: int) -> Iterator[Head]:
    """The heads of the elements from ``start`` on that are of this group and of known length, one after the other.

    Raises
    ------
    IncompleteError : the data end first, or within an element.
    VolumeError : one is of undefined length.
    """
    mark = group.to_bytes(2, "little" if encoding.little else "big")
    while data[start : start + 2] == mark or start + 2 > len(data):
        found = _head(data, start, encoding)
        if found.end > len(data):
            raise _overrun(data, found)
        if found.is_open:
            raise VolumeError("its header is damaged")
        yield found
        start = found.end


def _head(data: bytes, at: int, encoding: Encoding) -> Head:
    try:
        group, element, vr, length = HEADS[encoding.little].unpack_from(data, at)
        at += 8
        if group == 0xFFFE or not encoding.explicit:
            vr, (length,) = b"", LENGTHS[encoding.little].unpack_from(data, at - 4)
        elif vr in LONG_FORM:
            (length,) = LENGTHS[encoding.little].unpack_from(data, at)
            at += 4
    except struct.error:
        raise IncompleteError("it ends within its header") from None
    tag = group << 16 | element
    if tag == 0:
        raise IncompleteError("it is only zeros from some point on, so far")
    if vr and not (vr.isalpha() or vr == UNKNOWN):
        raise VolumeError("its header is damaged")
    is_open = length == UNDEFINED_LENGTH
    return Head(tag, vr, length, at, at if is_open else at + length, is_open)


def _read_set(data: bytes, at: int, end: int, encoding: Encoding, wanted: Wanted, depth: int) -> tuple[Elements, int]:
    """Elements up to ``end``, or up to the end mark of the item that they lie in; and where it ended."""
    if depth > DEEPEST:
        raise VolumeError("its header is damaged")
    elements = Elements()
    while at < end:
        found = _head(data, at, encoding)
        if found.tag == ITEM_END:
            return elements, found.start
        if found.end > end:
            raise _overrun(data, found)
        if found.tag in wanted or found.is_open:
            element, at = _read(data, found, end, encoding, wanted.get(found.tag), depth)
            if found.tag in wanted:
                elements[found.tag] = element
        else:
            at = found.end
        if found.tag == PIXEL_DATA and depth == 0:
            break
    return elements, at


def _read(data: bytes, found: Head, end: int, encoding: Encoding, wanted: Wanted | None, depth: int) -> tuple[Element, int]:
    if found.tag == PIXEL_DATA and found.is_open:
        stop = _end_of_fragments(data, found.start, encoding)
        return Element(data[found.start : stop], (), found.length, encoding.little), stop
    if found.is_open or wanted is not None:
        inner = IMPLICIT if found.vr == b"UN" else encoding  # PS3.5, 6.2.2, note 1 on UN
        items, stop = _read_items(data, found, end, inner, wanted or {}, depth)
        return Element(b"", items, found.length, encoding.little), stop
    return Element(data[found.start : found.end], (), found.length, encoding.little), found.end


def _read_items(data: bytes, found: Head, end: int, encoding: Encoding, wanted: Wanted, depth: int) -> tuple[tuple[Elements, ...], int]:
    at, stop = found.start, end if found.is_open else found.end
    items: list[Elements] = []
    while at < stop:
        item = _head(data, at, encoding)
        if item.tag == SEQUENCE_END and found.is_open:
            return tuple(items), item.start
        if item.tag != ITEM:
            raise VolumeError("its header is damaged")
        if item.end > stop:
            raise _overrun(data, item)
        if wanted or item.is_open:
            elements, at = _read_set(data, item.start, stop if item.is_open else item.end, encoding, wanted, depth + 1)
            items.append(elements)
        else:
            at = item.end
    if found.is_open:
        raise IncompleteError("it ends within its header")
    return tuple(items), at


def _end_of_fragments(data: bytes, at: int, encoding: Encoding) -> int:
    """Behind the end mark of compressed pixels, which lie in items of known length (PS3.5, A.4)."""
    for fragment in heads(data, at, encoding, ITEM >> 16):
        if fragment.tag == SEQUENCE_END:
            return fragment.end
        if fragment.tag != ITEM:
            break
    raise VolumeError("its compressed pixels are damaged")


def _overrun(data: bytes, found: Head) -> VolumeError:
    if found.end > len(data):
        return IncompleteError("it ends before its header says")
    return VolumeError("its header is damaged")
