"""The declared order of what is left out, and that the operator is told calmly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtfmri.aftercare.shedding import FIRST_PATIENCE, STAGES, Told, is_shed, shed_at, tell


def told_of(lags):
    told, faults = Told(), []
    for index, lag in enumerate(lags):
        told, more = tell(told, lag, index)
        faults += more
    return faults


def test_pictures_go_first_then_quality_then_the_map_falls_behind() -> None:
    assert [stage.name for stage in STAGES] == ["pictures", "quality", "map"]
    assert [shed_at(lag) for lag in (0, 2, 3, 5, 6, 11, 12, 500)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert is_shed("pictures", 3)
    assert not is_shed("quality", 3)


def test_each_stage_is_told_once_when_it_begins_and_once_when_it_has_ended_for_good() -> None:
    faults = told_of([0, 4, 7, 13, 13, 2, 13, *[0] * FIRST_PATIENCE])
    assert [fault.code for fault in faults] == ["pictures_shed", "quality_shed", "map_shed", "map_again", "quality_again", "pictures_again"]
    assert [fault.index for fault in faults] == [1, 2, 3, 16, 16, 16]


@given(st.lists(st.integers(0, 30), max_size=400))
def test_any_lags_tell_begin_and_end_in_turn_and_seldom(lags: list[int]) -> None:
    faults = told_of(lags)
    for stage in STAGES:
        codes = [fault.code for fault in faults if fault.code.startswith(stage.name)]
        assert codes == [f"{stage.name}_{('shed', 'again')[n % 2]}" for n in range(len(codes))]
        assert any(lag >= stage.from_lag for lag in lags) == bool(codes)
    assert len(faults) <= 2 * len(STAGES) * (1 + len(lags) / FIRST_PATIENCE)


def test_a_lag_that_comes_and_goes_for_ever_is_told_ever_more_seldom() -> None:
    patience, lags = FIRST_PATIENCE, []
    for _ in range(4):
        lags += [4, *[0] * patience]
        patience *= 2
    assert len(told_of(lags)) == 8
    assert len(told_of([4, *[0] * FIRST_PATIENCE] * 50)) <= 10
