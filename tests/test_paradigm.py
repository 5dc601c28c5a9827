"""Blocks and the volumes they own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.paradigm import block_number_at, block_number_of, condition_at, lay_out, planned_volumes, volumes_of

parts = st.lists(
    st.tuples(st.sampled_from(["rest", "self_compassion", "wait"]), st.floats(0.5, 90.0), st.just("rest")), min_size=1, max_size=12
)


@given(parts, st.floats(0.3, 3.0), st.integers(0, 12))
def test_every_planned_volume_belongs_to_exactly_one_block(layout: list[tuple[str, float, str]], tr_s: float, dummies: int) -> None:
    blocks = lay_out(layout, dummies * tr_s)
    owners = [number for number, block in enumerate(blocks) for _ in volumes_of(block, tr_s)]
    assert len(owners) == planned_volumes(blocks, tr_s)
    assert owners == sorted(owners)
    assert owners == [block_number_of(blocks, index, tr_s) for index in range(len(owners))]


def test_the_display_s_clock_finds_the_block_of_a_volume_in_its_middle() -> None:
    blocks = lay_out([("rest", 19.7, "rest"), ("up", 19.7, "regulate")] * 3, dummies_s=3.94)
    for index in range(planned_volumes(blocks, 1.97)):
        assert block_number_at(blocks, (index + 0.5) * 1.97) == block_number_of(blocks, index, 1.97)


def test_ten_volumes_of_1970_ms_are_one_block_of_19_7_s() -> None:
    blocks = lay_out([("rest", 19.7, "rest"), ("up", 19.7, "regulate")] * 3)
    assert [len(volumes_of(block, 1.97)) for block in blocks] == [10] * 6


def test_dummies_are_a_leading_block() -> None:
    blocks = lay_out([("rest", 30.0, "rest")], dummies_s=5.0)
    assert [(b.name, b.onset_s, b.duration_s) for b in blocks] == [("dummy", 0.0, 5.0), ("rest", 5.0, 30.0)]


@pytest.mark.parametrize(("index", "name"), [(0, "dummy"), (4, "dummy"), (5, "rest"), (34, "rest"), (35, None)])
def test_the_condition_of_a_volume_is_its_block(index: int, name: str | None) -> None:
    block = condition_at(lay_out([("rest", 30.0, "rest")], dummies_s=5.0), index, 1.0)
    assert (block.name if block else None) == name


def test_no_blocks_ask_for_no_volumes() -> None:
    assert planned_volumes((), 1.0) == 0
