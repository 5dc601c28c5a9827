"""The course of a study's run with made-up values, for its author: messages and when to send them. Pure.

A display knows nothing of speeds. So all times of the course are divided by ``speed`` before they are told: TR, blocks, questions, trials
and the waits after which a value counts as old (these not below ``LEAST_WAIT_S``, as a computer's own delays do not shrink). There is no
scanner, so there is no trigger: the volumes set the display's clock. There is no button box either: where the study's is a serial one, the
keys that a display knows by itself stand in.

Values are made up and say so: the study is called "(preview)", the participant is ``sub-preview``, and each volume's ``why`` tells it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from rtfmri import __version__
from rtfmri.messages import (
    BlockInfo,
    ButtonSettings,
    DisplaySettings,
    Entities,
    Message,
    RoiInfo,
    RunKind,
    RunStart,
    RunStop,
    VolumeMessage,
)
from rtfmri.paradigm import Block, block_number_of, planned_volumes
from rtfmri.study import Study
from rtfmri.study.signal import full_range, measure_unit

MADE_UP = "made up for a preview; nothing was measured"
ASSUMED_TR_S = 1.0  # where the study gives none
LEAST_WAIT_S = 1.5
LEAD_S = 3.0  # armed, before the first volume: "We are about to begin"
AFTER_S = 2.0
HELD = 3  # volumes in a row of the last regulation block that are held, so that their look is seen
SHOWS_SCORE = ("wait", "show")


@dataclass(frozen=True)
class Timed:
    """``message`` is due ``at_s`` after the preview's begin."""

    at_s: float
    message: Message


@dataclass(frozen=True)
class Course:
    """What is previewed: the study's run of ``kind`` with its blocks as they are in the scanner."""

    study: Study
    kind: RunKind
    tr_s: float
    blocks: tuple[Block, ...]
    speed: float

    @property
    def volumes(self) -> int:
        return planned_volumes(self.blocks, self.tr_s)

    @property
    def questions_s(self) -> float:
        """What the questions after the last block take at most, in the scanner."""
        return sum(rating.s for rating in self.study.rating if rating.at_end)

    @property
    def duration_s(self) -> float:
        """Of the run in the scanner."""
        return self.blocks[-1].end_s + self.questions_s


def course_of(study: Study, speed: float) -> Course:
    """The first feedback run of the study, as it shows most; else its first run."""
    kinds = [plan.kind for plan in study.run]
    tr_s = study.acquisition.tr_s or ASSUMED_TR_S
    return Course(study, "feedback" if "feedback" in kinds else kinds[0], tr_s, study.blocks(tr_s), speed)


def preview(course: Course, run_uid: str, now_unix_s: float) -> Iterator[Timed]:
    """Every message from run_start to run_stop, in order.

    Raises
    ------
    StudyError : a trial's picture cannot be read.
    """
    tr_s, speed = course.tr_s / course.speed, course.speed
    yield Timed(0.0, _run_start(course, run_uid, now_unix_s))
    # without Confirmed: there is no grid to confirm, and TR and blocks stand in run_start
    values = [_value(course, index) for index in range(course.volumes)]
    for index in range(course.volumes):
        yield Timed(LEAD_S + index * tr_s, _volume(course, index, values))
    counts = {"planned": course.volumes, "received": course.volumes}
    end_s = LEAD_S + course.volumes * tr_s + course.questions_s / speed + AFTER_S
    yield Timed(end_s, RunStop(exit_status="completed", reason="the preview is over", counts=counts, stopped_unix_s=now_unix_s + end_s))


def settings_at(settings: DisplaySettings, speed: float) -> DisplaySettings:
    """The display's settings with its times divided by ``speed``, without a trigger or a serial button box."""
    ratings = tuple(scale.model_copy(update={"s": scale.s / speed}) for scale in settings.ratings)
    trials = tuple(trial.model_copy(update={"s": None if trial.s is None else trial.s / speed}) for trial in settings.trials)
    trigger = settings.trigger.model_copy(update={"kind": "none"})
    buttons = settings.buttons if settings.buttons.kind == "keyboard" else _keys(settings.buttons)
    return settings.model_copy(update={"ratings": ratings, "trials": trials, "trigger": trigger, "buttons": buttons})


def _keys(box: ButtonSettings) -> ButtonSettings:
    """Keys for a serial box's buttons; where it has none to confirm, neither have they."""
    keys = ButtonSettings(debounce_s=box.debounce_s)
    return keys if box.confirm else keys.model_copy(update={"confirm": ()})


def _run_start(course: Course, run_uid: str, now_unix_s: float) -> RunStart:
    study, speed = course.study, course.speed
    return RunStart(
        software=f"rtfmri {__version__} preview",
        study=f"{study.study.name} (preview)",
        entities=Entities(sub="preview", task=study.task),
        run_kind=course.kind,
        run_uid=run_uid,
        started_unix_s=now_unix_s,
        tr_s=course.tr_s / speed,
        dummies=study.acquisition.dummies,
        planned_volumes=course.volumes,
        blocks=_blocks(course),
        rois=_rois(study),
        range_percent=full_range(study.signal),
        measure=study.signal.measure.kind,
        unit=measure_unit(study.signal),
        display=settings_at(study.display_settings(), speed),
        fd_hold_mm=study.quality.fd_hold_mm,
        stale_after_s=_stale_after_s(course),
        pause_after_s=max(LEAST_WAIT_S, study.quality.pause_after_s / speed),
    )


def _volume(course: Course, index: int, values: list[float]) -> VolumeMessage:
    number = block_number_of(course.blocks, index, course.tr_s)
    block = None if number is None else course.blocks[number]
    held = index in _held(course)
    valued = course.kind == "feedback" and block is not None and block.role != "dummy" and not held
    if course.study.display.feedback == "intermittent":
        valued = valued and block is not None and block.name in SHOWS_SCORE
        value = _score(course, number or 0, values)
    else:
        value = values[index]
    return VolumeMessage(
        index=index,
        condition=None if block is None else block.name,
        block=number,
        validity="held" if held else "ok",
        why=MADE_UP,
        acquired_s=index * course.tr_s / course.speed,
        feedback=value if valued else None,
    )


def _value(course: Course, index: int) -> float:
    """A response that comes up in a regulation block and goes back after it, and slow waves upon it: -1 ... 1."""
    t_s, rise = index * course.tr_s, 0.0
    for block in course.blocks:
        if block.role == "regulate":
            rise += _risen(t_s - block.onset_s) - _risen(t_s - block.end_s)
    waves = 0.25 * math.sin(2 * math.pi * t_s / 17.0) + 0.15 * math.sin(2 * math.pi * t_s / 6.3)
    return max(-1.0, min(1.0, 0.6 * rise + waves))


def _risen(since_s: float) -> float:
    return 1.0 - math.exp(-since_s / 6.0) if since_s > 0 else 0.0


def _score(course: Course, number: int, values: list[float]) -> float | None:
    """The mean over the last regulation block before block ``number``; None where there is none."""
    regulated = [block for block in course.blocks[:number] if block.role == "regulate"]
    if not regulated:
        return None
    within = [value for i, value in enumerate(values) if regulated[-1].onset_s <= i * course.tr_s < regulated[-1].end_s]
    return sum(within) / len(within) if within else None


def _held(course: Course) -> range:
    """In the middle of the last regulation block."""
    regulated = [block for block in course.blocks if block.role == "regulate"]
    if not regulated:
        return range(0)
    middle = round((regulated[-1].onset_s + regulated[-1].end_s) / 2 / course.tr_s)
    return range(middle, middle + HELD)


def _stale_after_s(course: Course) -> float:
    return max(LEAST_WAIT_S, course.study.stale_after_s(course.tr_s) / course.speed)


def _blocks(course: Course) -> tuple[BlockInfo, ...]:
    speed = course.speed
    return tuple(
        BlockInfo(name=block.name, onset_s=block.onset_s / speed, duration_s=block.duration_s / speed, role=block.role)
        for block in course.blocks
    )


def _rois(study: Study) -> tuple[RoiInfo, ...]:
    return tuple(RoiInfo(name=roi.name, weight=roi.weight, provisional=roi.is_provisional) for roi in study.roi)
