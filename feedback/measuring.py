"""What a volume message changes: the newest value, the score of the last block, the trace of this one. Pure.

Only the newest volume counts; older ones are left out. Values beyond the range are its end.
"""

from __future__ import annotations

from dataclasses import replace

from feedback.display import DisplayState
from feedback.look import Reading
from rtfmri.messages import VolumeMessage

MOST_POINTS = 600  # of a trace; older ones are left out


def measured(state: DisplayState, message: VolumeMessage, came_s: float) -> DisplayState:
    """One volume further: its value, or the reason to keep the last one or to show none."""
    if message.index <= state.newest:
        return state
    state = replace(
        state,
        newest=message.index,
        heard_s=came_s,
        course=state.course.heard(message.index, came_s),
        trigger=state.trigger.volume(message.index, came_s),
        card=state.card and state.heard_s is not None,  # the first volume takes the card away
        score=_score(state, message, came_s),
    )
    if message.validity == "settling":
        return replace(state, held=False, reading=None)
    if message.validity != "ok" or message.feedback is None:
        return replace(state, held=True)
    reading = Reading(message.index, message.block, _within(message.feedback), came_s)
    return traced(replace(state, held=False, reading=reading), reading)


def traced(state: DisplayState, reading: Reading) -> DisplayState:
    """Continuous: one point more of the block's line, where the TR is known."""
    course, number = state.course, reading.block
    continuous = state.run is not None and state.run.display.feedback == "continuous"
    if not continuous or course.tr_s is None or number is None or not 0 <= number < len(course.blocks):
        return state
    kept = state.trace if state.trace_block == number else ()
    point = (max(0.0, reading.index * course.tr_s - course.blocks[number].onset_s), reading.value)
    return replace(state, trace=(*kept, point)[-MOST_POINTS:], trace_block=number)


def _score(state: DisplayState, message: VolumeMessage, came_s: float) -> Reading | None:
    """Intermittent: what is to be shown of the block before this one; the volume behind it is the first that had it.

    ``message.score`` is the participant's own and may not be what is shown (sham), so it is not looked at.
    """
    intermittent = state.run is not None and state.run.display.feedback == "intermittent"
    if not intermittent or message.feedback is None or message.block is None:
        return state.score
    value, block = _within(message.feedback), state.course.last_regulated(message.block)
    known = state.score
    if known is not None and (known.block, known.value) == (block, value):
        return known
    return Reading(message.index, block, value, came_s)


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)
