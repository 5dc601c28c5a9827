"""What changes the display's state: a message, a tick, a key, a button, a pulse of the scanner. Pure: no PsychoPy, clock or socket.

``now_s`` is the display's clock: unix seconds that never step back. Each step gives the next state and the messages that go back to the
engine. A value counts from when it was sent where the offset of the clocks is known (``sent_s``), else from when it came, so that what a
display that joins late gets from the past is not taken for new. Messages of other runs are left out.

The course of a session: idle; at arm the welcome, in a participant's first run, for some seconds or until the scanner's first pulse or
until the set-up card is put away, then "We are about to begin"; blocks and questions from time zero; thanks at the run's end. The set-up
card can be opened with its key until the first volume or pulse, which takes it away, and by the operator at any time; either closes it.
"""

from __future__ import annotations

from dataclasses import replace

from feedback.asking import ended, next_question
from feedback.display import DisplayState, Outgoing
from feedback.hearing import confirmed, ordered, pause_heard, rating_heard, started
from feedback.keys import CARD_KEY, OPERATOR_KEY, PAUSE_SILENT_S, TWICE_WITHIN_S, Meaning, button_meaning, key_meaning
from feedback.looking import cover, look
from feedback.measuring import measured
from rtfmri.messages import Confirmed, Envelope, Operator, Pause, Rating, RunStart, RunStop, VolumeMessage

__all__ = ["DisplayState", "Outgoing", "look", "on_button", "on_key", "on_message", "on_pulse", "on_tick"]

STEPS = {"left": -1, "right": 1}


def on_message(state: DisplayState, envelope: Envelope, now_s: float, sent_s: float | None = None) -> tuple[DisplayState, Outgoing]:
    """What a message of the engine changes. ``sent_s``: when it was sent, on the display's clock, where that is known."""
    message = envelope.message
    if isinstance(message, RunStart):
        return started(state, message, now_s)
    if state.run is None or state.ended or envelope.run_uid != state.run.run_uid:
        return state, ()
    if isinstance(message, VolumeMessage):
        return _settled(measured(state, message, now_s if sent_s is None else min(sent_s, now_s)))
    if isinstance(message, Confirmed):
        return _settled(confirmed(state, state.run, message))
    if isinstance(message, RunStop):
        return _settled(replace(state, ended=True, paused=False, operator_paused=False, blanked=False, card=False))
    if isinstance(message, Operator):
        return _settled(ordered(state, message))
    if isinstance(message, Pause):
        return _settled(pause_heard(state, message, now_s))
    if isinstance(message, Rating):
        return rating_heard(state, state.run, message), ()
    return state, ()


def on_tick(state: DisplayState, now_s: float) -> tuple[DisplayState, Outgoing]:
    """Time goes on: blocks change, values age, questions begin and end, shapes ease."""
    now_s = max(now_s, state.now_s)
    state = _placed(state, now_s)
    state, outgoing = _settled(state)
    state = _asking(state)
    shown = look(state)
    return replace(
        state,
        opening=state.opening.toward(shown.value or 0.0, now_s),
        presence=state.presence.toward(float(shown.valued), now_s),
        outline=state.outline.toward(float(shown.value_state == "held"), now_s),
    ), outgoing


def on_pulse(state: DisplayState, pulse_s: float) -> tuple[DisplayState, Outgoing]:
    """One pulse of the scanner, at its time. The first of a run takes the welcome and the set-up card away."""
    done = state.ended or state.course.over  # what comes then belongs to another scan
    trigger = state.trigger.counted(pulse_s) if done else state.trigger.pulse(pulse_s)
    if not trigger.used or trigger.pulses != 1:
        return replace(state, trigger=trigger), ()
    return replace(state, trigger=trigger, card=False, welcome_until_s=0.0), ()


def on_key(state: DisplayState, key: str, now_s: float, repeated: bool = False) -> tuple[DisplayState, Outgoing]:
    """A key went down, or is still held where ``repeated``: that only moves a slider."""
    if key == OPERATOR_KEY and not repeated:
        twice = state.escaped_s is not None and now_s - state.escaped_s <= TWICE_WITHIN_S
        return replace(state, escaped_s=now_s, quit=state.quit or twice), ()
    if key == CARD_KEY and not repeated:
        return _settled(_card_pressed(state))
    return _pressed(state, key, key_meaning(key, state.buttons, state.pause_keys), now_s, repeated)


def on_button(state: DisplayState, button: str, pressed_s: float) -> tuple[DisplayState, Outgoing]:
    """A button of a serial box was pressed: the byte as a character, and when it came."""
    return _pressed(state, button, button_meaning(button, state.buttons), pressed_s, repeated=False)


def _pressed(state: DisplayState, key: str, means: Meaning | None, now_s: float, repeated: bool) -> tuple[DisplayState, Outgoing]:
    if state.run is None or state.ended:
        return state, ()
    if means == "pause":
        return _pause_pressed(state, key, now_s, repeated)
    if means is None or state.question is None or state.question.answered_s is not None:
        return state, ()
    if means in STEPS:
        return _slid(state, key, STEPS[means], now_s), ()
    if repeated:
        return state, ()
    answered = replace(state, question=state.question.confirmed(now_s))
    return answered, (state.question.rating(state.display, True, now_s),)


def _pause_pressed(state: DisplayState, key: str, now_s: float, repeated: bool) -> tuple[DisplayState, Outgoing]:
    bounced = repeated or state.presses.silent_s(key, now_s) < PAUSE_SILENT_S
    state = replace(state, presses=state.presses.noted(key, now_s))
    if bounced:
        return state, ()
    state, ratings = _settled(replace(state, paused=not state.paused, pressed_s=now_s))
    return state, (Pause(display=state.display, paused=state.paused, pressed_unix_s=now_s), *ratings)


def _slid(state: DisplayState, key: str, steps: int, now_s: float) -> DisplayState:
    if state.run is None or state.question is None or state.presses.silent_s(key, now_s) < state.run.display.buttons.debounce_s:
        return state
    return replace(state, question=state.question.moved(steps, now_s), presses=state.presses.noted(key, now_s))


def _card_pressed(state: DisplayState) -> DisplayState:
    """Away at any time; there only before the scanner has begun."""
    if state.card:
        return replace(state, card=False, welcome_until_s=0.0)
    begun = state.run is not None and not state.ended and (state.heard_s is not None or state.trigger.counting)
    return state if begun else replace(state, card=True)


def _placed(state: DisplayState, now_s: float) -> DisplayState:
    """The clock goes on: where in the run it is now, and whether pulses are missing."""
    run, trigger = state.run, state.trigger
    if run is not None and not state.ended:
        limit_s = run.pause_after_s if trigger.tr_s is None else run.stale_after_s
        trigger = trigger.quiet(now_s, limit_s, state.course.over)
    state = replace(state, now_s=now_s, trigger=trigger)
    if state.zero_s is None and state.heard_s is None:
        return replace(state, course=state.course.lost())
    return replace(state, course=state.course.at(now_s, state.zero_s))


def _settled(state: DisplayState) -> tuple[DisplayState, tuple[Rating, ...]]:
    """A question whose time is over, or that something covers, leaves the glass."""
    question = state.question
    if question is None:
        return state, ()
    in_place = state.course.over if question.slot[0] is None else state.course.block_number == question.slot[0]
    if in_place and cover(state) is None and not question.over(state.now_s):
        return state, ()
    return replace(state, question=None), ended(question, state.display, state.buttons)


def _asking(state: DisplayState) -> DisplayState:
    """The next question, where one is due and the glass is free."""
    if state.run is None or state.question is not None or cover(state) is not None:
        return state
    seed = f"{state.seed}/{state.run.run_uid}"
    question = next_question(state.run.display.ratings, state.course, state.asked, seed, state.now_s)
    return state if question is None else replace(state, question=question, asked=state.asked | {question.slot})
