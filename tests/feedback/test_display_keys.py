"""The participant's pause, and what the operator can do to the display."""

from __future__ import annotations

from display_parts import BEGIN_S, armed, envelope, hear, played, run_start, volume

from feedback.state import look, on_key, on_message
from rtfmri.messages import Operator, Pause


def test_the_participant_pauses_and_goes_on_with_one_key() -> None:
    state = played(volume(i) for i in range(13))
    paused, said = on_key(state, "p", state.now_s)
    assert said == (Pause(display="test", paused=True, pressed_unix_s=state.now_s),)
    assert (look(paused).kind, look(paused).own_pause) == ("paused", True)
    resumed, said = on_key(paused, "p", state.now_s + 1.0)
    assert said[0].paused is False
    assert look(resumed).kind == "block"


def test_a_bouncing_button_is_one_press() -> None:
    state = played([volume(12)])
    paused, _ = on_key(state, "p", state.now_s)
    bounced, said = on_key(paused, "p", state.now_s + 0.05)
    assert (look(bounced).kind, said) == ("paused", ())


def test_other_keys_do_nothing() -> None:
    state = played([volume(12)])
    assert on_key(state, "5", state.now_s) == (state, ())


def test_a_pause_lasts_into_the_next_run_and_its_engine_hears_of_it() -> None:
    state, _ = on_key(armed(), "p", BEGIN_S)
    state, said = on_message(state, envelope(run_start(run_uid="run-b"), run_uid="run-b"), BEGIN_S + 9)
    assert [message.paused for message in said] == [True]
    assert look(state).kind == "paused"


def test_a_button_that_bounces_while_a_run_begins_does_not_end_the_pause() -> None:
    state, _ = on_key(armed(), "p", BEGIN_S)
    state, _ = on_message(state, envelope(run_start(run_uid="run-b"), run_uid="run-b"), BEGIN_S + 0.01)
    assert on_key(state, "p", BEGIN_S + 0.02)[0].paused


def test_a_display_restarted_during_a_pause_is_paused() -> None:
    state = hear(played([volume(12)]), Pause(display="test", paused=True, pressed_unix_s=BEGIN_S + 5), BEGIN_S + 13)
    assert look(state).kind == "paused"
    assert look(on_key(state, "p", BEGIN_S + 14)[0]).kind == "block"


def test_the_echo_of_an_old_press_does_not_undo_a_newer_one() -> None:
    state = played([volume(12)])
    state, first = on_key(state, "p", BEGIN_S + 12.1)
    state, _ = on_key(state, "p", BEGIN_S + 12.6)
    assert look(hear(state, first[0], BEGIN_S + 12.7)).kind == "block"


def test_the_operator_can_pause_and_blank_and_take_both_back() -> None:
    state = played([volume(12)])
    for action, kind in (("pause", "paused"), ("resume", "block"), ("blank", "blank"), ("unblank", "block"), ("mark", "block")):
        state = hear(state, Operator(action=action), state.now_s)
        assert look(state).kind == kind


def test_escape_twice_within_a_second_is_the_operators_way_out() -> None:
    state = played([volume(12)])
    once, _ = on_key(state, "escape", 10.0)
    assert not once.quit
    assert on_key(once, "escape", 10.9)[0].quit
    assert not on_key(once, "escape", 11.1)[0].quit
