"""Which trial is on the glass, of which block, when."""

from __future__ import annotations

from display_parts import BEGIN_S, hear, played, run_start, volume
from hypothesis import given
from hypothesis import strategies as st

from feedback.state import DisplayState, look
from feedback.trials import trial_at
from rtfmri.messages import DisplaySettings, TrialInfo
from rtfmri.paradigm import lay_out

BLOCKS = lay_out((("rest", 10.0, "rest"), ("read", 25.0, "other")) * 3)
FIRST, SECOND, THIRD = 1, 3, 5  # numbers of the blocks named ``read``


def trials(*names: str, s: float | None = None, block: str = "read") -> tuple[TrialInfo, ...]:
    return tuple(TrialInfo(block=block, name=name, s=s) for name in names)


def names_at(shown: tuple[TrialInfo, ...], *places: tuple[int, float]) -> list[str | None]:
    found = [trial_at(shown, BLOCKS, number, into_s) for number, into_s in places]
    return [None if trial is None else trial.name for trial in found]


def test_a_trial_without_a_duration_fills_its_block_and_the_next_block_has_the_next() -> None:
    assert names_at(trials("a", "b"), (FIRST, 0.0), (FIRST, 24.9), (SECOND, 3.0), (THIRD, 3.0)) == ["a", "a", "b", "a"]


def test_a_block_holds_as_many_trials_as_fit_and_what_is_left_has_the_blocks_own_words() -> None:
    shown = trials("a", "b", "c", s=10.0)
    assert names_at(shown, (FIRST, 9.9), (FIRST, 10.0), (FIRST, 19.9), (FIRST, 20.1)) == ["a", "b", "b", None]
    assert names_at(shown, (SECOND, 0.0), (SECOND, 10.0), (THIRD, 0.0)) == ["c", "a", "b"]


def test_a_trial_that_is_longer_than_its_block_is_shown_until_the_blocks_end() -> None:
    assert names_at(trials("a", "b", s=40.0), (FIRST, 24.9), (SECOND, 0.0)) == ["a", "b"]


def test_trials_that_fill_a_block_exactly_leave_nothing_over() -> None:
    assert names_at(trials("a", "b", s=12.5), (FIRST, 12.49), (FIRST, 24.99), (SECOND, 0.0)) == ["a", "b", "a"]


def test_a_trial_without_a_duration_waits_for_a_block_of_its_own() -> None:
    shown = (*trials("a", s=10.0), *trials("b"))
    assert names_at(shown, (FIRST, 0.0), (FIRST, 12.0), (SECOND, 12.0)) == ["a", None, "b"]


def test_blocks_of_another_name_have_no_trial() -> None:
    assert names_at(trials("a"), (0, 1.0), (2, 1.0)) == [None, None]


@given(
    durations=st.lists(st.one_of(st.none(), st.floats(0.5, 30.0)), min_size=1, max_size=6),
    number=st.sampled_from([FIRST, SECOND, THIRD]),
    into_s=st.floats(0.0, 24.99),
)
def test_each_block_goes_on_where_the_one_before_it_ended(durations: list[float | None], number: int, into_s: float) -> None:
    """An oracle that plays the run from its beginning."""
    shown = tuple(TrialInfo(block="read", name=str(place), s=s) for place, s in enumerate(durations))
    taken, expected = 0, None
    for block_number in (FIRST, SECOND, THIRD):
        at_s = 0.0
        while at_s == 0.0 or (shown[taken % len(shown)].s is not None and at_s + (shown[taken % len(shown)].s or 0.0) <= 25.0 + 1e-6):
            s = min(shown[taken % len(shown)].s or 25.0, 25.0)
            if block_number == number and at_s <= into_s < at_s + s:
                expected = str(taken % len(shown))
            at_s, taken = at_s + s, taken + 1
        if block_number == number:
            break
    assert names_at(shown, (number, into_s)) == [expected]


def test_the_trial_stands_in_the_look_of_its_block_and_only_there() -> None:
    shown = trials("calm", block="rest")
    display = DisplaySettings(feedback="continuous", trials=shown)
    state = played([volume(3)], run_start(display=display))
    assert look(state).trial == shown[0]
    assert look(hear(state, volume(12), BEGIN_S + 12)).trial is None
    assert look(DisplayState("d")).trial is None
