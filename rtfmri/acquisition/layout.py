"""How the files of single slices are numbered: which volume a slice belongs to, and how many slices a volume has. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rtfmri.acquisition.slices import Mark

SAME_PLACE_MM = 0.1
FEWEST_STEPS = 2  # places that must agree on a step before it is believed


@dataclass(frozen=True)
class Layout:
    """``step`` of InstanceNumber from volume to volume and ``slices`` of a volume, as learned (None: what each header says);
    ``by_instance``: the volume numbers of the headers are not to be used."""

    step: int | None = None
    slices: int | None = None
    by_instance: bool = False

    def index_of(self, mark: Mark) -> int | None:
        """The volume of a slice, 0-based; None: not known yet."""
        if mark.index is not None and not self.by_instance:
            return mark.index
        step = self.step or mark.slices
        return None if mark.instance is None or not step else (mark.instance - 1) // step

    def corrected(self, index: int, mark: Mark, there: int | None) -> Layout | None:
        """The layout when ``mark`` is to lie in volume ``index`` where a slice with InstanceNumber ``there`` lies already; None: it is
        a duplicate."""
        if mark.instance is None or there is None or mark.instance == there:
            return None
        step = abs(mark.instance - there)
        layout = self.stepping(step, mark.slices)
        earlier = replace(mark, instance=min(mark.instance, there))
        return layout if self.step != step and layout.index_of(earlier) == index else None

    def stepping(self, step: int | None, slices: int | None) -> Layout:
        """The layout with numbers by InstanceNumber; ``slices`` of a header that are more than a ``step`` are not believed."""
        wrong = step is not None and slices is not None and slices > step
        return replace(self, step=step, by_instance=True, slices=step if wrong else self.slices)


def layout_of(marks: Sequence[Mark], known: Layout | None = None) -> Layout:
    """What all slices of a run together tell: the fullest volume has as many slices as a volume has."""
    layout = known or Layout()
    counts = [mark.slices for mark in marks if mark.slices]
    if any(layout.index_of(mark) is None for mark in marks):
        layout = replace(layout, step=step_of(marks, fewest=1) or max((mark.instance or 1 for mark in marks), default=None))
    elif _overlap(marks, layout):
        layout = layout.stepping(step_of(marks, fewest=1), max(counts, default=None))
    if layout.slices is None and not counts:
        filled: dict[int | None, set[int]] = {}
        for mark in marks:
            filled.setdefault(layout.index_of(mark), set()).add(place_of(mark))
        layout = replace(layout, slices=max((len(places) for places in filled.values()), default=None))
    return layout


def step_of(marks: Sequence[Mark], fewest: int = FEWEST_STEPS) -> int | None:
    """The smallest step of InstanceNumber between slices in one place, if ``fewest`` pairs of them say so."""
    last: dict[int, int] = {}
    steps: Counter[int] = Counter()
    for instance, place in sorted((mark.instance, place_of(mark)) for mark in marks if mark.instance is not None):
        if place in last and instance > last[place]:
            steps[instance - last[place]] += 1
        last[place] = instance
    smallest = min(steps, default=None)
    return smallest if smallest is not None and steps[smallest] >= fewest else None


def place_of(mark: Mark) -> int:
    """The same for all slices in one place."""
    return round(mark.place_mm / SAME_PLACE_MM)


def _overlap(marks: Sequence[Mark], layout: Layout) -> bool:
    """Whether by ``layout`` slices with different InstanceNumbers lie in one place of one volume."""
    there: dict[tuple[int | None, int], int | None] = {}
    return any(there.setdefault((layout.index_of(mark), place_of(mark)), mark.instance) != mark.instance for mark in marks)
