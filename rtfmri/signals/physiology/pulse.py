"""Beats of a pulse oximeter's trace, and the cardiac phase.

Beats after Elgendi et al. 2013 (PLoS ONE 8:e76585): where the squared, band-passed pulse is above its own mean over a beat for as long as
a systolic wave lasts, there is one beat; its time is the top of the smoothed trace, between values by a parabola. All averages are
centred, so there is no delay but one that is the same for every beat of a shape (a steep rise before a slow fall pulls the top on by up to
15 ms), which only turns the phase. A beat is known ``CONFIRM_S`` after its top. For a pulse oximeter; an ECG's T wave would count as a
beat.

Phase: Glover et al. 2000 (MRM 44:162-167), 2 pi times the part of the interval that has passed. Where the next beat had not come when the
volume was computed, the interval is taken as the median of the last ones, or as long as it has lasted, where that is more. An interval of
two or three medians is a beat or two that were not seen.
"""

from __future__ import annotations

import math

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.signals.physiology.smooth import half_width, moving_mean
from rtfmri.volume import Array

SYSTOLE_S = 0.111  # Elgendi's two windows, and how far above the mean counts
BEAT_S = 0.667
OFFSET = 0.02
SMOOTH_S = 0.07  # twice: passes up to about 5 Hz
BASELINE_S = 1.5
CONFIRM_S = 0.12
SHORTEST_S, LONGEST_S = 0.3, 2.0  # between beats: 200 and 30 a minute
RECENT = 7  # intervals behind a prediction
FEWEST = 4  # beats that make a pulse
STEADY = 0.5  # a pulse's intervals lie mostly within this part of their median


def beats_of(first_s: float, values: Array, rate_hz: float) -> Array:
    """Times (B,) of the beats in a stretch without gaps, in seconds, increasing."""
    if len(values) < 2 * BASELINE_S * rate_hz:
        return np.zeros(0)
    half = half_width(SMOOTH_S, rate_hz)
    smooth = moving_mean(moving_mean(values, half), half)
    band = np.maximum(smooth - moving_mean(smooth, half_width(BASELINE_S, rate_hz)), 0.0)
    power = band * band
    level = moving_mean(power, half_width(BEAT_S, rate_hz)) + OFFSET * float(power.mean())
    systole = moving_mean(power, half_width(SYSTOLE_S, rate_hz))
    confirm, apart = max(1, int(CONFIRM_S * rate_hz)), SHORTEST_S * rate_hz
    tops: Array = _tops(smooth, systole, level, max(2.0, SYSTOLE_S * rate_hz), apart, confirm)
    return first_s + tops / rate_hz


@kernel
def _tops(smooth: Array, systole: Array, level: Array, widest: float, apart: float, confirm: int) -> Array:
    """Places (B,) of the tops, in values and parts of them. Of two closer than ``apart`` the higher stays."""
    found = np.empty(smooth.size // 2 + 1)
    count = 0
    begin = -1
    for i in range(smooth.size):
        above = systole[i] > level[i]
        if above and begin < 0:
            begin = i
        if begin >= 0 and (not above or i == smooth.size - 1):
            top = begin + int(np.argmax(smooth[begin : i + 1]))
            if i - begin >= widest and top > 0 and top + confirm < smooth.size:
                if count == 0 or top - found[count - 1] >= apart:
                    found[count] = top
                    count += 1
                elif smooth[top] > smooth[int(found[count - 1])]:
                    found[count - 1] = top
            begin = -1
    for j in range(count):
        top = int(found[j])
        curve = smooth[top - 1] - 2.0 * smooth[top] + smooth[top + 1]
        if curve < 0.0:
            found[j] = top + 0.5 * (smooth[top - 1] - smooth[top + 1]) / curve
    return found[:count]


def why_no_pulse(beats: Array, end_s: float) -> str:
    """Why these beats are no pulse at ``end_s``, the end of the trace; empty where they are."""
    if len(beats) < FEWEST or end_s - beats[-1] > 2.0 * LONGEST_S:
        return "no pulse is seen in it"
    intervals = np.diff(beats[-3 * RECENT :])
    usual = _median(intervals)
    odd = np.abs(intervals / usual - 1.0) > STEADY
    if not SHORTEST_S <= usual <= LONGEST_S or 2 * int(odd.sum()) > len(intervals):
        return "its beats are too irregular to be a pulse"
    return ""


def cardiac_phase(beats: Array, moments_s: Array) -> Array:
    """Phase in rad, 0 at a beat, (M,) at ``moments_s``; NaN before the first beat. At least ``FEWEST`` beats."""
    intervals = np.diff(beats)
    usual = _median(intervals[-RECENT:])
    phases = np.full(len(moments_s), np.nan)
    for m, beat in enumerate((np.searchsorted(beats, moments_s, side="right") - 1).tolist()):
        if beat >= 0:
            since_s = float(moments_s[m] - beats[beat])
            known_s = float(intervals[beat]) if beat < len(intervals) else None
            phases[m] = 2.0 * math.pi * (since_s / _interval_s(known_s, usual, since_s) % 1.0)
    return phases


def _interval_s(known_s: float | None, usual_s: float, since_s: float) -> float:
    """How long the interval about a moment lasts that is ``since_s`` after its beat."""
    if known_s is not None:
        return known_s / max(1, round(known_s / usual_s))
    overdue = usual_s < since_s + CONFIRM_S and since_s <= 1.5 * usual_s
    return since_s + CONFIRM_S if overdue else usual_s


def heart_rate_hz(beats: Array) -> tuple[Array, Array]:
    """Middle of each believable interval (I,) and the rate in it (I,)."""
    intervals = np.diff(beats)
    good = (intervals >= SHORTEST_S) & (intervals <= LONGEST_S) & (np.abs(intervals / _median(intervals) - 1.0) <= STEADY)
    return (beats[:-1] + 0.5 * intervals)[good], 1.0 / intervals[good]


def _median(values: Array) -> float:
    """The upper one where there are two."""
    return float(np.sort(values)[len(values) // 2])
