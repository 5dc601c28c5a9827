"""Slices in any order -> whole volumes. Pure: no clock, no files.

Rules:
* a slice belongs to the volume that its header names. Where the header names none, or the same one for two slices in one place with
  different InstanceNumbers, InstanceNumber counts through all slices of all volumes: the volume is (InstanceNumber - 1) // step, and step
  is what the header says of the slices of a volume, or is learned: the smallest step between two slices in one place;
* a volume is whole when as many places as a volume has slices are filled. That number comes from the header; where the header has none, it
  is learned from two volumes, one after the other, that fill the same, equally distant places; at the end the fullest volume tells it;
* what fills a place first counts; what comes to it again is a duplicate, told of once for each volume, and a slice of a volume that was
  given up is a straggler, likewise.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from rtfmri.acquisition.layout import Layout, layout_of, place_of, step_of
from rtfmri.acquisition.slices import Mark, Slice, is_even, volume_of
from rtfmri.errors import VolumeError
from rtfmri.volume import Image, SourceFault, Volume

FEWEST_AGREEING = 2  # slices of a volume before anything is learned from it


@dataclass(frozen=True)
class Unstackable:
    """Volume ``index`` came, but its slices make no volume; or not all of them came."""

    index: int
    reason: str


Stacked = Volume | SourceFault | Unstackable


@dataclass(frozen=True)
class _Print:
    """What tells a slice apart from another in its place."""

    instance: int | None
    checksum: int


@dataclass
class _Stack:
    """One volume's slices, what tells them apart by place, and the turns at which the first and the last came."""

    first_turn: int
    data: Image | None  # (X, Y, Z), filled as slices come, so that the last one has not to wait for all of them to be copied
    last_turn: int = 0
    pieces: list[Slice] = field(default_factory=list)
    filled: dict[int, _Print] = field(default_factory=dict)


class Stacker:
    """The slices of one run (one echo of it); ``layout``: what is known beforehand, from other files of the series."""

    def __init__(self, layout: Layout | None = None) -> None:
        self._layout = layout or Layout()
        self._stacks: dict[int, _Stack] = {}
        self._unnumbered: list[Slice] = []
        self._out: dict[int, dict[int, _Print]] = {}  # volumes that are out, and (without slices) those given up
        self._told: set[tuple[int, str]] = set()
        self._turn = 0
        self._shape: tuple[int, int, int] | None = None  # of the first volume that was whole
        self._ranks: dict[int, int] = {}  # and its places in their order

    def index_of(self, mark: Mark) -> int | None:
        """The volume of a slice; None: not known yet."""
        return self._layout.index_of(mark)

    def add(self, piece: Slice) -> list[Stacked]:
        """A decoded slice has come: the volumes that it makes whole, or what to say of it."""
        self._turn += 1
        index = self.index_of(piece.mark)
        if index is None:
            self._unnumbered.append(piece)
            return self._learn_step()
        place = place_of(piece.mark)
        there = (self._out.get(index) or (self._stacks[index].filled if index in self._stacks else {})).get(place)
        if there is not None:
            return self._again(piece, index, there)
        if index in self._out:
            return self._straggler(index)
        stack = self._stacks.get(index) or self._stacks.setdefault(index, _Stack(self._turn, _empty(self._shape)))
        if stack.data is not None and place in self._ranks and piece.data.shape == stack.data.shape[:2]:
            stack.data[:, :, self._ranks[place]] = piece.data
        stack.pieces.append(piece)
        stack.filled[place] = _print_of(piece)
        stack.last_turn = self._turn
        return self._whole(self._may_be_whole(index))

    def give_up(self, index: int) -> str | None:
        """Volume ``index`` is declared missing; what came of it, in words, if anything did."""
        stack = self._stacks.pop(index, None)
        self._out.setdefault(index, {})
        if stack is None:
            return None
        count = self._count(stack)
        return f"{len(stack.filled)} of {count} slices came" if count else f"only {len(stack.filled)} slices came"

    def finish(self) -> list[Stacked]:
        """No more will come: what can be made of the rest, and what is left of it."""
        held = [*self._unnumbered, *_all(self._stacks.values())]
        self._layout = layout_of([piece.mark for piece in held], self._layout)
        unnumbered, self._unnumbered = self._unnumbered, []
        out = [item for piece in unnumbered for item in self.add(piece)]
        out += self._whole(sorted(self._stacks))
        for index in sorted(self._stacks):
            out.append(Unstackable(index, f"volume {index + 1} is not whole: {self.give_up(index)}"))
        return out

    def _whole(self, indices: Iterable[int]) -> list[Stacked]:
        """Those of these volumes that are whole."""
        out: list[Stacked] = []
        for index in indices:
            stack = self._stacks[index]
            if len(stack.filled) != self._count(stack):
                continue
            del self._stacks[index]
            self._out[index] = stack.filled
            try:
                volume = volume_of(stack.pieces, index, stack.data if stack.filled.keys() == self._ranks.keys() else None)
                out.append(volume)
                if self._shape is None:
                    self._shape, self._ranks = volume.grid.shape, {place: z for z, place in enumerate(sorted(stack.filled))}
            except VolumeError as error:
                out.append(Unstackable(index, f"volume {index + 1} cannot be stacked: {error}"))
        return out

    def _count(self, stack: _Stack) -> int | None:
        return self._layout.slices or stack.pieces[0].mark.slices

    def _may_be_whole(self, index: int) -> list[int]:
        """This volume; or all, if it has just told how many slices a volume has."""
        stack = self._stacks[index]
        if self._count(stack) is not None:
            return [index]
        before = [other for other in self._stacks if other < index]
        earlier = self._stacks[max(before)] if before else None
        if earlier is None or len(stack.filled) < FEWEST_AGREEING or earlier.last_turn > stack.first_turn:
            return []
        if earlier.filled.keys() != stack.filled.keys() or not is_even(sorted(piece.mark.place_mm for piece in stack.pieces)):
            return []
        self._layout = replace(self._layout, slices=len(stack.filled))
        return sorted(self._stacks)

    def _learn_step(self) -> list[Stacked]:
        step = step_of([piece.mark for piece in self._unnumbered])
        if step is None:
            return []
        self._layout = replace(self._layout, step=step)
        unnumbered, self._unnumbered = self._unnumbered, []
        return [item for piece in unnumbered for item in self.add(piece)]

    def _again(self, piece: Slice, index: int, there: _Print) -> list[Stacked]:
        """A slice in a place that is filled: the numbers were misunderstood, or it is a duplicate."""
        layout = self._layout.corrected(index, piece.mark, there.instance)
        if layout is not None:
            held, self._stacks, self._layout = [*_all(self._stacks.values()), piece], {}, layout
            return [item for one in held for item in self.add(one)]
        if _print_of(piece).checksum == there.checksum:
            text = f"slices of volume {index + 1} came twice, the same both times: the first count"
            return self._tell(SourceFault("duplicate", text, "", "info", index))
        text = f"slices of volume {index + 1} came twice with different content: the first count"
        return self._tell(SourceFault("duplicate_differs", text, "Do two series go into this folder?", index=index))

    def _straggler(self, index: int) -> list[Stacked]:
        text = f"slices of volume {index + 1} came after it had been given up: it stays missing"
        if self._out[index]:
            text = f"more slices of volume {index + 1} came than a volume has: they are left out"
        return self._tell(SourceFault("straggler", text, "If this recurs, raise acquisition.missing_after_tr in the study.", index=index))

    def _tell(self, fault: SourceFault) -> list[Stacked]:
        told = (fault.index if fault.index is not None else -1, fault.code)
        if told in self._told:
            return []
        self._told.add(told)
        return [fault]


def _empty(shape: tuple[int, int, int] | None) -> Image | None:
    return None if shape is None else np.full(shape, 0.0, dtype=np.float32)


def _print_of(piece: Slice) -> _Print:
    """Equal for equal data."""
    return _Print(piece.mark.instance, zlib.crc32(piece.data.data))


def _all(stacks: Iterable[_Stack]) -> list[Slice]:
    return [piece for stack in stacks for piece in stack.pieces]
