"""Time zero from the scanner's pulses, checked by the volumes; each test's name is the requirement."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest
from display_parts import BEGIN_S, BLOCK_INFOS, confirmed, envelope, hear, run_start, run_stop, ticked, volume
from hypothesis import given
from hypothesis import strategies as st

from feedback.state import DisplayState, look, on_message, on_pulse, on_tick
from feedback.trigger import EARLY_S, NO_PULSE, OUT_OF_STEP, STOPPED, Trigger
from rtfmri.messages import BlockInfo, DisplaySettings, TriggerSettings

TR_S = 2.0


def pulsed(trigger: Trigger, pulses_s: Iterable[float]) -> Trigger:
    for pulse_s in pulses_s:
        trigger = trigger.pulse(pulse_s)
    return trigger


def zero_of(trigger: Trigger) -> float:
    assert trigger.zero_s is not None
    return trigger.zero_s


def triggered(tr_s: float | None = 1.0, **trigger: object) -> DisplayState:
    """Armed five seconds before ``BEGIN_S``."""
    settings = DisplaySettings(feedback="continuous", trigger=TriggerSettings.model_validate({"kind": "keyboard", **trigger}))
    return hear(DisplayState("d"), run_start(tr_s=tr_s, display=settings), BEGIN_S - 5.0)


def scanned(state: DisplayState, last: int, delay_s: float = 0.4, first: int = 0, pulses_to: int | None = None) -> DisplayState:
    """Pulses from ``BEGIN_S`` on at TR 1 s, each volume ``delay_s`` after its end, until that of volume ``last``."""
    for index in range(first, last + 2):
        if pulses_to is None or index <= pulses_to:
            state, _ = on_pulse(state, BEGIN_S + index)
        state = ticked(state, max(0.0, BEGIN_S + index + delay_s - state.now_s))
        if index > first:
            state = hear(state, volume(index - 1, 0.5), BEGIN_S + index + delay_s)
    return state


def test_the_first_pulse_is_time_zero() -> None:
    assert Trigger(True, tr_s=TR_S).pulse(50.0).zero_s == 50.0


def test_pulses_before_the_first_exported_volume_are_counted_off() -> None:
    assert Trigger(True, offset=3, tr_s=TR_S).pulse(50.0).zero_s == 56.0
    assert Trigger(True, offset=3, every=2, tr_s=TR_S).pulse(50.0).zero_s == 53.0


def test_without_the_tr_the_offset_waits_for_its_pulse_and_a_double_one_found_later_is_taken_out() -> None:
    trigger = pulsed(Trigger(True, offset=2), (50.0, 52.0, 52.2))
    assert trigger.zero_s == 52.2
    assert zero_of(trigger.timed(TR_S)) == pytest.approx(54.0)


def test_double_pulses_are_one_whether_the_tr_is_known_or_not() -> None:
    assert pulsed(Trigger(True, tr_s=TR_S), (50.0, 50.02, 50.06, 52.0)).pulses == 2
    assert zero_of(pulsed(Trigger(True), (50.0, 50.02, 50.08)).timed(TR_S)) == 50.0


@given(
    drift=st.floats(-1e-4, 1e-4), jitter_s=st.floats(0.0, 0.02), missed=st.floats(0.0, 0.4), doubled=st.floats(0.0, 0.2), seed=st.integers()
)
def test_drift_jitter_missed_and_double_pulses_do_not_shift_the_clock(
    drift: float, jitter_s: float, missed: float, doubled: float, seed: int
) -> None:
    random, trigger = Random(seed), Trigger(True, tr_s=TR_S).pulse(50.0)
    for number in range(1, 300):
        pulse_s = 50.0 + number * TR_S * (1 + drift) + random.uniform(-jitter_s, jitter_s)
        if random.random() >= missed:
            trigger = trigger.pulse(pulse_s)
            trigger = trigger.pulse(pulse_s + 0.06) if random.random() < doubled else trigger
    trigger = trigger.pulse(50.0 + 300 * TR_S * (1 + drift))
    assert trigger.number == 300
    assert zero_of(trigger) + 300 * TR_S == pytest.approx(50.0 + 300 * TR_S * (1 + drift), abs=jitter_s + 0.01)


@given(stray_s=st.lists(st.floats(0.2, 1.8), min_size=1, max_size=20))
def test_stray_pulses_between_the_beats_move_nothing(stray_s: list[float]) -> None:
    trigger = pulsed(Trigger(True, tr_s=TR_S), (50.0, 52.0)).volume(0, 52.5)
    for number, late_s in enumerate(stray_s, start=2):
        trigger = pulsed(trigger, (50.0 + number * TR_S, 50.0 + number * TR_S + late_s))
    assert zero_of(trigger) == pytest.approx(50.0)


def test_a_single_pulse_that_was_none_of_the_scanners_is_found_by_the_beat_of_the_next() -> None:
    assert zero_of(pulsed(Trigger(True, tr_s=TR_S), (50.0, 53.1, 55.1, 57.1))) == pytest.approx(53.1)


def test_a_volume_that_comes_before_its_end_overrules_the_pulses_for_good() -> None:
    trigger = Trigger(True, tr_s=TR_S).pulse(50.0)
    assert trigger.volume(0, 52.0 - EARLY_S + 0.01).zero_s == 50.0
    overruled = trigger.volume(0, 51.0)
    assert overruled.zero_s is None
    assert pulsed(overruled, (52.0, 54.0)).zero_s is None
    assert "Volume 0 came 1.0 s before" in overruled.problems[0]
    assert overruled.volume(1, 52.0).problems == overruled.problems


def test_a_volume_that_comes_late_is_the_exports_delay() -> None:
    trigger = pulsed(Trigger(True, tr_s=TR_S), (50.0, 52.0, 54.0)).volume(0, 59.0)
    assert (trigger.zero_s, trigger.problems) == (50.0, ())


def test_pulses_that_stop_later_are_told_once_and_at_the_end_of_the_run_not_at_all() -> None:
    trigger = Trigger(True, tr_s=TR_S).pulse(50.0).volume(0, 52.5)
    assert trigger.quiet(60.0, 5.0, over=True).problems == ()
    told = trigger.quiet(60.0, 5.0, over=False)
    assert told.quiet(70.0, 5.0, over=False).problems == (STOPPED,)
    assert zero_of(told.pulse(70.0)) == 50.0


def test_pulses_out_of_step_with_the_tr_are_told() -> None:
    trigger = Trigger(True, tr_s=TR_S).pulse(50.0).volume(0, 52.5)
    assert pulsed(trigger, (50.0 + 1.5 * n for n in (1, 3, 5, 7))).problems == (OUT_OF_STEP,)


def test_a_study_without_a_trigger_counts_pulses_and_nothing_else() -> None:
    trigger = pulsed(Trigger(), (50.0, 52.0)).volume(0, 52.1)
    assert (trigger.pulses, trigger.zero_s, trigger.problems) == (2, None, ())


def test_the_first_pulse_begins_the_first_block_long_before_a_volume_comes() -> None:
    state = on_pulse(triggered(), BEGIN_S)[0]
    state = ticked(state, BEGIN_S + 0.05 - state.now_s)
    assert (look(state).kind, look(state).number) == ("block", 0)
    assert (state.zero_s, state.zero_from, state.pulses, state.pulse_s) == (BEGIN_S, "trigger", 1, BEGIN_S)


def test_the_display_waits_while_pulses_before_the_first_volume_are_counted_off() -> None:
    state = on_pulse(triggered(offset=3), BEGIN_S)[0]
    assert look(ticked(state, BEGIN_S + 2.9 - state.now_s)).kind == "waiting"
    assert look(ticked(state, BEGIN_S + 2.0 - state.now_s)).welcome is False
    for number in (1, 2, 3):
        state = ticked(on_pulse(state, BEGIN_S + number)[0], 1.0)
    assert look(ticked(state, BEGIN_S + 3.1 - state.now_s)).number == 0


def test_blocks_follow_the_pulses_and_values_keep_their_block_however_late_the_export_is() -> None:
    state = scanned(triggered(), 14, delay_s=1.7)
    assert state.course.elapsed_s == pytest.approx(16.7)
    assert (look(state).number, look(state).word, look(state).index) == (1, "fresh", 14)


def test_a_value_of_the_block_before_is_never_shown_when_the_export_is_late() -> None:
    shown = look(scanned(triggered(), 9, delay_s=1.7))  # volume 9 is of the rest, and it is 11.7 s into the run
    assert (shown.number, shown.word, shown.value) == (1, "neutral", None)


def test_a_prescan_brings_the_display_back_to_waiting_and_the_scan_begins_anew() -> None:
    state = ticked(on_pulse(triggered(), BEGIN_S)[0], 6.0)
    state = ticked(on_pulse(state, state.now_s)[0], 1.0)
    assert look(state).kind == "block"
    state = ticked(state, 4.0)
    assert (look(state).kind, state.zero_s) == ("waiting", None)
    assert not look(state).welcome
    again_s = state.now_s + 20.0
    state = on_pulse(ticked(state, 20.0), again_s)[0]
    assert (look(ticked(state, 0.1)).number, state.zero_s) == (0, again_s)


def test_pulses_missed_at_the_beginning_leave_the_clock_to_the_volumes_and_the_operator_hears_of_it() -> None:
    state = triggered()
    for pulse in (3, 4):
        state = ticked(on_pulse(ticked(state, BEGIN_S + pulse - state.now_s), BEGIN_S + pulse)[0], 0.0)
    state = hear(state, volume(3), BEGIN_S + 4.4)
    assert state.zero_from == "volumes"
    assert state.course.elapsed_s == pytest.approx(3.0)
    assert len(state.problems) == 1


def test_without_any_pulse_the_volumes_set_the_clock_and_the_operator_hears_of_it_once() -> None:
    state = triggered()
    for index in range(5):
        state = hear(state, volume(index), BEGIN_S + index)
    assert (state.zero_from, state.problems, look(state).number) == ("volumes", (NO_PULSE,), 0)
    pulsing = on_pulse(state, BEGIN_S + 4.5)[0]
    assert (pulsing.zero_from, pulsing.pulses) == ("volumes", 1)


def test_a_scanner_that_sends_one_pulse_only_leaves_a_slow_exports_run_to_the_volumes() -> None:
    state = ticked(on_pulse(triggered(), BEGIN_S)[0], 9.0)
    state = hear(state, volume(0), BEGIN_S + 4.1)
    assert (state.zero_from, state.problems) == ("volumes", (STOPPED,))


def test_pulses_that_stop_during_the_run_leave_the_clock_running() -> None:
    state = scanned(triggered(), 14, pulses_to=5)
    assert state.course.elapsed_s == pytest.approx(15.4)
    assert state.problems == (STOPPED,)
    assert look(state).word == "fresh"


def test_when_volumes_never_come_the_display_pauses_and_the_first_one_ends_that() -> None:
    state = triggered()
    for pulse in range(15):
        state = ticked(on_pulse(ticked(state, BEGIN_S + pulse - state.now_s), BEGIN_S + pulse)[0], 0.0)
    assert look(state).kind == "paused"
    assert look(hear(state, volume(12), state.now_s)).number == 1


def test_a_tr_that_is_known_only_with_the_first_volume_places_the_pulses_that_came() -> None:
    state = triggered(tr_s=None)
    for pulse in (0, 2):
        state = ticked(on_pulse(ticked(state, BEGIN_S + pulse - state.now_s), BEGIN_S + pulse)[0], 0.1)
    assert look(state).kind == "waiting"
    dummies = BlockInfo(name="dummy", onset_s=0.0, duration_s=4.0, role="dummy")
    later = tuple(block.model_copy(update={"onset_s": block.onset_s + 4.0}) for block in BLOCK_INFOS)
    state = hear(state, confirmed(tr_s=2.0, blocks=(dummies, *later)), BEGIN_S + 2.3)
    state = hear(state, volume(0, validity="settling"), BEGIN_S + 2.3)
    assert (state.zero_s, state.zero_from, look(state).number) == (BEGIN_S, "trigger", 0)


def test_pulses_before_arm_set_nothing() -> None:
    state = on_tick(DisplayState("d"), 1.0)[0]
    state = on_pulse(state, 2.0)[0]
    assert (state.pulses, state.zero_s) == (1, None)
    assert triggered().pulses == 0


def test_pulses_of_another_scan_after_the_end_are_counted_and_say_nothing() -> None:
    state = hear(scanned(triggered(), 5), run_stop(), BEGIN_S + 7)
    later = state
    for number in range(10):
        later = on_pulse(ticked(later, 1.37), state.now_s + (number + 1) * 1.37)[0]
    assert (later.pulses, later.zero_s, later.problems) == (state.pulses + 10, state.zero_s, ())


def test_a_resumed_run_keeps_its_clock_and_a_new_run_begins_without_one() -> None:
    state = scanned(triggered(), 5)
    settings = DisplaySettings(trigger=TriggerSettings(kind="keyboard"))
    resumed = hear(state, run_start(resumed=True, display=settings), state.now_s)
    assert (resumed.zero_s, resumed.zero_from) == (BEGIN_S, "trigger")
    state, _ = on_message(state, envelope(run_start(run_uid="run-b", display=settings), run_uid="run-b"), state.now_s)
    assert (state.zero_s, state.pulses, look(state).kind) == (None, 0, "waiting")
