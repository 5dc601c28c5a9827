"""Every state of every view and language as shapes, for the pictures of ``python -m feedback --screenshots FOLDER``. Pure.

The values in here are made up to be looked at; none of this is ever shown to a participant.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import MappingProxyType

from feedback.look import SHOW, Asked, Look
from feedback.scene import ASPECT, NO_SETTINGS, Moment, depicted
from feedback.shapes import Shape
from feedback.views.known import OWN
from feedback.wording import languages, wording
from rtfmri.messages import DisplaySettings, Flip, RatingScale, TrialInfo
from rtfmri.paradigm import Block

Plate = tuple[str, Flip, tuple[Shape, ...]]  # name of the file without its ending, flip, shapes that are not flipped yet
FLIPS: tuple[Flip, ...] = ("none", "x", "y", "180")
REGULATE = Block("self_compassion", 0.0, 40.0, "regulate")
LATE_S = 24.0  # when in the idle wave a plate is taken
LONG = TrialInfo(
    block="situation",
    lines=("A friend has not answered you for days.", "You notice what goes through your mind.", "Stay with it for a moment."),
)
RIGHT_TO_LEFT = MappingProxyType(
    {
        "ar": ("لقد توقفنا للحظة.", "لا يوجد شيء عليك فعله."),
        "fa": ("برای لحظه‌ای مکث کرده‌ایم.", "لازم نیست کاری بکنید."),
        "he": ("עצרנו לרגע.", "אין דבר שעליך לעשות."),
    }
)


def gallery(spoken: Sequence[str] = (), aspect: float = ASPECT) -> Iterator[Plate]:
    """Plates in the languages ``spoken`` (all that there are where none is named), for a window ``aspect`` times as wide as high."""
    for name, flip, moment in moments(tuple(spoken) or tuple(languages())):
        yield name, flip, depicted(replace(moment, now_s=LATE_S), aspect).shapes


def moments(spoken: Sequence[str]) -> Iterator[tuple[str, Flip, Moment]]:
    """What the plates are made of."""
    yield "idle", "none", Moment(Look("idle"))
    yield "blank", "none", Moment(Look("blank"))
    for language in spoken:
        settings = NO_SETTINGS.model_copy(update={"language": language})
        for name, moment in (*_course(settings), *_ratings(settings)):
            yield f"{language}_{name}", "none", moment
        for view in OWN:
            for name, moment in _states(settings.model_copy(update={"view": view})):
                yield f"{language}_{view}_{name}", "none", moment
        for flip in FLIPS:
            yield f"{language}_card_{flip}", flip, Moment(Look("card"), settings)
            yield f"{language}_flip_{flip}", flip, _valued(settings, 0.6)
    for language, lines in RIGHT_TO_LEFT.items():
        own = DisplaySettings(language=language, wording={language: {"paused": lines}})
        yield f"right_to_left_{language}", "none", Moment(Look("paused"), own)


def _course(settings: DisplaySettings) -> Iterator[tuple[str, Moment]]:
    """A session's texts, from the welcome to the thanks."""
    yield "welcome", Moment(Look("waiting", welcome=True), settings, values=True)
    yield "waiting", Moment(Look("waiting"), settings)
    yield "waiting_for_values", Moment(Look("waiting"), settings, values=True)
    for key in wording(settings.language).texts:
        family, _, name = key.partition(".")
        if family == "role":
            yield f"role_{name}", Moment(Look("block", Block("unnamed", 0.0, 30.0, name), 0), settings)
        if family == "block":
            yield f"block_{name}", Moment(Look("block", Block(name, 0.0, 30.0, "other"), 0), settings)
    yield "between", Moment(Look("block"), settings)
    yield "trial", Moment(Look("block", Block("situation", 0.0, 20.0, "other"), 0, trial=LONG), settings)
    yield "paused", Moment(Look("paused"), settings)
    yield "own_pause", Moment(Look("paused", own_pause=True), settings)
    yield "ended", Moment(Look("ended"), settings)


def _ratings(settings: DisplaySettings) -> Iterator[tuple[str, Moment]]:
    for key in wording(settings.language).texts:
        family, _, name = key.partition(".")
        if family == "rating":
            yield f"rating_{name}", _asked(settings, Asked(RatingScale(name=name), 3.0, 0.9))
    pain = RatingScale(name="pain")
    yield "rating_moved", _asked(settings, Asked(pain, 6.0, 0.5, moved=True))
    yield "rating_answered", _asked(settings, Asked(pain, 6.0, 0.4, moved=True, answered=True))
    yield "rating_numbers", _asked(settings, Asked(RatingScale(name="pain", numbers=True), 4.0, 0.6, moved=True))
    yield "rating_fine", _asked(settings, Asked(RatingScale(name="unpleasantness", high=100.0, step=0.5), 71.5, 0.6, moved=True))


def _asked(settings: DisplaySettings, asked: Asked) -> Moment:
    return Moment(Look("rating", asked=asked), settings)


def _states(settings: DisplaySettings) -> Iterator[tuple[str, Moment]]:
    """A view's states in the regulation block, and what a score of intermittent feedback looks like."""
    yield "neutral", Moment(Look("block", REGULATE, 0), settings)
    for name, value in (("low", -1.0), ("middle", 0.0), ("high", 1.0)):
        yield name, _valued(settings, value)
    held = _valued(settings, 0.6)
    yield "held", replace(held, look=replace(held.look, value_state="held"), outline=1.0)
    yield "resting", Moment(Look("block", REGULATE, 0, value_state="stale", resting=True), settings)
    yield "easing", replace(_valued(settings, 0.3), presence=0.5)
    score = Look("block", Block(SHOW, 0.0, 6.0, "other"), 0, value_state="fresh", value=0.5, index=3)
    yield "score", Moment(score, settings, True, 0.5, 1.0)


def _valued(settings: DisplaySettings, value: float) -> Moment:
    trace = tuple((2.0 * step, value * (step / 15) ** 2 + 0.4 * math.sin(0.5 * step) * (1.0 - step / 15)) for step in range(1, 16))
    return Moment(Look("block", REGULATE, 0, value_state="fresh", value=value, index=3, trace=trace), settings, True, value, 1.0)
