"""Which soft sound is due, for participants who practise with closed eyes. Pure.

One sound at the onset of a block, by its role, and one at the end of the last block (or of the run, where that is earlier), in studies
that ask for cues. None for dummies, none during a pause, blank or card, none for an onset that is more than ``LATE_S`` ago (a display that
joins late, a pause that has just ended), never two for one onset: an onset is new only where the course was never so far before.
"""

from __future__ import annotations

from typing import Literal

from feedback.display import DisplayState
from feedback.looking import look
from rtfmri.messages import RunStart
from rtfmri.paradigm import EPSILON_S

LATE_S = 1.0

Cue = Literal["rest", "regulate", "other", "end"]


def cue(before: DisplayState, after: DisplayState) -> Cue | None:
    """The sound between two states of consecutive frames."""
    if after.run is None or not after.run.display.cues or look(after).kind not in ("block", "rating", "ended"):
        return None
    course, begun_before = after.course, before.course.furthest if _same_run(before.run, after.run) else -1
    count = len(course.blocks)
    if after.ended:
        return "end" if _same_run(before.run, after.run) and not before.ended and begun_before < count else None
    if course.furthest <= begun_before or course.elapsed_s is None:
        return None
    if course.furthest == count:
        return "end" if course.elapsed_s - course.blocks[-1].end_s <= LATE_S else None
    block = course.blocks[course.furthest]
    late = not -EPSILON_S <= course.elapsed_s - block.onset_s <= LATE_S
    return None if late else _of_role(block.role)


def _of_role(role: str) -> Cue | None:
    if role == "rest":
        return "rest"
    if role == "regulate":
        return "regulate"
    return "other" if role == "other" else None


def _same_run(before: RunStart | None, after: RunStart) -> bool:
    return before is not None and before.run_uid == after.run_uid
