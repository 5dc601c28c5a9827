"""One volume in, one reading out: the streaming regulation value.

The rules. Every volume number comes exactly once, in order, missing ones included. Flagged, missing, paused and dummy volumes stay out of
the fit, the baseline, the average and the score. A value is ``settled`` when its baseline window has closed, enough volumes are in
the fit and its standard error is small enough; it stays settled until the error is half as large again (or the next rest's window
opens), so that a participant's shape does not flicker. Only a settled value becomes feedback. A block's score is computed once, with the
coefficients of the volume at which its window closes, and then stands still. Volumes beyond the planned ones give their raw values and
nothing else: the memory of a run is fixed when it starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rtfmri.signals import glm
from rtfmri.signals.compare import Comparison, Model, cleaned, compare, model, weighting
from rtfmri.signals.noise import MINIMUM_DOF
from rtfmri.signals.plan import MOTION_PARAMETERS, SignalPlan
from rtfmri.signals.rois import roi_mean
from rtfmri.signals.windows import baseline_at, is_open

STAYS_SETTLED = 1.5  # times the limit


@dataclass(frozen=True)
class Sample:
    """What the pipeline measured of volume ``index`` (0-based)."""

    index: int
    raw: tuple[float, ...] | None  # ROI means in the order of plan.roi_names; None: the volume is missing
    motion: tuple[float, ...] | None = None  # trans_x, trans_y, trans_z in mm, rot_x, rot_y, rot_z in rad
    flagged: bool = False
    paused: bool = False


@dataclass(frozen=True)
class RoiValue:
    """Scanner units for ``raw`` and ``cleaned``, percent for ``psc`` and its standard error; None where not known."""

    raw: float
    cleaned: float | None = None
    psc: float | None = None
    se: float | None = None


@dataclass(frozen=True)
class Score:
    """Mean regulation over a finished block's window, percent; ``block`` is its number in the paradigm's blocks."""

    block: int
    value: float
    se: float | None


@dataclass(frozen=True)
class Reading:
    """What is known after a volume. ``rois`` follow plan.roi_names; they are empty where the volume is missing or a mean is no number."""

    index: int
    rois: tuple[RoiValue, ...]
    regulation: float | None = None
    regulation_se: float | None = None
    score: float | None = None
    score_se: float | None = None
    score_block: int | None = None
    feedback: float | None = None  # regulation in parts of the range, -1 ... 1; None where it is not valid
    settled: bool = False
    why: str = ""  # a sentence for the operator where it is not settled


@dataclass(frozen=True, eq=False)
class SignalState:
    """After ``count`` volumes. ``update`` fills ``observations`` in place: of a state that was updated only the new one may be used."""

    count: int
    observations: glm.Observations
    score: Score | None = None
    settled: bool = False  # the last value that could be judged was


def start(plan: SignalPlan) -> SignalState:
    """The state before the first volume, with room for all planned ones."""
    return SignalState(0, glm.room_for(len(plan.design), len(plan.roi_names), plan.planned_volumes))


def update(plan: SignalPlan, state: SignalState, sample: Sample) -> tuple[SignalState, Reading]:
    """The state and the reading after the next volume.

    Raises
    ------
    ValueError : the volume is not the next one, or its values are not as many as the regions (a bug of the caller).
    """
    if sample.index != state.count:
        raise ValueError(f"volume {sample.index} came where {state.count} was expected")
    if sample.raw is not None and len(sample.raw) != len(plan.roi_names):
        raise ValueError(f"{len(sample.raw)} values came for {len(plan.roi_names)} regions")
    why = _why_not_used(plan, sample)
    stored = sample.index < plan.planned_volumes and _store(plan, state.observations, sample)
    if stored and not why:
        glm.absorb(state.observations, sample.index)
    current = _model(plan, state.observations, sample.index)
    score = _score(plan, state, current)
    limit_percent = plan.settled_se_percent * (STAYS_SETTLED if state.settled else 1.0)
    reading = _with_score(_reading(plan, sample, current, stored, why, limit_percent), score)
    settled = state.settled if why else reading.settled
    return replace(state, count=state.count + 1, score=score, settled=settled), reading


def _why_not_used(plan: SignalPlan, sample: Sample) -> str:
    """Why this volume stays out of everything; empty where it is in."""
    reasons = (
        (sample.raw is None, "the volume is missing"),
        (sample.index >= plan.planned_volumes, "the run is longer than its planned volumes; the values end with them"),
        (sample.index < plan.dummies, "dummy volume"),
        (sample.paused, "paused"),
        (sample.flagged, "the volume is flagged"),
        (not _finite(sample.raw), "a region has no usable values in this volume"),
        (_row_motion(plan, sample) is None, "there is no motion estimate for this volume"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _finite(values: tuple[float, ...] | None) -> bool:
    return values is not None and all(math.isfinite(value) for value in values)


def _row_motion(plan: SignalPlan, sample: Sample) -> tuple[float, ...] | None:
    """What fills the motion columns; None where they need an estimate and there is none."""
    if plan.motion.start == plan.motion.stop:
        return ()
    usable = _finite(sample.motion) and sample.motion is not None and len(sample.motion) == MOTION_PARAMETERS
    return sample.motion if usable else None


def _store(plan: SignalPlan, observations: glm.Observations, sample: Sample) -> bool:
    """Keep the volume's design row and values; False where one of them is not known."""
    motion = _row_motion(plan, sample)
    if sample.raw is None or not _finite(sample.raw) or motion is None:
        return False
    row = plan.design[:, sample.index].copy()
    row[plan.motion] = motion
    glm.note(observations, sample.index, row, np.array(sample.raw))
    return True


def _model(plan: SignalPlan, observations: glm.Observations, index: int) -> Model | None:
    """What the volumes so far say; None while none is in the fit, or where a region's mean is not above zero."""
    volumes = int(observations.used.sum())
    if volumes == 0 or not (observations.sums[len(plan.design) :] > 0.0).all():
        return None
    fit = glm.solve(observations, plan.active_from <= index, volumes)
    return model(observations, fit, plan.nuisance, plan.roi_weights, min(index + 1, plan.planned_volumes))


def _used(observations: glm.Observations, volumes: range, index: int) -> npt.NDArray[np.intp]:
    """Those of ``volumes`` up to ``index`` that are in the fit."""
    stop = min(volumes.stop, index + 1)
    return np.flatnonzero(observations.used[volumes.start : stop]) + volumes.start


def _compare(current: Model, index: int, measured: npt.NDArray[np.intp], baseline: range) -> Comparison | None:
    """``measured`` against the baseline's volumes; None where one of them has no volume."""
    used = current.observations.used
    reference = _used(current.observations, baseline, index)
    if not len(measured) or not len(reference):
        return None
    return compare(current, weighting(min(index + 1, len(used)), measured, reference))


def _reading(plan: SignalPlan, sample: Sample, current: Model | None, stored: bool, why: str, limit_percent: float) -> Reading:
    index = sample.index
    raw = tuple(RoiValue(float(value)) for value in sample.raw) if sample.raw is not None and _finite(sample.raw) else ()
    if current is None or not stored:
        return Reading(index, raw, why=why or "a region's mean is not above zero")
    clean = cleaned(current.observations, current.fit, plan.nuisance, index)
    rois = tuple(RoiValue(value.raw, float(level)) for value, level in zip(raw, clean, strict=True))
    baseline = baseline_at(plan.baselines, index)
    single = None if baseline is None else _compare(current, index, np.array([index]), baseline)
    if baseline is None or single is None:
        return Reading(index, rois, why=why or _why_no_baseline(baseline))
    rois = tuple(replace(roi, psc=psc, se=se) for roi, psc, se in zip(rois, single.psc, single.se, strict=True))
    if why:
        return Reading(index, rois, why=why)
    latest = _used(current.observations, range(max(0, index + 1 - plan.smooth_volumes), index + 1), index)
    smooth = _compare(current, index, latest, baseline)
    assert smooth is not None  # the volume itself is in the average
    return _settled(plan, Reading(index, rois, smooth.regulation, smooth.regulation_se), current.fit.dof, limit_percent)


def _why_no_baseline(baseline: range | None) -> str:
    return "the first rest is not over" if baseline is None else "the rest before this has no usable baseline volume"


def _settled(plan: SignalPlan, reading: Reading, dof: int, limit_percent: float) -> Reading:
    """The reading with its verdict and, where that is good, its feedback."""
    regulation, error = reading.regulation, reading.regulation_se
    if is_open(plan.baselines, reading.index):
        why = "the baseline of this rest is being measured"
    elif error is None:
        why = f"only {dof} volumes more than the model needs; {MINIMUM_DOF} give the first standard error"
    elif error > limit_percent:
        why = f"the standard error is still {error:.2g} %, above {limit_percent:g} %"
    else:
        return replace(reading, settled=True, feedback=clamped(regulation, plan.range_percent))
    return replace(reading, why=why)


def clamped(percent: float | None, range_percent: float) -> float | None:
    """A value in parts of the range, held to -1 ... 1; also for a block's score."""
    return None if percent is None else min(1.0, max(-1.0, percent / range_percent))


def _score(plan: SignalPlan, state: SignalState, current: Model | None) -> Score | None:
    """The latest finished block's score: new where its window has just closed, else the one that stands."""
    index = state.count
    window = next((window for window in reversed(plan.scores) if index in window.shown), None)
    if window is None:
        return None
    if index > window.shown.start:
        return state.score
    if current is None:
        return None
    volumes = _used(current.observations, window.volumes, index)
    result = _compare(current, index, volumes, window.baseline)
    return None if result is None else Score(window.block, result.regulation, result.regulation_se)


def _with_score(reading: Reading, score: Score | None) -> Reading:
    if score is None:
        return reading
    return replace(reading, score=score.value, score_se=score.se, score_block=score.block)


def warm_up() -> None:
    """Compile every kernel, so that the first volume does not wait for it."""
    roi_mean(np.ones(2), np.ones(2))
    volumes = 2 * MINIMUM_DOF
    observations = glm.room_for(3, 1, volumes)
    for index in range(volumes):  # a column without anything, so that leaving one out is compiled too
        glm.note(observations, index, np.array([1.0, 0.0, float(index)]), np.array([float(1 + index % 3)]))
        glm.absorb(observations, index)
    nuisance = np.array([False, True, True])
    fit = glm.solve(observations, np.ones(3, dtype=np.bool_), volumes)
    compare(model(observations, fit, nuisance, np.ones(1), volumes), weighting(volumes, np.array([2]), np.array([0])))
