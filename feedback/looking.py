"""What a state of the display looks like: the rules of ``look.py``, in the order in which one covers the other.

Nothing is shown over the operator's blank; then come the participant's own pause, the set-up card, the operator's pause, waiting for the
scanner, the pause by silence, a question, the block. Where the trigger has set time zero and no volume has come yet, silence counts from
the end of the first volume's acquisition.
"""

from __future__ import annotations

from dataclasses import replace

from feedback.display import DisplayState
from feedback.look import SHOW, Look, Reading
from feedback.trials import trial_at
from rtfmri.messages import RunStart, TrialInfo
from rtfmri.paradigm import Block


def look(state: DisplayState) -> Look:
    """What is on the glass."""
    covered = cover(state)
    if covered is not None or state.run is None:
        return covered or Look("idle")
    number = state.course.block_number
    block = None if number is None else state.course.blocks[number]
    if state.question is not None:
        return Look("rating", block, number, asked=state.question.seen(state.now_s))
    return replace(_value_look(state, state.run, number, block), trial=_trial(state, state.run, number, block))


def cover(state: DisplayState) -> Look | None:
    """What lies over the run's course; None where nothing does."""
    if state.run is None or state.ended:
        return Look("card") if state.card else Look("idle" if state.run is None else "ended")
    if state.blanked:
        return Look("blank")
    if state.paused:
        return Look("paused", own_pause=True)
    if state.card:
        return Look("card")
    if state.operator_paused:
        return Look("paused")
    if not state.course.running:
        return Look("waiting", welcome=state.now_s < state.welcome_until_s)
    return Look("paused") if _silence_s(state) > state.run.pause_after_s else None


def _silence_s(state: DisplayState) -> float:
    """How long a volume is awaited; after the last block none is."""
    if state.course.over:
        return 0.0
    if state.heard_s is not None:
        return state.now_s - state.heard_s
    return max(0.0, (state.course.elapsed_s or 0.0) - (state.course.tr_s or 0.0))


def _value_look(state: DisplayState, run: RunStart, number: int | None, block: Block | None) -> Look:
    neutral = Look("block", block, number)
    reading = _reading_for(state, run, number, block)
    if _silence_s(state) > run.stale_after_s:
        return replace(neutral, value_state="stale", resting=_shows_value(run, block))
    if reading is None:
        return neutral
    fresh = replace(neutral, value_state="fresh", value=reading.value, index=reading.index, trace=state.trace)
    if not state.held or run.display.feedback == "intermittent":
        return fresh
    if state.now_s - reading.came_s > run.pause_after_s:
        return replace(neutral, value_state="stale", resting=True)
    return replace(fresh, value_state="held")


def _trial(state: DisplayState, run: RunStart, number: int | None, block: Block | None) -> TrialInfo | None:
    if block is None or number is None or state.course.elapsed_s is None:
        return None
    return trial_at(run.display.trials, state.course.blocks, number, state.course.elapsed_s - block.onset_s)


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
