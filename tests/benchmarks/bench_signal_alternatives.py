"""Other ways to the same block scores, written from their publications, for comparison on the same runs. They see flagged volumes like any
other, as they have no flags; a volume that is missing is passed over.
"""

from __future__ import annotations

import numpy as np
from bench_signal_truth import Course

from rtfmri.signals.plan import SignalPlan

EMA_ALPHA = 0.98  # of the running mean that is subtracted
KALMAN_Q, SPIKE_SD = 0.25, 2.3
LAG_S = 6.0  # by which rest blocks are shifted for the response


def block_differences(plan: SignalPlan, values: np.ndarray, course: Course) -> list[float]:
    """Mean of ``values`` (N,) over each block's scoring window less that over its baseline window."""
    there = np.array([t not in course.missing for t in range(len(values))])
    mean = lambda window: float(np.mean([values[t] for t in window if there[t]]))  # noqa: E731
    return [mean(score.volumes) - mean(score.baseline) for score in plan.scores]


def ema_detrended(plan: SignalPlan, course: Course) -> list[float]:
    """The difference less its exponential running mean, block against rest."""
    return block_differences(plan, ema_series(plan, course), course)


def ema_series(plan: SignalPlan, course: Course) -> np.ndarray:
    """(N,) the detrended difference."""
    series = course.percent @ [0.5, -0.5]
    running, detrended = series[plan.dummies], np.zeros(len(series))
    for t in range(plan.dummies, len(series)):
        if t not in course.missing:
            running = EMA_ALPHA * running + (1 - EMA_ALPHA) * series[t]
            detrended[t] = series[t] - running
    return detrended


def opennft_order(plan: SignalPlan, course: Course) -> list[float]:
    """Koush et al. 2017, NeuroImage 156:489-503: each region's mean; a cumulative GLM (constant, linear trend, motion, one task regressor)
    whose nuisance is taken out of the newest volume only, which then stays as it is; the spike filter; percent against the last rest block.
    """
    return block_differences(plan, opennft_series(plan, course), course)


def opennft_series(plan: SignalPlan, course: Course) -> np.ndarray:
    """(N,) the difference of the regions' filtered values."""
    values: np.ndarray = np.column_stack([_frozen(plan, course, region) for region in range(2)]) @ [0.5, -0.5]
    return values


def _frozen(plan: SignalPlan, course: Course, region: int) -> np.ndarray:
    series = course.percent[:, region]
    volumes = len(series)
    nuisance = np.column_stack((np.linspace(-1, 1, volumes), course.motion / course.motion.std(axis=0)))
    task = plan.design[plan.tasks].sum(axis=0)
    design = np.column_stack((np.ones(volumes), task, nuisance))
    came = [t for t in range(plan.dummies, volumes) if t not in course.missing]
    detrended, filtered = np.zeros(volumes), np.zeros(volumes)
    kalman = _Kalman()
    for number, t in enumerate(came, start=1):
        past = came[:number]
        if number < 2 * design.shape[1]:  # a fit of so few volumes would only say what is not so: to their favour there is none
            detrended[t] = series[t]
        else:
            coefficients = np.linalg.lstsq(design[past], series[past], rcond=None)[0]
            detrended[t] = series[t] - (nuisance[t] - nuisance[past].mean(axis=0)) @ coefficients[2:]
        filtered[t] = kalman.step(detrended[t], float(np.std(detrended[past])) if number > 2 else 0.0)
    return filtered


class _Kalman:
    """The modified Kalman filter: a spike holds the estimate unless it is the second on its side."""

    def __init__(self) -> None:
        self.value, self.uncertainty, self.side = None, 1.0, 0.0

    def step(self, measured: float, sd: float) -> float:
        if self.value is None:
            self.value = measured
            return measured
        predicted = self.uncertainty + KALMAN_Q
        gain = predicted / (predicted + 1.0)
        innovation = measured - self.value
        side = float(np.sign(innovation)) if sd > 0 and abs(innovation) > SPIKE_SD * sd else 0.0
        if side and side != self.side:
            self.side = side
            return self.value
        self.side, self.uncertainty = side, (1 - gain) * predicted
        self.value += gain * innovation
        return self.value
