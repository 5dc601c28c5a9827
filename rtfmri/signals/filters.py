"""Filters of the value over volumes: average, exponential, Kalman with spikes cut. A filter is a weighting of the volumes.

The weights (n,) sum to 1 over volumes in the fit. The filtered value is then one comparison like any other, with current coefficients
throughout and its exact standard error; there is no filtered past that was computed with older coefficients.

* average: each of the valid ones among the last ``smooth_volumes``; it does not reach further back over a gap.
* ema: weights shrink by (1 - alpha) a volume, and over a gap by as many as its volumes; the newest has alpha.
* kalman: a random walk seen through noise, Q = 0.25 and R = 1 in units of the noise's variance, so that the gain settles at 0.39 and the
  lag at 1.6 volumes. A volume further than 2.3 SD from the estimate is a spike and left out, unless the one before it was one on the same
  side: then the signal has moved. (Koush et al. 2012, NeuroImage 59:478-489, as OpenNFT has it.) The SD is that of the noise of the run
  so far, as the series' own would hold the effect; before it is known nothing is cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rtfmri.signals.compare import Model, compare
from rtfmri.signals.plan import SignalPlan
from rtfmri.volume import Array

PROCESS = 0.25  # Q in units of R
SPIKE_SD = 2.3
NEGLIGIBLE = 1e-6


@dataclass(frozen=True, eq=False)
class Filtering:
    """``weights`` (N,) are filled in place. ``uncertainty``: the Kalman estimate's variance by R; ``spike``: the last one's side."""

    weights: Array
    latest: int = -1
    uncertainty: float = 1.0
    spike: float = 0.0


def room_to_filter(volumes: int) -> Filtering:
    """The filter before the first volume."""
    return Filtering(np.zeros(volumes))


def filtered(plan: SignalPlan, past: Filtering, current: Model, index: int) -> Filtering:
    """The filter after volume ``index``, which is in the fit."""
    if plan.signal.filter == "ema":
        return _ema(past, index, plan.signal.ema_alpha)
    if plan.signal.filter == "kalman":
        return _kalman(past, current, index)
    return _average(past, current, index, plan.signal.smooth_volumes)


def _average(past: Filtering, current: Model, index: int, volumes: int) -> Filtering:
    first = max(0, index + 1 - volumes)
    valid = np.flatnonzero(current.observations.used[first : index + 1]) + first
    past.weights[:] = 0.0
    past.weights[valid] = 1.0 / len(valid)
    return replace(past, latest=index)


def _ema(past: Filtering, index: int, alpha: float) -> Filtering:
    kept = 0.0 if past.latest < 0 else (1.0 - alpha) ** (index - past.latest)
    _shift(past.weights, kept, index)
    return replace(past, latest=index)


def _kalman(past: Filtering, current: Model, index: int) -> Filtering:
    if past.latest < 0:
        _shift(past.weights, 0.0, index)
        return replace(past, latest=index)
    predicted = past.uncertainty + PROCESS * (index - past.latest)
    side = _spike(past, current, index)
    if side != 0.0 and side != past.spike:
        return replace(past, latest=index, uncertainty=predicted, spike=side)
    gain = predicted / (predicted + 1.0)
    _shift(past.weights, 1.0 - gain, index)
    return replace(past, latest=index, uncertainty=(1.0 - gain) * predicted, spike=0.0)


def _spike(past: Filtering, current: Model, index: int) -> float:
    """+1 or -1 where the volume is too far above or below the estimate, else 0."""
    noise = current.noises[-1]
    if noise is None:
        return 0.0
    w = -past.weights[: index + 1]
    w[index] += 1.0
    innovation = compare(current, w).values[-1]
    return math.copysign(1.0, innovation) if abs(innovation) > SPIKE_SD * math.sqrt(noise.variance) else 0.0


def _shift(weights: Array, kept: float, index: int) -> None:
    """Shrink all weights to the part ``kept`` and give the rest to volume ``index``; what has become negligible goes to it too."""
    weights *= kept
    weights[weights < NEGLIGIBLE] = 0.0
    weights[index] = 0.0
    weights[index] = 1.0 - float(weights.sum())
