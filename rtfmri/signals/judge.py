"""From the model of the volumes so far to a reading: which values there are, whether they are settled, what is shown, the block's score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from rtfmri.signals.compare import Comparison, Model, cleaned, compare, compare_fitted, weighting
from rtfmri.signals.measures.answer import Answer
from rtfmri.signals.measures.choose import clamped, feedback_of, of_block, of_volume
from rtfmri.signals.measures.function import Ask
from rtfmri.signals.noise import MINIMUM_DOF
from rtfmri.signals.plan import SignalPlan
from rtfmri.signals.reading import Reading, RoiValue, Sample, Score
from rtfmri.signals.windows import baseline_at, is_open
from rtfmri.study.signal import Unit, measure_unit
from rtfmri.volume import Array

SIGNS: dict[Unit, str] = {"percent": " %", "z": "", "r": "", "decision": "", "value": ""}


def reading_of(plan: SignalPlan, sample: Sample, current: Model | None, weights: Array, why: str, limit: float, ask: Ask | None) -> Reading:
    """What is known of the volume. ``weights`` (n,): the filter's; ``why``: it is not in the fit; ``limit``: of the standard error."""
    index = sample.index
    raw = tuple(RoiValue(float(value)) for value in sample.raw or ())
    if current is None:
        return Reading(index, raw, why=why or "a region's mean is not above zero")
    clean = cleaned(current, np.array([index]))[:, 0]
    rois = tuple(RoiValue(value.raw, float(level)) for value, level in zip(raw, clean, strict=False))
    baseline = baseline_at(plan.baselines, index)
    single = None if baseline is None else against(current, index, np.array([index]), baseline)
    if baseline is None or single is None:
        return Reading(index, rois, why=why or _why_no_baseline(baseline))
    rois = tuple(replace(roi, psc=psc, se=se) for roi, psc, se in zip(rois, single.psc, single.se, strict=False))
    if why:
        return Reading(index, rois, why=why)
    w = weights.copy()
    reference = used_of(current, baseline, index)
    w[reference] -= 1.0 / len(reference)
    smooth = compare(current, w)
    answer = of_volume(plan, current, index, baseline, single, smooth, ask)
    regulation, error = smooth.values[0], smooth.errors[0]
    values = Reading(
        index, rois, regulation, error, value=answer.value, value_se=answer.se, late=answer.late, control_feedback=control_of(plan, smooth)
    )
    return _settled(plan, values, answer, current.dof, limit)


def control_of(plan: SignalPlan, comparison: Comparison) -> float | None:
    """The control combination in parts of the range, held to -1 ... 1; None where there is none."""
    if not plan.control_weights:
        return None
    percent = sum(weight * psc for weight, psc in zip(plan.control_weights, comparison.psc, strict=False))
    return clamped(percent, plan.full_range)


def used_of(current: Model, volumes: range, index: int) -> npt.NDArray[np.intp]:
    """Those of ``volumes`` up to ``index`` that are in the fit."""
    return np.flatnonzero(current.observations.used[volumes.start : min(volumes.stop, index + 1)]) + volumes.start


def against(current: Model, index: int, measured: npt.NDArray[np.intp], baseline: range) -> Comparison | None:
    """The mean of the volumes ``measured`` against the baseline's; None where one of them has no volume."""
    reference = used_of(current, baseline, index)
    if not len(measured) or not len(reference):
        return None
    return compare(current, weighting(min(index + 1, len(current.observations.used)), measured, reference))


def _why_no_baseline(baseline: range | None) -> str:
    return "the first rest is not over" if baseline is None else "the rest before this has no usable baseline volume"


def _settled(plan: SignalPlan, reading: Reading, answer: Answer, dof: int, limit: float) -> Reading:
    """The reading with its verdict and, where that is good, its feedback."""
    error = answer.se if answer.needs_se else reading.regulation_se
    sign = SIGNS[measure_unit(plan.signal)]
    if is_open(plan.baselines, reading.index):
        why = "the baseline of this rest is being measured"
    elif answer.value is None:
        return replace(reading, why=answer.why, held=answer.why if answer.held else "")
    elif error is None:
        why = f"only {dof} volumes more than the model needs; {MINIMUM_DOF} give the first standard error"
    elif answer.needs_se and error > limit:
        why = f"the standard error is still {error:.2g}{sign}, above {limit:g}{sign}"
    else:
        return replace(reading, settled=True, feedback=feedback_of(plan, answer.value))
    return replace(reading, why=why)


def score_of(plan: SignalPlan, index: int, standing: Score | None, current: Model | None, answers: Array) -> Score | None:
    """The latest finished block's score: new where its window has just closed, else the one that stands."""
    window = next((window for window in reversed(plan.scores) if index in window.shown), None)
    if window is None:
        return None
    if index > window.shown.start:
        return standing
    if current is None:
        return None
    volumes = used_of(current, window.volumes, index)
    mean = _block_mean(plan, current, index, volumes, window.baseline)
    answer = Answer(None) if mean is None else of_block(plan, current, index, volumes, mean, answers)
    return (
        None
        if answer.value is None
        else Score(window.block, answer.value, answer.se, feedback_of(plan, answer.value), None if mean is None else control_of(plan, mean))
    )


def _block_mean(plan: SignalPlan, current: Model, index: int, volumes: npt.NDArray[np.intp], baseline: range) -> Comparison | None:
    """The block's ``volumes`` against its baseline, as the study wants it: as fitted (where that can be), or as measured."""
    measured = against(current, index, volumes, baseline)
    if measured is None or plan.signal.score == "window":
        return measured
    w = weighting(min(index + 1, plan.planned_volumes), volumes, used_of(current, baseline, index))
    return compare_fitted(current, w) or measured


def with_score(reading: Reading, score: Score | None) -> Reading:
    if score is None:
        return reading
    return replace(
        reading,
        score=score.value,
        score_se=score.se,
        score_block=score.block,
        score_feedback=score.feedback,
        control_score_feedback=score.control_feedback,
    )
