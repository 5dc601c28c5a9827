"""The study's measure, of one volume and of one block."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.paradigm import EPSILON_S
from rtfmri.signals.compare import Comparison, Model
from rtfmri.signals.measures.answer import Answer
from rtfmri.signals.measures.correlation import above_centre, correlate
from rtfmri.signals.measures.function import Ask, what_is_seen
from rtfmri.signals.measures.zscore import z_score
from rtfmri.signals.plan import SignalPlan
from rtfmri.study.signal import Correlation, UserFunction, ZScore
from rtfmri.volume import Array


def of_volume(
    plan: SignalPlan, current: Model, index: int, baseline: range, single: Comparison, smooth: Comparison, ask: Ask | None
) -> Answer:
    """The measure after volume ``index``, which is in the fit; ``single`` and ``smooth``: alone and filtered, against ``baseline``."""
    rule = plan.measure
    if isinstance(rule, UserFunction):
        if ask is None:
            return Answer(None, why="there is nobody to call the study's function", held=True)
        return ask(what_is_seen(plan, current, index, baseline, single, smooth))
    if isinstance(rule, Correlation):
        first = max(0, index + 1 - math.floor(rule.window_s / plan.tr_s + EPSILON_S))
        return correlate(current, np.flatnonzero(current.observations.used[first : index + 1]) + first, _pair(plan, rule))
    return _weighted_sum(plan, current, index, smooth)


def of_block(plan: SignalPlan, current: Model, index: int, volumes: npt.NDArray[np.intp], mean: Comparison, answers: Array) -> Answer:
    """The measure over a block's ``volumes``; ``mean``: theirs against the baseline; ``answers`` (N,): the user's function's, or NaN."""
    rule = plan.measure
    if isinstance(rule, UserFunction):
        given = answers[volumes][np.isfinite(answers[volumes])]
        return Answer(float(given.sum() / len(given)), needs_se=False) if len(given) else Answer(None)
    if isinstance(rule, Correlation):
        return correlate(current, volumes, _pair(plan, rule))
    return _weighted_sum(plan, current, index, mean)


def feedback_of(plan: SignalPlan, value: float) -> float:
    """A value of the measure in parts of the range, held to -1 ... 1."""
    above = above_centre(value, plan.centre) if isinstance(plan.measure, Correlation) else value - plan.centre
    return clamped(above, plan.full_range)


def clamped(value: float, full_range: float) -> float:
    """A value in parts of the range, held to -1 ... 1."""
    return min(1.0, max(-1.0, value / full_range))


def _weighted_sum(plan: SignalPlan, current: Model, index: int, comparison: Comparison) -> Answer:
    rule = plan.measure
    if isinstance(rule, ZScore):
        closed = tuple(window for window in plan.baselines if window.stop <= index)
        return z_score(current, comparison, closed, rule.sd_floor_percent)
    return Answer(comparison.values[-1] + plan.offset, comparison.errors[-1])


def _pair(plan: SignalPlan, rule: Correlation) -> tuple[int, int]:
    return plan.roi_names.index(rule.rois[0]), plan.roi_names.index(rule.rois[1])
