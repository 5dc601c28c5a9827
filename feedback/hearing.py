"""What the engine's messages change beside volumes: a run's beginning, its final blocks, orders, pauses, answers. Pure."""

from __future__ import annotations

from dataclasses import replace

from feedback.asking import ended
from feedback.course import Course
from feedback.display import DisplayState, Outgoing
from feedback.measuring import traced
from feedback.trigger import Trigger
from rtfmri.messages import Confirmed, Operator, Pause, Rating, RunStart
from rtfmri.paradigm import Block

WELCOME_S = 12.0


def started(state: DisplayState, run: RunStart, now_s: float) -> tuple[DisplayState, Outgoing]:
    """A run begins, or goes on after the engine was restarted; a participant who has paused stays paused, and the engine hears of it."""
    outgoing = (Pause(display=state.display, paused=True, pressed_unix_s=now_s),) if state.paused else ()
    if run.resumed and state.run is not None and run.run_uid == state.run.run_uid:
        return replace(state, run=run, newest=-1, ended=False), outgoing
    of_question = () if state.question is None else ended(state.question, state.display, state.buttons)
    new_session = state.run is None or (state.run.entities.sub, state.run.entities.ses) != (run.entities.sub, run.entities.ses)
    trigger = run.display.trigger
    begun = DisplayState(
        display=state.display,
        pause_keys=state.pause_keys,
        seed=state.seed,
        now_s=state.now_s,
        run=run,
        course=Course().planned(_blocks(run), run.tr_s),
        trigger=Trigger(trigger.kind != "none", trigger.offset, trigger.every, run.tr_s),
        welcome_until_s=now_s + WELCOME_S if new_session else 0.0,
        paused=state.paused,
        pressed_s=state.pressed_s,
        card=state.card,
        presses=state.presses,
        escaped_s=state.escaped_s,
        quit=state.quit,
        opening=state.opening,
        presence=state.presence,
        outline=state.outline,
    )
    return begun, (*of_question, *outgoing)


def confirmed(state: DisplayState, run: RunStart, message: Confirmed) -> DisplayState:
    """The first volume has brought the TR: the final blocks, and how long a silence is none."""
    stale_after_s = run.stale_after_s if message.stale_after_s is None else message.stale_after_s
    known = run.model_copy(update={"stale_after_s": stale_after_s})
    course, trigger = state.course.planned(_blocks(message), message.tr_s), state.trigger.timed(message.tr_s)
    planned = replace(state, run=known, course=course, trigger=trigger)
    if state.course.tr_s is None and state.reading is not None:  # without the TR a value had no place on the line
        return traced(planned, state.reading)
    return planned


def ordered(state: DisplayState, order: Operator) -> DisplayState:
    if order.action in ("pause", "resume"):
        return replace(state, operator_paused=order.action == "pause")
    if order.action in ("blank", "unblank"):
        return replace(state, blanked=order.action == "blank")
    if order.action in ("card", "uncard"):
        return replace(state, card=order.action == "card", welcome_until_s=0.0)
    return state


def pause_heard(state: DisplayState, pause: Pause, now_s: float) -> DisplayState:
    """A pause that the engine passed on: another display's, or this one's before it was restarted; the echo of an old press is left out."""
    if state.pressed_s is not None and pause.pressed_unix_s <= state.pressed_s:
        return state
    return replace(state, paused=pause.paused, pressed_s=min(pause.pressed_unix_s, now_s))


def rating_heard(state: DisplayState, run: RunStart, rating: Rating) -> DisplayState:
    """A question that was asked before this display was restarted is not asked again."""
    slots = ((rating.block, order) for order, scale in enumerate(run.display.ratings) if scale.name == rating.scale)
    return replace(state, asked=state.asked | set(slots))


def _blocks(message: RunStart | Confirmed) -> tuple[Block, ...]:
    return tuple(Block(block.name, block.onset_s, block.duration_s, block.role) for block in message.blocks)
