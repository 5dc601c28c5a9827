"""Ways from the same volumes to regulation values and block scores: the pipeline's own, and what others do.

All but the pipeline's own start from what it measured: the regions' means at the moved (or, without realignment, unmoved) places, its
motion, its flags. Those that have flags are given the pipeline's, to their favour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from bench_phantom_runs import Measured
from bench_signal_alternatives import block_differences, ema_series, opennft_series
from bench_signal_truth import Course, offline_scores

from rtfmri.messages import VolumeMessage
from rtfmri.signals.plan import SignalPlan, plan_signal
from rtfmri.signals.reading import Reading, Sample
from rtfmri.signals.stream import start, update
from rtfmri.signals.windows import baseline_at

AVERAGE = 3  # volumes


@dataclass(frozen=True, eq=False)
class Found:
    """Of one run and way: ``values`` (N,) and ``scores`` (B,) in percent, NaN where there is none; standard errors where a way has them."""

    values: np.ndarray
    scores: np.ndarray
    values_se: np.ndarray
    scores_se: np.ndarray


def pipeline(run: Measured) -> Found:
    """As published: values of volumes that are `ok`."""
    return _collected(run, run.messages, [message.validity == "ok" for message in run.messages])


def without_motion_regression(run: Measured) -> Found:
    return _streamed(run, raw_of(run))


def without_realignment(run: Measured) -> Found:
    """The voxels stay where they were in the reference; the motion is not known, so it is no regressor."""
    return _streamed(run, run.unrealigned)


def ema(run: Measured) -> Found:
    return _from_series(run, ema_series(run.setup.plan, course_of(run)))


def opennft(run: Measured) -> Found:
    return _from_series(run, opennft_series(run.setup.plan, course_of(run)))


def offline(run: Measured) -> Found:
    """numpy's fit of the whole run: no values for volumes."""
    scores = offline_scores(run.setup.plan, course_of(run))
    return Found(np.full(run.setup.planned, np.nan), scores, np.full(run.setup.planned, np.nan), np.full(len(scores), np.nan))


WAYS = {
    "rtfmri, defaults": pipeline,
    "no motion regression": without_motion_regression,
    "no realignment": without_realignment,
    "EMA detrending, alpha .98": ema,
    "OpenNFT's order of steps": opennft,
    "offline GLM of the whole run": offline,
}


def raw_of(run: Measured) -> np.ndarray:
    """(N, K): the regions' means as the pipeline measured them."""
    means = np.full((run.setup.planned, len(run.setup.rois)), np.nan)
    for message in run.messages:
        if message.rois:
            means[message.index] = [roi.raw for roi in message.rois.values()]
    return means


def motion_of(message: VolumeMessage) -> tuple[float, ...]:
    return (0.0,) * 6 if message.motion is None else (*message.motion.trans_mm, *message.motion.rot_rad)


def course_of(run: Measured) -> Course:
    """What the pipeline measured, as the benchmarks at signal level have a run."""
    raw = raw_of(run)
    plan, n = run.setup.plan, run.setup.planned
    gone = frozenset(np.flatnonzero(np.isnan(raw).any(axis=1)).tolist())
    percent = np.where(np.isnan(raw), 0.0, 100 * (raw / np.nanmean(raw[plan.dummies :], axis=0) - 1))
    motion = np.array([motion_of(message) for message in run.messages])
    flagged = frozenset(message.index for message in run.messages if message.flagged)
    return Course(percent, motion, np.zeros((n, 0)), np.zeros((n, 0)), run.amplitudes, run.truth.regulation, gone, flagged)


def cleaned_noise_percent(run: Measured) -> np.ndarray:
    """(K,) SD of what the offline GLM leaves of each region."""
    course, plan = course_of(run), run.setup.plan
    design = plan.design.T.copy()
    design[:, plan.motion] = course.motion
    good = [t for t in range(plan.dummies, len(design)) if t not in course.missing | course.flagged]
    left = course.percent[good] - design[good] @ np.linalg.lstsq(design[good], course.percent[good], rcond=None)[0]
    sd: np.ndarray = np.sqrt((left**2).sum(axis=0) / (len(good) - design.shape[1]))
    return sd


def _streamed(run: Measured, raw: np.ndarray) -> Found:
    """The streaming model with drift as its only nuisance."""
    study = run.study.model_copy(update={"signal": run.study.signal.model_copy(update={"nuisance": ("drift",)})})
    plan = plan_signal(study, run.setup.blocks, run.setup.tr_s, run.setup.planned)
    state, readings = start(plan), []
    for message, values in zip(run.messages, raw, strict=True):
        sample = Sample(message.index, None if np.isnan(values).any() else tuple(values.tolist()), flagged=message.flagged)
        state, reading = update(plan, state, sample)
        readings.append(reading)
    return _collected(run, readings, [reading.settled for reading in readings])


def _collected(run: Measured, readings: list[VolumeMessage] | list[Reading], good: list[bool]) -> Found:
    plan = run.setup.plan
    nan = float("nan")
    values = np.array([[r.regulation, r.regulation_se] if ok else [nan, nan] for r, ok in zip(readings, good, strict=True)], dtype=float)
    scores = {r.score_block: (r.score, r.score_se) for r in readings if r.score_block is not None}
    of_blocks = np.array([scores.get(number, (nan, nan)) for number in plan.task_blocks], dtype=float)
    return Found(values[:, 0], of_blocks[:, 0], values[:, 1], of_blocks[:, 1])


def _from_series(run: Measured, series: np.ndarray) -> Found:
    """Values against the baseline before, averaged as ours are; of the volumes for which ours are `ok`."""
    plan, course = run.setup.plan, course_of(run)
    there = np.array([t not in course.missing for t in range(len(series))])
    values = np.full(len(series), np.nan)
    for message in run.messages:
        if message.validity == "ok":
            values[message.index] = _mean(series, there, recent(message.index)) - _mean(series, there, baseline_of(plan, message.index))
    none = np.full(len(plan.scores), np.nan)
    return Found(values, np.array(block_differences(plan, series, course)), np.full(len(series), np.nan), none)


def recent(index: int) -> range:
    """The volumes whose mean a value is."""
    return range(index - AVERAGE + 1, index + 1)


def baseline_of(plan: SignalPlan, index: int) -> range:
    window = baseline_at(plan.baselines, index)
    assert window is not None, "a value without a baseline"
    return window


def _mean(series: np.ndarray, there: np.ndarray, window: range) -> float:
    return float(np.mean([series[t] for t in window if there[t]]))
