"""What the headers of one series say of its volumes: how many there are, and whether they are whole. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.layout import layout_of, place_of
from rtfmri.acquisition.vendors import mark_of

LISTED = 6  # so many numbers are named


@dataclass(frozen=True)
class Census:
    """``volumes`` that any file is there of; ``slices`` of a volume where files are slices; ``gaps``: what is lacking, as sentences."""

    volumes: int
    slices: int | None
    gaps: tuple[str, ...]


def census_of(headers: Sequence[Header]) -> Census:
    """Count one series."""
    marks = [mark for header in headers if (mark := mark_of(header)) is not None]
    layout = layout_of(marks)
    filled: dict[int, set[int]] = {}
    for mark in marks:
        index = layout.index_of(mark)
        if index is not None:
            filled.setdefault(index, set()).add(place_of(mark))
    if not any(mark.instance is not None for mark in marks):  # whole volumes have no place
        return Census(len(filled), None, (*_absent(sorted(filled)), *_planned(headers, len(filled))))
    slices = layout.slices or next((mark.slices for mark in marks if mark.slices), None)
    partial = [index for index in sorted(filled) if slices and len(filled[index]) < slices]
    gaps = [f"volume {index + 1} is not whole: {len(filled[index])} of {slices} slices" for index in partial[:LISTED]]
    gaps += [f"{len(partial) - LISTED} more are not whole"] if len(partial) > LISTED else []
    return Census(len(filled), slices, (*_absent(sorted(filled)), *gaps, *_planned(headers, len(filled))))


def _planned(headers: Sequence[Header], volumes: int) -> list[str]:
    planned = max((header.planned_volumes or 0 for header in headers if header.frames == 1), default=0)
    return [f"{volumes} of {planned} planned volumes"] if planned > volumes else []


def _absent(indices: list[int]) -> list[str]:
    absent = sorted(set(range(indices[-1] + 1)) - set(indices)) if indices else []
    if not absent:
        return []
    numbers = ", ".join(str(index + 1) for index in absent[:LISTED]) + (", ..." if len(absent) > LISTED else "")
    return [f"{len(absent)} volumes missing: {numbers}"]
