"""The display's state: all that decides the picture. Pure data; ``state.py`` changes it, ``looking.py`` says what it looks like.

Times are the display's clock: unix seconds that never step back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from feedback.asking import Question, Slot
from feedback.course import Course
from feedback.easing import Ease
from feedback.keys import Presses
from feedback.look import Reading, Trace
from feedback.trigger import Trigger
from rtfmri.messages import ButtonSettings, Pause, Rating, RunStart

NOWHERE = Course()
STILL = Ease()
UNTRIGGERED = Trigger()
UNPRESSED = Presses()
NO_BUTTONS = ButtonSettings()

Outgoing: TypeAlias = tuple[Pause | Rating, ...]  # what a step says to the engine


@dataclass(frozen=True)
class DisplayState:
    """``opening``, ``presence`` and ``outline`` are what the scene eases; ``seed`` decides where sliders start."""

    display: str
    pause_keys: tuple[str, ...] = ()  # beside the study's
    seed: int = 0
    now_s: float = 0.0
    run: RunStart | None = None
    course: Course = NOWHERE
    trigger: Trigger = UNTRIGGERED
    welcome_until_s: float = 0.0
    ended: bool = False
    newest: int = -1  # index of the newest volume
    heard_s: float | None = None  # when it came
    held: bool = False  # it gave nothing new
    reading: Reading | None = None  # continuous: the last value measured
    score: Reading | None = None  # intermittent: the last block's
    trace: Trace = ()  # the values of block ``trace_block``
    trace_block: int | None = None
    question: Question | None = None  # on the glass
    asked: frozenset[Slot] = frozenset()  # questions that were on the glass in this run, this one too
    paused: bool = False  # by the participant
    pressed_s: float | None = None  # when the participant last paused or went on
    operator_paused: bool = False
    blanked: bool = False
    card: bool = False
    presses: Presses = UNPRESSED
    escaped_s: float | None = None  # the operator's first Escape
    quit: bool = False
    opening: Ease = STILL  # the view's value: -1 ... 1
    presence: Ease = STILL  # 0: neutral, 1: the view means a value
    outline: Ease = STILL  # 1: the value is held

    @property
    def buttons(self) -> ButtonSettings:
        return NO_BUTTONS if self.run is None else self.run.display.buttons

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences for the operator, each once in a run."""
        return self.trigger.problems

    @property
    def pulses(self) -> int:
        """Of the scanner, since the run was armed; before that, since the display was started."""
        return self.trigger.pulses

    @property
    def pulse_s(self) -> float | None:
        """When the last one came."""
        return self.trigger.last_s

    @property
    def zero_s(self) -> float | None:
        """Time zero of the run: the trigger's, else the volumes'."""
        return self.course.volumes_zero_s if self.trigger.zero_s is None else self.trigger.zero_s

    @property
    def zero_from(self) -> Literal["trigger", "volumes"] | None:
        if self.trigger.zero_s is not None:
            return "trigger"
        return None if self.zero_s is None else "volumes"
