"""What the display's state does with messages, time and keys; each test's name is the requirement."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from display_parts import (
    BEGIN_S,
    BLOCK_INFOS,
    PAUSE_S,
    STALE_S,
    armed,
    confirmed,
    envelope,
    hear,
    played,
    run_start,
    run_stop,
    ticked,
    volume,
)

from feedback.state import DisplayState, look, on_key, on_message, on_tick
from rtfmri.messages import BlockInfo


def test_before_any_run_the_display_is_idle() -> None:
    assert look(on_tick(DisplayState("d"), 5.0)[0]).kind == "idle"


def test_an_armed_run_waits_for_its_first_volume_however_long_that_takes() -> None:
    assert look(ticked(armed(), 120.0)).kind == "waiting"


def test_the_first_volume_begins_the_first_block() -> None:
    shown = look(played([volume(0)]))
    assert (shown.kind, shown.number, shown.word) == ("block", 0, "neutral")


def test_a_value_is_shown_in_its_regulation_block() -> None:
    shown = look(played(volume(i, 0.25) for i in range(12)))
    assert (shown.word, shown.value, shown.index) == ("fresh", 0.25, 11)


def test_a_value_of_the_rest_before_is_not_shown_in_the_regulation_block() -> None:
    shown = look(played((volume(i, 0.9) for i in range(10)), later_s=1.2))
    assert (shown.number, shown.word, shown.value) == (1, "neutral", None)


def test_rest_shows_no_value() -> None:
    assert look(played([volume(3, 0.9)])).word == "neutral"


@pytest.mark.parametrize("kind", ["no_feedback", "transfer", "localizer"])
@pytest.mark.parametrize("feedback", ["continuous", "intermittent"])
def test_a_run_without_feedback_never_shows_a_value(kind: str, feedback: str) -> None:
    start = run_start(feedback, run_kind=kind)
    state = armed(start)
    for index in range(53):
        state = hear(state, volume(index, 0.9), BEGIN_S + index)
        assert not look(state).valued


def test_settling_shows_no_value() -> None:
    assert look(played([volume(12, 0.4), volume(13, validity="settling")])).word == "neutral"


@pytest.mark.parametrize("validity", ["held", "missing"])
def test_a_volume_that_gives_nothing_new_holds_the_last_value(validity: str) -> None:
    shown = look(played([volume(12, 0.4), volume(13, validity=validity)]))
    assert (shown.word, shown.value, shown.index) == ("held", 0.4, 12)


def test_the_next_good_volume_ends_the_hold() -> None:
    shown = look(played([volume(12, 0.4), volume(13, validity="held"), volume(14, -0.2)]))
    assert (shown.word, shown.value, shown.index) == ("fresh", -0.2, 14)


def test_a_value_that_was_held_too_long_rests() -> None:
    shown = look(played([volume(11, 0.4), *(volume(i, validity="missing") for i in range(12, 23))]))
    assert (shown.word, shown.value, shown.resting) == ("stale", None, True)


def test_silence_rests_then_pauses_and_the_next_volume_ends_both() -> None:
    state = played(volume(i) for i in range(15))
    assert look(ticked(state, STALE_S - 0.1)).word == "fresh"
    assert look(ticked(state, STALE_S + 0.1)).word == "stale"
    paused = ticked(state, PAUSE_S + 0.1)
    assert look(paused).kind == "paused"
    assert look(hear(paused, volume(26, 0.1), BEGIN_S + 26.0)).word == "fresh"


def test_a_stale_shape_eases_to_the_neutral_middle() -> None:
    state = ticked(played((volume(i, 1.0) for i in range(15)), later_s=1.0), 0.0)
    assert state.opening.at(state.now_s) == pytest.approx(1.0)
    state = ticked(state, STALE_S + 1.0)
    assert (state.opening.at(state.now_s), state.presence.at(state.now_s)) == (0.0, 0.0)


def test_a_value_moves_the_shape_smoothly_and_within_a_second() -> None:
    state = played((volume(i, 0.0) for i in range(13)), later_s=0.99)
    state = hear(state, volume(13, 1.0), BEGIN_S + 13.0)
    places = []
    for frame in range(60):
        state, _ = on_tick(state, BEGIN_S + 13.0 + frame / 60)
        places.append(state.opening.at(state.now_s))
    steps = [b - a for a, b in pairwise(places)]
    assert places[0] < 0.01
    assert 0.4 < places[21] < 0.6
    assert places[-1] == 1.0
    assert min(steps) >= 0.0
    assert max(steps) < 0.05


def test_instructions_change_at_block_onsets_even_when_a_volume_is_late() -> None:
    state = played(volume(i) for i in range(10))
    assert look(ticked(state, 0.95)).number == 0
    assert look(ticked(state, 1.05)).number == 1


def test_a_late_volume_does_not_pull_the_instructions_back() -> None:
    state = ticked(played(volume(i) for i in range(10)), 2.4)
    assert look(state).number == 1
    state = hear(state, volume(10), state.now_s)
    assert look(state).number == 1
    assert state.course.elapsed_s == pytest.approx(11.4)


def test_volumes_that_come_a_little_later_for_good_stop_the_clock_until_it_fits_and_never_put_it_back() -> None:
    state = played(volume(i) for i in range(5))
    elapsed = [state.course.elapsed_s or 0.0]
    for index in range(5, 20):
        waited = ticked(state, BEGIN_S + index + 0.75 - state.now_s)
        state = hear(waited, volume(index), BEGIN_S + index + 0.8)
        elapsed += [waited.course.elapsed_s or 0.0, state.course.elapsed_s or 0.0]
    assert elapsed == sorted(elapsed)
    assert elapsed[-1] == pytest.approx(19.0)


def test_a_run_that_is_late_for_good_takes_the_display_with_it() -> None:
    state = played(volume(i) for i in range(5))
    for index in range(5, 20):
        state = hear(state, volume(index), BEGIN_S + index + 3.0)
    assert state.course.elapsed_s == pytest.approx(19.0)


def test_the_run_so_far_in_one_burst_puts_a_late_display_into_the_right_block() -> None:
    state = armed()
    for index in range(15):
        state, _ = on_message(state, envelope(volume(index, index / 100)), BEGIN_S + 14.3)
    shown = look(on_tick(state, BEGIN_S + 14.3)[0])
    assert (shown.number, shown.word, shown.index, shown.value) == (1, "fresh", 14, 0.14)


def test_what_was_sent_long_ago_is_not_shown_as_new_when_the_clock_offset_is_known() -> None:
    state = hear(armed(), volume(14), BEGIN_S + 18.0, sent_s=BEGIN_S + 14.0)
    assert look(state).word == "stale"
    assert state.course.elapsed_s == pytest.approx(18.0)


def test_a_message_from_the_future_counts_as_from_now() -> None:
    state = hear(armed(), volume(14), BEGIN_S + 14.0, sent_s=BEGIN_S + 99.0)
    assert look(ticked(state, STALE_S + 0.1)).word == "stale"


def test_an_older_volume_changes_nothing() -> None:
    state = played([volume(12, 0.4), volume(13, 0.6)])
    assert look(hear(state, volume(11, -1.0), state.now_s)) == look(state)


def test_messages_of_another_run_change_nothing() -> None:
    state = played([volume(12, 0.4)])
    assert on_message(state, envelope(volume(13, 0.9), run_uid="run-b"), state.now_s) == (state, ())
    assert on_message(state, envelope(run_stop(), run_uid="run-b"), state.now_s) == (state, ())


def test_messages_before_a_run_start_change_nothing() -> None:
    state = DisplayState("d")
    assert on_message(state, envelope(volume(0)), 1.0) == (state, ())


def test_the_confirmed_blocks_replace_the_provisional_ones() -> None:
    state = armed(run_start(tr_s=None, blocks=BLOCK_INFOS[1:]))
    dummies = BlockInfo(name="dummy", onset_s=0.0, duration_s=4.0, role="dummy")
    later = tuple(block.model_copy(update={"onset_s": block.onset_s + 4.0}) for block in BLOCK_INFOS)
    state = hear(state, confirmed(tr_s=2.0, blocks=(dummies, *later)), BEGIN_S)
    state = hear(state, volume(0, validity="settling"), BEGIN_S)
    assert look(state).block is not None
    assert look(state).word == "neutral"
    assert ticked(state, 1.9).course.block_number == 0
    assert ticked(state, 4.1).course.block_number == 1


def test_the_score_is_shown_in_the_show_block_and_only_there() -> None:
    state = armed(run_start("intermittent"))
    words = {}
    for index in range(53):
        scored = index >= 36
        message = volume(index, 0.25 if scored else None)
        state = hear(state, message, BEGIN_S + index)
        shown = look(state)
        words[index] = (shown.word, shown.value, shown.index)
    assert words.pop(40) == ("fresh", 0.25, 36)
    assert {index for index, (word, *_) in words.items() if word != "neutral"} == {37, 38, 39, 41, 42}


def test_a_score_of_an_earlier_block_is_not_shown() -> None:
    early = volume(5, 0.25)  # nothing was regulated before it
    shown = look(played([early, volume(38, None)], run_start("intermittent")))
    assert (shown.word, shown.value) == ("neutral", None)


def test_what_is_shown_is_the_feedback_and_not_the_participants_own_score() -> None:
    shown = look(played([volume(38, 0.25, score=-0.5, score_block=1)], run_start("intermittent")))
    assert (shown.word, shown.value) == ("fresh", 0.25)


def test_a_cough_in_the_show_block_leaves_the_score_as_it_is() -> None:
    volumes = [volume(38, 0.5), volume(39, validity="held")]
    assert look(played(volumes, run_start("intermittent"))).word == "fresh"


def test_a_value_beyond_the_range_is_the_ranges_end() -> None:
    assert look(played([volume(12, 7.0)])).value == 1.0


def test_the_end_thanks_and_the_next_run_waits() -> None:
    state = hear(played([volume(12)]), run_stop(), BEGIN_S + 13)
    assert look(state).kind == "ended"
    assert look(ticked(state, 100.0)).kind == "ended"
    state, _ = on_message(state, envelope(run_start(run_uid="run-b"), run_uid="run-b"), BEGIN_S + 200)
    assert look(on_tick(state, BEGIN_S + 200)[0]).kind == "waiting"


def test_a_replayed_run_begins_again() -> None:
    state = hear(played([volume(12)]), run_start(), BEGIN_S + 100)
    assert look(state).kind == "waiting"
    assert look(hear(state, volume(0), BEGIN_S + 101)).number == 0


def test_a_resumed_run_goes_on_where_it_was() -> None:
    state = ticked(played(volume(i) for i in range(15)), 6.0)
    state = hear(state, run_start(resumed=True), state.now_s)
    assert look(state).word == "stale"
    shown = look(hear(state, volume(21, 0.3), BEGIN_S + 21.0))
    assert (shown.word, shown.number, shown.index) == ("fresh", 1, 21)


def test_time_never_goes_back() -> None:
    state = played([volume(12)])
    assert on_tick(state, state.now_s - 50.0)[0].now_s == state.now_s


def test_steps_do_not_change_the_state_they_are_given() -> None:
    state = played([volume(12)])
    before = replace(state)
    on_message(state, envelope(volume(13)), BEGIN_S + 13)
    on_tick(state, BEGIN_S + 13)
    on_key(state, "p", BEGIN_S + 13)
    assert state == before


def test_a_slow_scanner_s_silence_is_measured_by_its_own_tr() -> None:
    """Where the study gives no TR, only the first volume tells how long a silence is none."""
    state = played([volume(0)], run_start(stale_after_s=2.0))
    slow = hear(state, confirmed(tr_s=3.0).model_copy(update={"stale_after_s": 7.5}), state.now_s)
    assert slow.run is not None
    assert slow.run.stale_after_s == 7.5
    assert look(ticked(slow, 7.0)).value_state != "stale"
    assert look(ticked(slow, 8.0)).value_state == "stale"
