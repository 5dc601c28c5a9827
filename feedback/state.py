"""The display's state, and the three things that change it: a message, a tick, a key. Pure: no PsychoPy, clock or socket.

``now_s`` is the display's clock: unix seconds that never step back. Each step gives the next state and the messages that go back to the
engine. A value counts from when it was sent where the offset of the clocks is known (``sent_s``), else from when it came, so that what a
display that joins late gets from the past is not taken for new. Only the newest volume counts; older ones, and other runs', are left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from feedback.course import Course
from feedback.easing import Ease
from feedback.look import SHOW, Look, Reading
from rtfmri.messages import Confirmed, Envelope, Operator, Pause, RunStart, RunStop, VolumeMessage
from rtfmri.paradigm import Block

OPERATOR_KEY = "escape"
TWICE_WITHIN_S = 1.0
DEBOUNCE_S = 0.3
NOWHERE = Course()
STILL = Ease()

Outgoing: TypeAlias = tuple[Pause, ...]


@dataclass(frozen=True)
class DisplayState:
    """All that decides the picture; ``opening``, ``presence`` and ``outline`` are what the scene eases."""

    display: str
    pause_keys: tuple[str, ...] = ("p",)
    now_s: float = 0.0
    run: RunStart | None = None
    course: Course = NOWHERE
    ended: bool = False
    newest: int = -1  # index of the newest volume
    heard_s: float | None = None  # when it came
    held: bool = False  # it gave nothing new
    reading: Reading | None = None  # continuous: the last value measured
    score: Reading | None = None  # intermittent: the last block's
    paused: bool = False  # by the participant
    pressed_s: float | None = None  # when the participant last pressed
    operator_paused: bool = False
    blanked: bool = False
    escaped_s: float | None = None  # the operator's first Escape
    quit: bool = False
    opening: Ease = STILL  # the circle: -1 ... 1
    presence: Ease = STILL  # 0: neutral, 1: the circle means a value
    outline: Ease = STILL  # 1: the value is held


def on_message(state: DisplayState, envelope: Envelope, now_s: float, sent_s: float | None = None) -> tuple[DisplayState, Outgoing]:
    """What a message of the engine changes. ``sent_s``: when it was sent, on the display's clock, where that is known."""
    message = envelope.message
    if isinstance(message, RunStart):
        return _started(state, message, now_s)
    if state.run is None or state.ended or envelope.run_uid != state.run.run_uid:
        return state, ()
    if isinstance(message, VolumeMessage):
        return _measured(state, message, now_s if sent_s is None else min(sent_s, now_s)), ()
    if isinstance(message, Confirmed):
        return _confirmed(state, state.run, message), ()
    if isinstance(message, RunStop):
        return replace(state, ended=True, paused=False, operator_paused=False, blanked=False), ()
    if isinstance(message, Operator):
        return _ordered(state, message), ()
    if isinstance(message, Pause):
        return _pause_heard(state, message, now_s), ()
    return state, ()


def on_tick(state: DisplayState, now_s: float) -> tuple[DisplayState, Outgoing]:
    """Time goes on: blocks change, values age, shapes ease."""
    now_s = max(now_s, state.now_s)
    state = replace(state, now_s=now_s, course=state.course.at(now_s))
    shown = look(state)
    return replace(
        state,
        opening=state.opening.toward(shown.value or 0.0, now_s),
        presence=state.presence.toward(float(shown.valued), now_s),
        outline=state.outline.toward(float(shown.value_state == "held"), now_s),
    ), ()


def on_key(state: DisplayState, key: str, now_s: float) -> tuple[DisplayState, Outgoing]:
    """The participant's pause key pauses and goes on again; Escape twice within a second is the operator's way out."""
    if key == OPERATOR_KEY:
        twice = state.escaped_s is not None and now_s - state.escaped_s <= TWICE_WITHIN_S
        return replace(state, escaped_s=now_s, quit=state.quit or twice), ()
    bounced = state.pressed_s is not None and now_s - state.pressed_s < DEBOUNCE_S
    if key not in state.pause_keys or bounced or state.run is None or state.ended:
        return state, ()
    state = replace(state, paused=not state.paused, pressed_s=now_s)
    return state, (Pause(display=state.display, paused=state.paused, pressed_unix_s=now_s),)


def look(state: DisplayState) -> Look:
    """What is on the glass (the rules stand in ``feedback/look.py``)."""
    if state.run is None:
        return Look("idle")
    if state.ended:
        return Look("ended")
    if state.blanked:
        return Look("blank")
    if state.paused or state.operator_paused:
        return Look("paused", own_pause=state.paused)
    if state.heard_s is None or state.course.elapsed_s is None:
        return Look("waiting")
    silence_s = state.now_s - state.heard_s
    if silence_s > state.run.pause_after_s:
        return Look("paused")
    return _block_look(state, state.run, silence_s)


def _block_look(state: DisplayState, run: RunStart, silence_s: float) -> Look:
    number = state.course.block_number
    block = None if number is None else state.course.blocks[number]
    neutral = Look("block", block, number)
    reading = _reading_for(state, run, number, block)
    if silence_s > run.stale_after_s:
        return replace(neutral, value_state="stale", resting=_shows_value(run, block))
    if reading is None:
        return neutral
    if not state.held or run.display.feedback == "intermittent":
        return replace(neutral, value_state="fresh", value=reading.value, index=reading.index)
    if state.now_s - reading.came_s > run.pause_after_s:
        return replace(neutral, value_state="stale", resting=True)
    return replace(neutral, value_state="held", value=reading.value, index=reading.index)


def _shows_value(run: RunStart, block: Block | None) -> bool:
    if run.run_kind != "feedback" or block is None:
        return False
    return block.name == SHOW if run.display.feedback == "intermittent" else block.role == "regulate"


def _reading_for(state: DisplayState, run: RunStart, number: int | None, block: Block | None) -> Reading | None:
    """The value that belongs into this block, whatever its age; None where there is none."""
    if number is None or not _shows_value(run, block):
        return None
    if run.display.feedback == "intermittent":
        reading, belongs_to = state.score, state.course.last_regulated(number)
    else:
        reading, belongs_to = state.reading, number
    return reading if reading is not None and reading.block == belongs_to else None


def _started(state: DisplayState, run: RunStart, now_s: float) -> tuple[DisplayState, Outgoing]:
    """A run begins, or goes on after the engine was restarted; a participant who has paused stays paused, and the engine hears of it."""
    outgoing = (Pause(display=state.display, paused=True, pressed_unix_s=now_s),) if state.paused else ()
    if run.resumed and state.run is not None and run.run_uid == state.run.run_uid:
        return replace(state, run=run, newest=-1, ended=False), outgoing
    course = Course().planned(_blocks(run), run.tr_s)
    cleared = replace(state, newest=-1, heard_s=None, held=False, reading=None, score=None, operator_paused=False, blanked=False)
    return replace(cleared, run=run, course=course, ended=False), outgoing


def _confirmed(state: DisplayState, run: RunStart, message: Confirmed) -> DisplayState:
    """The first volume has brought the TR: the final blocks, and how long a silence is none."""
    stale_after_s = run.stale_after_s if message.stale_after_s is None else message.stale_after_s
    known = run.model_copy(update={"stale_after_s": stale_after_s})
    return replace(state, run=known, course=state.course.planned(_blocks(message), message.tr_s))


def _measured(state: DisplayState, message: VolumeMessage, came_s: float) -> DisplayState:
    """One volume further: its value, or the reason to keep the last one or to show none."""
    if message.index <= state.newest:
        return state
    state = replace(state, newest=message.index, heard_s=came_s, course=state.course.heard(message.index, came_s))
    state = replace(state, score=_score(state, message, came_s))
    if message.validity == "settling":
        return replace(state, held=False, reading=None)
    if message.validity != "ok" or message.feedback is None:
        return replace(state, held=True)
    value = min(max(message.feedback, -1.0), 1.0)
    return replace(state, held=False, reading=Reading(message.index, message.block, value, came_s))


def _score(state: DisplayState, message: VolumeMessage, came_s: float) -> Reading | None:
    """Intermittent: what is to be shown of the block before this one; the volume behind it is the first that had it.

    ``message.score`` is the participant's own and may not be what is shown (sham), so it is not looked at.
    """
    intermittent = state.run is not None and state.run.display.feedback == "intermittent"
    if not intermittent or message.feedback is None or message.block is None:
        return state.score
    value, block = min(max(message.feedback, -1.0), 1.0), state.course.last_regulated(message.block)
    known = state.score
    if known is not None and (known.block, known.value) == (block, value):
        return known
    return Reading(message.index, block, value, came_s)


def _ordered(state: DisplayState, order: Operator) -> DisplayState:
    if order.action in ("pause", "resume"):
        return replace(state, operator_paused=order.action == "pause")
    if order.action in ("blank", "unblank"):
        return replace(state, blanked=order.action == "blank")
    return state


def _pause_heard(state: DisplayState, pause: Pause, now_s: float) -> DisplayState:
    """A pause that the engine passed on: another display's, or this one's before it was restarted; the echo of an old press is left out."""
    if state.pressed_s is not None and pause.pressed_unix_s <= state.pressed_s:
        return state
    return replace(state, paused=pause.paused, pressed_s=min(pause.pressed_unix_s, now_s))


def _blocks(message: RunStart | Confirmed) -> tuple[Block, ...]:
    return tuple(Block(block.name, block.onset_s, block.duration_s, block.role) for block in message.blocks)
