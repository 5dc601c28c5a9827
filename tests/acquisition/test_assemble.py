"""Every volume number comes out once, in order: as its volume, or as missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from acquisition_files import tiny_volume
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.acquisition.assemble import FARTHEST, Assembler
from rtfmri.volume import Missing, SourceFault, SourceItem, Volume

WAIT = 0.5  # of a TR of 1 s


def indices(items: list[SourceItem]) -> list[int]:
    return [item.index for item in items if isinstance(item, Volume | Missing)]


def faults(items: list[SourceItem]) -> list[str]:
    return [item.code for item in items if isinstance(item, SourceFault)]


def assembler(**settings_: object) -> Assembler:
    return Assembler(missing_after_tr=WAIT, **settings_)  # type: ignore[arg-type]


def test_volumes_in_order_go_out_at_once() -> None:
    run = assembler()
    for index in range(5):
        volume = tiny_volume(index)
        assert run.add(volume, float(index)) == [volume]
        assert run.deadline() is None


def test_a_later_volume_waits_for_an_earlier_one() -> None:
    run = assembler()
    assert run.add(tiny_volume(1), 0.0) == []
    assert indices(run.add(tiny_volume(0), 0.1)) == [0, 1]


def test_a_gap_is_missing_half_a_tr_after_a_later_volume_is_whole() -> None:
    run = assembler()
    run.add(tiny_volume(0), 0.0)
    assert run.add(tiny_volume(3), 2.0) == []
    assert run.deadline() == 2.5
    assert run.tick(2.49) == []
    out = run.tick(2.5)
    assert [type(item) for item in out] == [Missing, Missing, Volume]
    assert indices(out) == [1, 2, 3]


def test_a_first_volume_that_is_not_number_one_waits_likewise() -> None:
    run = assembler()
    assert run.add(tiny_volume(2), 0.0) == []
    assert indices(run.tick(0.5)) == [0, 1, 2]


def test_a_straggler_is_told_of_and_never_a_volume() -> None:
    run = assembler()
    run.add(tiny_volume(1), 0.0)
    run.tick(0.5)
    out = run.add(tiny_volume(0), 0.6)
    assert faults(out) == ["straggler"]
    assert indices(out) == []


@pytest.mark.parametrize("waiting", [True, False])
def test_a_duplicate_is_told_of_and_the_first_counts(waiting: bool) -> None:
    run, index = assembler(), 1 if waiting else 0
    first = tiny_volume(index, value=7.0)
    before = run.add(first, 0.0)
    assert faults(run.add(tiny_volume(index, value=7.0), 0.1)) == ["duplicate"]
    assert faults(run.add(tiny_volume(index, value=8.0), 0.2)) == ["duplicate_differs"]
    assert [item for item in before + run.finish(0.3) if isinstance(item, Volume)] == [first]


def test_a_volume_with_another_grid_or_tr_is_refused_and_its_number_ends_as_missing() -> None:
    run = assembler()
    run.add(tiny_volume(0), 0.0)
    for index, odd in [(1, tiny_volume(1, size=3)), (2, tiny_volume(2, shift_mm=1.0)), (3, tiny_volume(3, tr_s=2.0))]:
        out = run.add(odd, float(index))
        assert faults(out) == ["tr_changed" if index == 3 else "grid_changed"]
        assert indices(out) == [index]
        assert isinstance(out[-1], Missing)
    assert indices(run.add(tiny_volume(4), 4.0)) == [4]


def test_a_good_file_makes_up_for_a_refused_one_while_its_turn_has_not_come() -> None:
    run = assembler()
    run.add(tiny_volume(0), 0.0)
    run.refuse(2, "unreadable", 0.1)
    good = tiny_volume(2)
    run.add(good, 0.2)
    assert run.add(tiny_volume(1), 0.3)[-1] is good


def test_a_deadline_that_was_given_is_not_put_off_by_a_good_file_after_a_refused_one() -> None:
    run = assembler()
    run.add(tiny_volume(0), 0.0)
    run.refuse(2, "unreadable", 1.0)
    run.add(tiny_volume(2), 1.2)
    assert run.deadline() == 1.5


def test_an_absurd_number_is_left_out() -> None:
    run = assembler()
    out = run.add(tiny_volume(FARTHEST + 1), 0.0)
    assert faults(out) == ["absurd_number"]
    assert indices(run.finish(9.0)) == []


def test_volumes_before_the_first_wanted_are_ignored() -> None:
    run = assembler(first_index=3)
    assert run.add(tiny_volume(2), 0.0) == []
    assert indices(run.add(tiny_volume(3), 0.1)) == [3]


def test_what_the_live_run_gave_up_is_given_up_again() -> None:
    run = assembler(obey_missing=frozenset({0, 2}))
    out = [item for index in (2, 1, 0, 3) for item in run.add(tiny_volume(index), 0.0)]
    assert [type(item) for item in out] == [Missing, Volume, Missing, Volume]
    assert indices(out) == [0, 1, 2, 3]


@dataclass(frozen=True)
class Event:
    at_s: float
    index: int
    kind: str  # good, differs, other_grid, refused


EVENTS = st.lists(
    st.builds(
        Event,
        st.integers(0, 400).map(lambda ticks: ticks / 40),
        st.integers(0, 12),
        st.sampled_from(["good", "good", "good", "good", "differs", "other_grid", "refused"]),
    ),
    max_size=40,
).map(lambda events: sorted(events, key=lambda event: event.at_s))


@dataclass(frozen=True)
class Out:
    at_s: float
    item: SourceItem


def played(events: list[Event], run: Assembler) -> list[Out]:
    """Feed the events, waking the assembler at each of its deadlines, as the acquisition thread does."""
    out: list[Out] = []
    for event in events:
        while (deadline := run.deadline()) is not None and deadline <= event.at_s:
            woken = run.tick(deadline)
            assert woken, "a deadline must bring something"
            out += [Out(deadline, item) for item in woken]
        if event.kind == "refused":
            items = run.refuse(event.index, "unreadable", event.at_s)
        else:
            shift_mm = 9.0 if event.kind == "other_grid" else 0.0
            items = run.add(tiny_volume(event.index, value=99.0 if event.kind == "differs" else 1.0, shift_mm=shift_mm), event.at_s)
        out += [Out(event.at_s, item) for item in items]
    return out + [Out(99.0, item) for item in run.finish(99.0)]


def given_out(out: list[Out]) -> list[Out]:
    return [one for one in out if isinstance(one.item, Volume | Missing)]


@given(EVENTS)
@settings(max_examples=500)
def test_whatever_happens_every_number_comes_out_once_and_in_order(events: list[Event]) -> None:
    out = given_out(played(events, assembler()))
    assert indices([one.item for one in out]) == list(range(len(out)))
    if out:
        last = out[-1]
        assert any(event.index == len(out) - 1 for event in events), f"nobody spoke of {last.item}"


@given(EVENTS)
@settings(max_examples=500)
def test_a_volume_is_the_first_good_one_and_missing_means_refused_or_late(events: list[Event]) -> None:
    run_mm = next((9.0 if event.kind == "other_grid" else 0.0 for event in events if event.kind != "refused"), 0.0)
    fits = {True: {"other_grid"}, False: {"good", "differs"}}[run_mm > 0]
    for one in given_out(played(events, assembler())):
        before = [event for event in events if event.at_s <= one.at_s]
        own = [event for event in before if event.index == one.item.index]  # type: ignore[union-attr]
        good = [event for event in own if event.kind in fits]
        if isinstance(one.item, Volume):
            assert one.item.data[0, 0, 0] == (99.0 if good[0].kind == "differs" else 1.0)
            assert one.item.grid.affine[0, 3] == run_mm
        else:
            later = [event.at_s for event in before if event.index > one.item.index]  # type: ignore[union-attr]
            late = bool(later) and min(later) + WAIT <= one.at_s
            assert late or any(event.kind not in fits for event in own)


@given(EVENTS)
@settings(max_examples=300)
def test_nothing_waits_longer_than_the_deadline(events: list[Event]) -> None:
    out = played(events, assembler())
    if not any(isinstance(one.item, Volume) for one in out):
        return
    known_s = min(event.at_s for event in events if event.kind != "refused")  # before it there is no TR
    for one in given_out(out):
        if one.at_s < 99.0 and isinstance(one.item, Volume):
            arrived_s = min(event.at_s for event in events if event.index == one.item.index and event.kind != "refused")
            assert one.at_s <= max(arrived_s, known_s) + WAIT


@given(EVENTS)
@settings(max_examples=300)
def test_each_file_gives_one_volume_or_one_word_about_it(events: list[Event]) -> None:
    files = [event for event in events if event.kind != "refused"]
    out = [one.item for one in played(events, assembler())]
    assert sum(isinstance(item, Volume | SourceFault) for item in out) == len(files)


@given(EVENTS, st.randoms(use_true_random=False))
@settings(max_examples=200)
def test_shuffled_arrivals_give_the_same_once_the_live_decisions_are_obeyed(events: list[Event], shuffler: object) -> None:
    good = list({event.index: event for event in reversed(events) if event.kind == "good"}.values())
    live = [one.item for one in played(sorted(good, key=lambda event: event.at_s), assembler())]
    gave_up = frozenset(item.index for item in live if isinstance(item, Missing))
    shuffler.shuffle(good)  # type: ignore[attr-defined]
    again = assembler(obey_missing=gave_up)
    replayed = [item for event in good for item in again.add(tiny_volume(event.index, value=1.0), 0.0)] + again.finish(0.0)
    pixels = [
        (type(item), item.index, np.mean(item.data) if isinstance(item, Volume) else None)
        for item in live
        if not isinstance(item, SourceFault)
    ]  # type: ignore[union-attr]
    assert [(type(item), item.index, np.mean(item.data) if isinstance(item, Volume) else None) for item in replayed] == pixels  # type: ignore[union-attr]
