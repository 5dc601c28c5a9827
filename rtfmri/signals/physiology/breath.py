"""Breaths of a belt's trace, the respiratory phase, and the volume breathed per time.

Phase: Glover et al. 2000 (MRM 44:162-167), pi times the share of samples that lie below the present depth, positive while breathing in and
negative while breathing out. (Their histogram of 100 bins is that share; here every sample is its own bin.) The share is among the last
``BREATHS`` breaths and what came after them, not of the whole run: so the terms' mean over a breath stays zero when breathing grows deeper.
With a longer memory they have a mean that goes with depth, and where breathing is locked to the task that becomes regulation (-0.13 % of
signal in a simulation with one minute, -0.05 % with two breaths). Where the chest hardly moves there is no phase, and the terms are zero.

Volume per time: depth over period of each breath (Birn et al. 2006, NeuroImage 31:1536-1548), from top to top and from bottom to bottom,
placed at its middle, straight lines between. A breath is known once it is over: the measure is one breath late at most, mostly half of one.
What came after the last complete breath is taken to be like it; when its time is over, its depth is divided by the time that has passed,
so a held breath goes to zero as it goes on.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.signals.physiology.smooth import half_width, moving_mean
from rtfmri.volume import Array

SMOOTH_S = 0.25  # twice
SLOPE_S = 0.2  # to either side of the moment
TURN = 0.15  # of the last minute's range (5th to 95th percentile): a smaller turn is no breath
STILL = 0.1  # of that range: what moves less over ``STILL_S`` has no phase
STILL_S = 6.0
BREATHS = 2  # behind the phase
NO_BREATH_S = 45.0  # nobody holds the breath as long within a task
ROUGH_S = 0.2
ROUGHEST = 0.5  # von Neumann's ratio over ``ROUGH_S``: 1 for noise, 0.07 for a breath of 0.3 Hz
FEWEST = 3  # turns that make breathing

Turns = tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]


def smoothed(values: Array, rate_hz: float) -> Array:
    half = half_width(SMOOTH_S, rate_hz)
    result: Array = moving_mean(moving_mean(values, half), half)
    return result


def usual_range(ordered: Array) -> float:
    """From the 5th to the 95th percentile of values in increasing order."""
    last = len(ordered) - 1
    return float(ordered[int(0.95 * last)] - ordered[int(0.05 * last)])


@kernel
def turns_of(smooth: Array, least: float) -> Turns:
    """Places (E,) of tops and bottoms in turn, and whether each is a top (E,); each is followed by a turn of ``least``."""
    places = np.empty(smooth.size + 1, np.intp)
    tops = np.empty(smooth.size + 1, np.bool_)
    count, direction, high, low = 0, 0, 0, 0
    for i in range(smooth.size):
        if smooth[i] > smooth[high]:
            high = i
        if smooth[i] < smooth[low]:
            low = i
        if direction >= 0 and smooth[high] - smooth[i] > least:
            places[count], tops[count] = high, True
            count += 1
            direction, low = -1, i
        elif direction <= 0 and smooth[i] - smooth[low] > least:
            places[count], tops[count] = low, False
            count += 1
            direction, high = 1, i
    return places[:count], tops[:count]


def why_no_breathing(values: Array, places: npt.NDArray[np.intp], rate_hz: float) -> str:
    """Why this stretch holds no breathing; empty where it does."""
    lag = max(1, int(ROUGH_S * rate_hz))
    spread = float(values.var())
    steps = values[lag:] - values[:-lag]
    if spread <= 0.0 or float((steps * steps).mean()) > 2.0 * ROUGHEST * spread:
        return "no breathing is seen in it, only noise"
    if len(places) < FEWEST or (len(values) - 1 - int(places[-1])) / rate_hz > NO_BREATH_S:
        return "no breath is seen in it"
    return ""


def respiratory_phase(first_s: float, smooth: Array, rate_hz: float, turns: Turns, still: float, moments_s: Array) -> Array:
    """Phase in rad, -pi ... pi, 0 breathed out, (M,); NaN where the chest is still. ``moments_s`` increase and lie within the stretch."""
    places = np.clip((moments_s - first_s) * rate_hz, 0.0, len(smooth) - 1.0)
    around = smooth[max(0, int(places[-1] - STILL_S * rate_hz)) : int(places[-1]) + 2]
    if float(around.max() - around.min()) <= still:
        return np.full(len(moments_s), np.nan)
    every: Array = np.arange(len(smooth), dtype=np.float64)
    reach = SLOPE_S * rate_hz  # at an end np.interp keeps to it, and the side that is there serves
    rise = np.interp(places + reach, every, smooth) - np.interp(places - reach, every, smooth)
    recent = np.sort(smooth[turns[0][-2 * BREATHS - 1] if len(turns[0]) > 2 * BREATHS else 0 :])
    shares = np.searchsorted(recent, np.interp(places, every, smooth)) / len(recent)
    phases: Array = np.copysign(math.pi * shares, rise)
    return phases


def volume_per_time(first_s: float, smooth: Array, rate_hz: float, turns: Turns, at_s: Array) -> Array:
    """Depth per second (T,), in the belt's units, at ``at_s``; NaN before the first complete breath."""
    places, _ = turns
    if len(places) < FEWEST:
        return np.full(len(at_s), np.nan)
    times_s, levels = first_s + places / rate_hz, smooth[places]
    depths = np.abs(levels[1:-1] - 0.5 * (levels[:-2] + levels[2:]))
    periods_s = times_s[2:] - times_s[:-2]
    rates = np.interp(at_s, 0.5 * (times_s[2:] + times_s[:-2]), depths / periods_s, left=np.nan)
    passed_s = at_s - times_s[-2]  # since the breath began that is not complete yet
    overdue = passed_s > periods_s[-1]
    rates[overdue] = depths[-1] / passed_s[overdue]
    return rates
