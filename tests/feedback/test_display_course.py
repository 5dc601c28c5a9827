"""A session's course from ``run_start`` alone: welcome, card, waiting, blocks, pauses, thanks; and the soft sounds at block onsets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from display_parts import BEGIN_S, armed, envelope, hear, played, run_start, run_stop, ticked, volume

from feedback.cues import cue
from feedback.hearing import WELCOME_S
from feedback.state import DisplayState, look, on_key, on_message, on_pulse, on_tick
from rtfmri.messages import DisplaySettings, Entities, Operator, Pause, RatingScale, RunStart, TriggerSettings

KEYBOARD = TriggerSettings(kind="keyboard")


def press(state: DisplayState, key: str) -> DisplayState:
    return on_key(state, key, state.now_s)[0]


def test_a_session_from_its_first_picture_to_its_last() -> None:
    settings = DisplaySettings(feedback="intermittent", ratings=(RatingScale(name="pain", s=4.0, blocks=("wait",)),))
    state, kinds = DisplayState("d", now_s=BEGIN_S - 60.0), []

    def see() -> None:
        shown = look(state)
        kinds.append("welcome" if shown.welcome else shown.kind)

    see()
    for step in (lambda s: press(s, "f1"), lambda s: hear(s, run_start(display=settings), BEGIN_S - 50.0), lambda s: press(s, "f1")):
        state = step(state)
        see()
    state = hear(press(state, "f1"), volume(0), BEGIN_S)
    see()
    for index in range(1, 53):
        state = ticked(hear(state, volume(index, 0.4), BEGIN_S + index), 0.9)
        see()
    state = ticked(state, 3.0)
    see()
    state = hear(state, run_stop(), state.now_s)
    see()
    course = [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]
    assert course == ["idle", "card", "waiting", "block", "rating", "block", "ended"]


def test_the_welcome_stands_some_seconds_in_the_first_run_of_a_session() -> None:
    state = armed()
    assert look(ticked(state, WELCOME_S - 0.1)).welcome
    assert not look(ticked(state, WELCOME_S + 0.1)).welcome
    state = hear(hear(state, volume(0), BEGIN_S), run_stop(), BEGIN_S + 1)
    for entities, welcome in ((Entities(sub="01", run=2), False), (Entities(sub="02"), True)):
        start = run_start(run_uid="run-b", entities=entities)
        assert look(on_message(state, envelope(start, "run-b"), BEGIN_S + 2)[0]).welcome is welcome


def test_the_scanners_first_pulse_ends_the_welcome() -> None:
    start = run_start(tr_s=None, display=DisplaySettings(trigger=KEYBOARD))
    state = on_pulse(armed(start), BEGIN_S - 4.0)[0]
    assert (look(state).kind, look(state).welcome) == ("waiting", False)


def test_a_card_that_is_put_away_is_followed_by_waiting_and_not_by_the_welcome() -> None:
    state = press(press(armed(), "f1"), "f1")
    assert (look(state).kind, look(state).welcome) == ("waiting", False)
    state = hear(hear(armed(), Operator(action="card"), BEGIN_S), Operator(action="uncard"), BEGIN_S)
    assert (look(state).kind, look(state).welcome) == ("waiting", False)


def test_the_first_volume_or_pulse_takes_the_card_away() -> None:
    assert look(hear(press(armed(), "f1"), volume(0), BEGIN_S)).kind == "block"
    state = press(armed(run_start(display=DisplaySettings(trigger=KEYBOARD))), "f1")
    assert look(ticked(on_pulse(state, BEGIN_S)[0], BEGIN_S + 0.1 - state.now_s)).kind == "block"


def test_the_cards_key_opens_nothing_once_the_scanner_has_begun_but_the_operator_can_and_the_key_takes_it_away() -> None:
    state = played([volume(3)])
    assert look(press(state, "f1")).kind == "block"
    carded = hear(state, Operator(action="card"), state.now_s)
    assert look(hear(carded, volume(4), BEGIN_S + 4)).kind == "card"
    assert look(press(carded, "f1")).kind == "block"
    assert look(hear(carded, Operator(action="uncard"), state.now_s)).kind == "block"


def test_between_runs_the_card_can_be_opened_again() -> None:
    state = hear(played([volume(3)]), run_stop(), BEGIN_S + 4)
    assert [look(press(state, "f1")).kind, look(press(press(state, "f1"), "f1")).kind] == ["card", "ended"]


def test_one_look_covers_the_other_in_a_fixed_order() -> None:
    state = hear(played([volume(3)]), Operator(action="pause"), BEGIN_S + 3)
    covers = [look(state).kind]
    state = hear(state, Operator(action="card"), state.now_s)
    covers.append(look(state).kind)
    state = press(state, "p")
    covers.append(look(state).kind)
    assert look(state).own_pause
    covers.append(look(hear(state, Operator(action="blank"), state.now_s)).kind)
    assert covers == ["paused", "card", "paused", "blank"]


def test_a_participant_can_pause_before_the_first_volume_and_during_the_card() -> None:
    for state in (armed(), press(armed(), "f1")):
        paused, said = on_key(state, "p", state.now_s)
        assert (look(paused).own_pause, [type(message) for message in said]) == (True, [Pause])


@pytest.mark.parametrize("key", ["4", "p", "joy_0"])
def test_the_pause_keys_are_the_studys_and_those_of_the_command_line(key: str) -> None:
    state = hear(DisplayState("d", pause_keys=("joy_0",)), run_start(), BEGIN_S)
    assert look(press(state, key)).own_pause


def test_a_held_pause_key_pauses_once() -> None:
    state = press(played([volume(3)]), "p")
    for number in range(20):
        state, said = on_key(state, "p", state.now_s + 0.5 + number * 0.05, repeated=True)
        assert (state.paused, said) == (True, ())
    for number in range(20):  # the same from a box that tells repeats from presses by nothing
        state, said = on_key(state, "p", state.now_s + 1.5 + number * 0.05)
        assert (state.paused, said) == (True, ())


def test_a_held_escape_is_not_the_operators_way_out() -> None:
    state = on_key(played([volume(3)]), "escape", 10.0)[0]
    assert not on_key(state, "escape", 10.5, repeated=True)[0].quit


def test_the_trace_is_this_blocks_values_where_a_value_is_shown() -> None:
    state = played(volume(i, i / 100) for i in range(14))
    assert look(state).trace == ((0.0, 0.1), (1.0, 0.11), (2.0, 0.12), (3.0, 0.13))
    held = hear(hear(state, volume(14, validity="held"), BEGIN_S + 14), volume(15, 0.2), BEGIN_S + 15)
    assert look(held).trace[3:] == ((3.0, 0.13), (5.0, 0.2))
    assert look(ticked(state, 2.6)).trace == ()
    assert look(played(volume(i) for i in range(31))).trace == ()


def test_intermittent_feedback_has_no_trace() -> None:
    shown = look(played([volume(38, 0.25), volume(39, 0.25)], run_start("intermittent")))
    assert (shown.value, shown.trace) == (0.25, ())


def test_after_the_last_block_the_scanners_silence_is_none() -> None:
    state = ticked(played(volume(i) for i in range(53)), 40.0)
    assert (look(state).kind, look(state).number, look(state).word) == ("block", None, "neutral")


# --- soft sounds ---


def cued(cues: bool = True) -> RunStart:
    return run_start(display=DisplaySettings(feedback="continuous", cues=cues))


def sounds(state: DisplayState, later_s: float) -> tuple[DisplayState, list[str]]:
    """Frames until ``later_s`` later, with volumes coming on time, and the sounds between them."""
    heard, end_s = [], state.now_s + later_s
    while state.now_s < end_s:
        before, now_s = state, state.now_s + 0.05
        due = [index for index in range(state.newest + 1, 53) if BEGIN_S + index <= now_s]
        for index in due:
            state, _ = on_message(state, envelope(volume(index)), now_s)
        state, _ = on_tick(state, now_s)
        heard.append(cue(before, state))
    return state, [sound for sound in heard if sound is not None]


def test_each_block_begins_with_the_sound_of_its_role_and_the_last_one_ends_with_one() -> None:
    assert sounds(armed(cued()), 70.0)[1] == ["rest", "regulate", "other", "other", "rest", "end"]


def test_a_study_without_cues_is_silent() -> None:
    assert sounds(armed(cued(cues=False)), 70.0)[1] == []


def test_no_sound_during_a_pause_and_none_for_an_onset_that_passed_in_it() -> None:
    state, _ = sounds(armed(cued()), 10.0)
    state, heard = sounds(press(state, "p"), 15.0)
    assert heard == []
    assert sounds(on_key(state, "p", state.now_s)[0], 5.0)[1] == []


def test_a_display_that_joins_in_the_middle_of_a_block_is_silent_until_the_next() -> None:
    state = before = armed(cued())
    for index in range(15):
        state, _ = on_message(state, envelope(volume(index)), BEGIN_S + 14.0)
    state, _ = on_tick(state, BEGIN_S + 14.0)
    assert cue(before, state) is None
    assert sounds(state, 20.0)[1] == ["other"]


def test_an_onset_sounds_once_even_where_the_clock_goes_back_over_it() -> None:
    state, _ = sounds(armed(cued()), 26.9)  # up to volume 21
    before = state = ticked(state, BEGIN_S + 31.9 - state.now_s)
    assert state.course.block_number == 2
    for index in range(22, 30):  # late for good: the run is three seconds back
        state = hear(state, volume(index), BEGIN_S + 32.0 + (index - 29) * 0.001)
    assert (state.course.block_number, cue(before, state)) == (1, None)
    again = ticked(state, 1.1)
    assert (again.course.block_number, cue(state, again)) == (2, None)


def test_a_scan_that_begins_again_after_a_false_start_has_its_first_sound_again() -> None:
    state = armed(run_start(display=DisplaySettings(feedback="continuous", cues=True, trigger=KEYBOARD)))
    for _ in range(2):
        begun = on_tick(on_pulse(state, state.now_s)[0], state.now_s)[0]
        assert cue(state, begun) == "rest"
        state = ticked(begun, 10.0)
        assert look(state).kind == "waiting"


def test_a_run_that_is_stopped_early_ends_with_a_sound() -> None:
    state, _ = sounds(armed(cued()), 20.0)
    ended = hear(state, run_stop(), state.now_s)
    assert cue(state, ended) == "end"
    later = [ended]
    for _ in range(5):
        later.append(on_tick(later[-1], later[-1].now_s + 0.05)[0])
    assert [cue(a, b) for a, b in pairwise(later)] == [None] * 5
