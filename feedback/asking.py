"""Questions with a slider. Pure.

The rules:

* The scales of a block's name are asked in the study's order, each once in a block. Each has its ``s`` seconds, or its share of what is
  left of the block. Where that would be under half of the time it would have had from the block's onset, the last questions are left out,
  so that none begins in a block that is nearly over. Scales ``at_end`` are asked once, after the last block.
* The slider starts at a random place on its steps; the place follows from the display's seed, the run, the block and the question.
* The confirm key ends a question; its answer stays on the glass for ``AFTERGLOW_S``. Where the study has no such key, the place at the end
  is the answer if it was moved. Anything else is no answer: time over, a pause, blank, the card, the block's end, the run's end.
* Each question that was on the glass gives exactly one ``Rating``, and it is not asked again in that block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeAlias

from feedback.course import Course
from feedback.look import Asked
from rtfmri.messages import ButtonSettings, Rating, RatingScale
from rtfmri.paradigm import EPSILON_S

AFTERGLOW_S = 0.6
LEAST_SHARE = 0.5

Slot: TypeAlias = tuple[int | None, int]  # number of the block (None: after the last), place of the scale among the study's


@dataclass(frozen=True)
class Question:
    """One question on the glass; times on the display's clock."""

    scale: RatingScale
    slot: Slot
    asked_s: float
    until_s: float
    start: float
    place: float
    moved_s: float | None = None
    answered_s: float | None = None

    def moved(self, steps: int, now_s: float) -> Question:
        """The slider goes on by ``steps``, within its scale."""
        return replace(self, place=_at_step(self.scale, _step_of(self.scale, self.place) + steps), moved_s=now_s)

    def seen(self, now_s: float) -> Asked:
        """As it is drawn at ``now_s``."""
        left = (self.until_s - now_s) / max(self.until_s - self.asked_s, EPSILON_S)
        return Asked(self.scale, self.place, min(max(left, 0.0), 1.0), self.moved_s is not None, self.answered_s is not None)

    def over(self, now_s: float) -> bool:
        """Whether it leaves the glass by itself."""
        return now_s >= (self.until_s if self.answered_s is None else self.answered_s + AFTERGLOW_S)

    def confirmed(self, now_s: float) -> Question:
        return replace(self, answered_s=now_s)

    def rating(self, display: str, answered: bool, answered_s: float | None) -> Rating:
        """What goes to the engine."""
        return Rating(
            display=display,
            scale=self.scale.name,
            value=self.place if answered else None,
            start=self.start,
            response_s=max(0.0, answered_s - self.asked_s) if answered and answered_s is not None else None,
            asked_unix_s=self.asked_s,
            block=self.slot[0],
        )


def ended(question: Question, display: str, buttons: ButtonSettings) -> tuple[Rating, ...]:
    """The rating of a question that ends unconfirmed; () where its answer is out already."""
    if question.answered_s is not None:
        return ()
    return (question.rating(display, not buttons.confirm and question.moved_s is not None, question.moved_s),)


def next_question(scales: Sequence[RatingScale], course: Course, done: frozenset[Slot], seed: str, now_s: float) -> Question | None:
    """The question that is to be asked now, where there is one; ``done``: what was asked in this run."""
    if course.over:
        slots: list[Slot] = [(None, order) for order, scale in enumerate(scales) if scale.at_end]
        left = [slot for slot in slots if slot not in done]
        return _begun(scales, left[0], scales[left[0][1]].s, seed, now_s) if left else None
    number = course.block_number
    if number is None or course.elapsed_s is None:
        return None
    block = course.blocks[number]
    slots = [(number, order) for order, scale in enumerate(scales) if not scale.at_end and block.name in scale.blocks]
    left = [slot for slot in slots if slot not in done]
    while left:
        first, now_has_s = left[0], _share_s(scales, left, block.end_s - course.elapsed_s)
        from_onset_s = scales[first[1]].s * min(1.0, block.duration_s / sum(scales[order].s for _, order in slots))
        if now_has_s >= LEAST_SHARE * from_onset_s - EPSILON_S:
            return _begun(scales, first, now_has_s, seed, now_s)
        left = left[:-1]
    return None


def _share_s(scales: Sequence[RatingScale], left: Sequence[Slot], time_s: float) -> float:
    """What the first of the questions ``left`` has of ``time_s``."""
    return scales[left[0][1]].s * min(1.0, time_s / sum(scales[order].s for _, order in left))


def _begun(scales: Sequence[RatingScale], slot: Slot, has_s: float, seed: str, now_s: float) -> Question:
    scale = scales[slot[1]]
    start = _at_step(scale, Random(f"{seed}/{slot}").randint(0, max(0, _step_of(scale, scale.high))))
    return Question(scale, slot, now_s, now_s + has_s, start, start)


def _step_of(scale: RatingScale, place: float) -> int:
    return round((place - scale.low) / scale.step)


def _at_step(scale: RatingScale, number: int) -> float:
    """The place after ``number`` steps from the low end, within the scale; steps of 0.1 do not add up errors."""
    return min(max(round(scale.low + number * scale.step, 9), scale.low), scale.high)
