"""Slices in any order, with duplicates and gaps, give exactly the right volumes, or a word about what is lacking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.acquisition.layout import Layout, layout_of
from rtfmri.acquisition.slices import Mark, Slice, volume_of
from rtfmri.acquisition.stack import Stacked, Stacker, Unstackable
from rtfmri.errors import VolumeError
from rtfmri.volume import SourceFault, Volume

SPACING_MM = 3.5


def data_of(index: int, z: int) -> np.ndarray:
    return np.full((3, 4), 1000 * index + z, dtype=np.float32)


def piece(index: int, z: int, mark: Mark, data: np.ndarray | None = None) -> Slice:
    found = data_of(index, z) if data is None else data
    return Slice(mark, found, (5.0, 6.0, z * SPACING_MM), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (2.0, 3.0), 1.0, time_s=z / 10)


def named(index: int, z: int, slices: int, told: bool) -> Slice:
    """A header that names the volume (Philips, Siemens); InstanceNumber starts anew in each volume."""
    return piece(index, z, Mark(index, z + 1, slices if told else None, z * SPACING_MM))


def counted(index: int, z: int, slices: int, told: bool) -> Slice:
    """A header whose InstanceNumber counts through (GE, Canon)."""
    instance = index * slices + z + 1
    return piece(index, z, Mark(index if told else None, instance, slices if told else None, z * SPACING_MM))


def standing_still(index: int, z: int, slices: int, told: bool) -> Slice:
    """A header that names volume 1 always, while InstanceNumber counts through."""
    return piece(index, z, Mark(0, index * slices + z + 1, slices if told else None, z * SPACING_MM))


KINDS = (named, counted, standing_still)


def expected(index: int, slices: int) -> np.ndarray:
    return np.stack([data_of(index, z) for z in range(slices)], axis=2)


def stacked(pieces: Sequence[Slice], layout: Layout | None = None) -> list[Stacked]:
    stacker = Stacker(layout)
    out = [item for one in pieces for item in stacker.add(one)]
    return out + stacker.finish()


def volumes(items: list[Stacked]) -> dict[int, Volume]:
    found = [item for item in items if isinstance(item, Volume)]
    assert len({volume.index for volume in found}) == len(found), "a number came out twice"
    return {volume.index: volume for volume in found}


def codes(items: list[Stacked]) -> list[str]:
    return [item.code for item in items if isinstance(item, SourceFault)]


@dataclass(frozen=True)
class Plan:
    """A run: in which order its slices come, which come twice (the second differing or not), which never."""

    volumes: int
    slices: int
    lacking: frozenset[tuple[int, int]]
    twice: frozenset[tuple[int, int]]
    differing: bool
    seed: int

    def order(self) -> list[tuple[int, int, bool]]:
        """(volume, slice, whether it is the second of its kind)."""
        first = [(index, z, False) for index in range(self.volumes) for z in range(self.slices) if (index, z) not in self.lacking]
        Random(self.seed).shuffle(first)
        for index, z in sorted(self.twice - self.lacking):
            at = first.index((index, z, False))
            first.insert(Random(self.seed + z).randint(at + 1, len(first)), (index, z, True))
        return first


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    n, m = draw(st.integers(1, 5)), draw(st.integers(2, 7))
    places = st.frozensets(st.tuples(st.integers(0, n - 1), st.integers(0, m - 1)), max_size=4)
    return Plan(n, m, draw(places), draw(places), draw(st.booleans()), draw(st.integers(0, 1000)))


def pieces_of(plan: Plan, kind: object, told: bool) -> list[Slice]:
    made = [(kind(index, z, plan.slices, told), again) for index, z, again in plan.order()]  # type: ignore[operator]
    return [replace(one, data=one.data + 7) if again and plan.differing else one for one, again in made]


@given(plans(), st.sampled_from((named, counted)))
@settings(max_examples=400)
def test_any_order_duplicates_and_gaps_give_exactly_the_whole_volumes(plan: Plan, kind: object) -> None:
    out = stacked(pieces_of(plan, kind, told=True))
    whole = volumes(out)
    lacking = {index for index, _ in plan.lacking}
    assert set(whole) == set(range(plan.volumes)) - lacking
    for index, volume in whole.items():
        assert np.array_equal(volume.data, expected(index, plan.slices))
        assert volume.grid.affine[:3, 3].tolist() == [-5.0, -6.0 - 3 * 2.0, 0.0]
        assert volume.grid.voxel_size_mm == (3.0, 2.0, SPACING_MM)
    twice = {index for index, _ in plan.twice - plan.lacking}
    assert codes(out) == ["duplicate_differs" if plan.differing else "duplicate"] * len(twice)
    partial = {index for index in lacking if any((index, z) not in plan.lacking for z in range(plan.slices))}
    assert {item.index for item in out if isinstance(item, Unstackable)} == partial


@given(plans(), st.sampled_from(KINDS), st.booleans())
@settings(max_examples=400)
def test_what_headers_leave_out_is_known_from_all_files_together(plan: Plan, kind: object, told: bool) -> None:
    plan = replace(plan, volumes=max(plan.volumes, 2), lacking=frozenset(), twice=frozenset())
    pieces = pieces_of(plan, kind, told)
    whole = volumes(stacked(pieces, layout_of([one.mark for one in pieces])))
    assert set(whole) == set(range(plan.volumes))
    assert all(np.array_equal(volume.data, expected(index, plan.slices)) for index, volume in whole.items())


@given(st.integers(2, 6), st.integers(2, 7), st.sampled_from(KINDS), st.booleans(), st.integers(0, 1000))
@settings(max_examples=300)
def test_what_headers_leave_out_is_learned_while_volumes_come_one_after_the_other(
    n: int, m: int, kind: object, told: bool, seed: int
) -> None:
    shuffler, stacker, out = Random(seed), Stacker(), []
    for index in range(n):
        for z in shuffler.sample(range(m), m):
            out += stacker.add(kind(index, z, m, told))  # type: ignore[operator]
        if index >= 1:
            assert set(volumes(out)) == set(range(index + 1)), "known once the second volume has come"
    assert all(np.array_equal(volume.data, expected(index, m)) for index, volume in volumes(out).items())
    assert codes(out) == []


def test_a_header_that_says_too_many_slices_is_corrected() -> None:
    wrong = [replace(one, mark=replace(one.mark, index=(one.mark.instance - 1) // 8, slices=8)) for one in run(counted, 4, 4)]
    assert set(volumes(stacked(wrong))) == {0, 1, 2, 3}
    assert set(volumes(stacked(wrong, layout_of([one.mark for one in wrong])))) == {0, 1, 2, 3}


def run(kind: object, n: int, m: int, told: bool = True) -> list[Slice]:
    return [kind(index, z, m, told) for index in range(n) for z in range(m)]  # type: ignore[operator]


def test_a_first_volume_that_is_not_whole_teaches_nothing_wrong() -> None:
    pieces = [one for one in run(named, 4, 5, told=False) if not (one.mark.index == 0 and one.mark.instance == 3)]
    out = stacked(pieces)
    assert set(volumes(out)) == {1, 2, 3}
    assert [item for item in out if isinstance(item, Unstackable)] == [Unstackable(0, "volume 1 is not whole: 4 of 5 slices came")]


def test_slices_that_come_place_by_place_teach_nothing_before_the_end() -> None:
    pieces = sorted(run(named, 3, 4, told=False), key=lambda one: one.mark.place_mm)
    stacker = Stacker()
    assert [item for one in pieces for item in stacker.add(one)] == []
    assert set(volumes(stacker.finish())) == {0, 1, 2}


def test_a_volume_that_is_given_up_says_what_came_and_its_stragglers_are_told_of_once() -> None:
    stacker = Stacker()
    for z in range(3):
        stacker.add(named(6, z, 5, told=True))
    assert stacker.give_up(6) == "3 of 5 slices came"
    assert codes(stacker.add(named(6, 3, 5, told=True))) == ["straggler"]
    assert stacker.add(named(6, 4, 5, told=True)) == []
    assert stacker.give_up(7) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": np.zeros((3, 5), dtype=np.float32)}, "matrix"),
        ({"pixel_spacing_mm": (2.0, 2.0)}, "voxel size"),
        ({"orientation": (0.0, 1.0, 0.0, -1.0, 0.0, 0.0)}, "orientation"),
        ({"mark": Mark(0, 2, 4, 1.2 * SPACING_MM)}, "equal distances"),
    ],
)
def test_slices_that_make_no_volume_are_refused_with_the_reason(change: dict[str, object], words: str) -> None:
    pieces = run(named, 1, 4)
    pieces[1] = replace(pieces[1], **change)  # type: ignore[arg-type]
    with pytest.raises(VolumeError, match=words):
        volume_of(pieces, 0)
    assert [item.index for item in stacked(pieces) if isinstance(item, Unstackable)] == [0]


def test_slice_times_go_with_the_places_and_are_not_known_where_they_make_no_sense() -> None:
    pieces = run(named, 1, 4)
    assert volume_of(pieces[::-1], 0).slice_times_s == pytest.approx((0.0, 0.1, 0.2, 0.3))
    assert volume_of([replace(one, time_s=one.mark.place_mm) for one in pieces], 0).slice_times_s is None  # longer than a TR
    assert volume_of([replace(one, time_s=None) for one in pieces], 0).slice_times_s is None


def test_each_volume_is_right_though_another_run_of_places_came_first() -> None:
    """Volumes are filled as their slices come, by the places of the first whole volume; others are stacked at their end."""
    stacker = Stacker()
    first = run(named, 1, 4)
    moved = [
        replace(one, position_mm=(5.0, 6.0, (z + 2) * SPACING_MM), mark=replace(one.mark, index=1, place_mm=(z + 2) * SPACING_MM))
        for z, one in enumerate(first)
    ]
    out = [item for one in [*first, *moved, *run(named, 4, 4)[8:]] for item in stacker.add(one)]
    assert {index: volume.data[0, 0].tolist() for index, volume in volumes(out).items()} == {
        0: [0, 1, 2, 3], 1: [0, 1, 2, 3], 2: [2000, 2001, 2002, 2003], 3: [3000, 3001, 3002, 3003]
    }  # fmt: skip


@pytest.mark.parametrize(("from_top", "z_mm"), [(False, (0.0, 3.504)), (True, (-0.028, 3.504))])
def test_the_grid_hangs_on_the_scanners_first_two_slices(from_top: bool, z_mm: tuple[float, float]) -> None:
    """Rounded positions: dcm2niix takes the first two slices as they are numbered, from whichever end."""
    pieces = run(named, 1, 8)
    off = {1: 0.004} if not from_top else {6: -0.004}
    moved = [replace(one, position_mm=(5.0, 6.0, z * SPACING_MM + off.get(z, 0.0))) for z, one in enumerate(pieces)]
    marked = [replace(one.mark, place_mm=one.position_mm[2], instance=8 - z if from_top else z) for z, one in enumerate(moved)]
    affine = volume_of([replace(one, mark=mark) for one, mark in zip(moved, marked, strict=True)], 0).grid.affine
    assert (affine[2, 3], affine[2, 2]) == pytest.approx(z_mm)
