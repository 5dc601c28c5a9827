"""Whether two passes over the same volumes gave the same values, bit for bit.

Compared is every field of every volume message but its ``timing`` (see ``messages.comparable``), as its JSON text: Python writes each
float with the digits that give back the same bits, and 0.0 and -0.0 differ.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rtfmri.messages import Envelope, VolumeMessage, comparable

MOST_IN_WORDS = 5


@dataclass(frozen=True)
class Difference:
    """One field of one volume; ``live`` and ``again`` are JSON texts, None where that pass has no such field."""

    index: int
    field: str
    live: str | None
    again: str | None

    def __str__(self) -> str:
        return f"volume {self.index}, {self.field}: {self.live or 'nothing'} in the run, {self.again or 'nothing'} again"


@dataclass(frozen=True)
class Comparison:
    """``compared`` volumes are in both passes; the indices of the others are in ``only_live`` and ``only_again``."""

    compared: int
    only_live: tuple[int, ...]
    only_again: tuple[int, ...]
    repeated: tuple[int, ...]  # indices that one pass holds more than once: a fault in itself
    differences: tuple[Difference, ...]

    @property
    def identical(self) -> bool:
        """Same volumes, same bits, and at least one volume: nothing proves nothing."""
        return self.compared > 0 and not (self.only_live or self.only_again or self.repeated or self.differences)

    @property
    def differing_volumes(self) -> int:
        return len({difference.index for difference in self.differences})

    @property
    def by_field(self) -> dict[str, int]:
        """In how many volumes each field differs."""
        return dict(Counter(difference.field for difference in self.differences))

    @property
    def words(self) -> tuple[str, ...]:
        """Sentences for the operator: the verdict, then the first differences."""
        if self.identical:
            return (f"All values of all {self.compared} volumes are bit-identical.",)
        if not self.compared:
            return ("There is nothing to compare: the two passes have no volume in common.",)
        said = [f"{self.differing_volumes} of {self.compared} volumes differ."]
        odd = ((self.only_live, "only in the run"), (self.only_again, "only in the second pass"), (self.repeated, "repeated"))
        for indices, what in odd:
            if indices:
                said.append(f"{len(indices)} volumes are {what}, the first is {indices[0]}.")
        return (*said, *(f"{difference}." for difference in self.differences[:MOST_IN_WORDS]))


def compare(live: Sequence[Envelope], again: Sequence[Envelope]) -> Comparison:
    """Compare the volume messages of two passes."""
    first, twice = _by_index(live)
    second, twice_again = _by_index(again)
    both = sorted(first.keys() & second.keys())
    return Comparison(
        compared=len(both),
        only_live=tuple(sorted(first.keys() - second.keys())),
        only_again=tuple(sorted(second.keys() - first.keys())),
        repeated=tuple(sorted(twice | twice_again)),
        differences=tuple(difference for index in both for difference in _differences(first[index], second[index])),
    )


def _by_index(envelopes: Sequence[Envelope]) -> tuple[dict[int, VolumeMessage], set[int]]:
    messages = [envelope.message for envelope in envelopes if isinstance(envelope.message, VolumeMessage)]
    counts = Counter(message.index for message in messages)
    return {message.index: message for message in messages}, {index for index, count in counts.items() if count > 1}


def _differences(live: VolumeMessage, again: VolumeMessage) -> Iterator[Difference]:
    first, second = dict(_leaves(comparable(live))), dict(_leaves(comparable(again)))
    for field in first | second:
        if first.get(field) != second.get(field):
            yield Difference(live.index, field, first.get(field), second.get(field))


def _leaves(plain: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(``rois.tpj.psc``, JSON text) of every value in nested plain data."""
    if isinstance(plain, (dict, list)) and plain:
        items = plain.items() if isinstance(plain, dict) else enumerate(plain)
        for key, value in items:
            yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, json.dumps(plain)
