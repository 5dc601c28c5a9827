"""The states of a run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.lifecycle import TRANSITIONS, Event, IllegalStep, RunState, advance


@given(st.lists(st.sampled_from(list(Event)), max_size=30))
def test_between_two_arms_a_run_ends_exactly_once(events: list[Event]) -> None:
    state, armed, ended = RunState.IDLE, 0, 0
    for event in events:
        try:
            state = advance(state, event)
        except IllegalStep:
            continue
        armed += event is Event.ARM
        ended += state is RunState.ENDED and event is not Event.DISARM
    assert ended in (armed, armed - 1)


def test_every_state_can_be_left() -> None:
    assert {state for state, _ in TRANSITIONS} == set(RunState)


def test_an_illegal_step_is_named() -> None:
    with pytest.raises(IllegalStep, match="idle cannot take the step stop"):
        advance(RunState.IDLE, Event.STOP)
