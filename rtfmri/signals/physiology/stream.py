"""Samples in as they come, a volume's columns out: RETROICOR, respiration volume per time and heart rate, causal.

The rules. A volume's columns are a function of the samples that were added before it and of nothing else, so a replay that adds as many of
the recorded ones (``PhysioReading.samples``) to volume after volume has the same bits. Time is counted in seconds since the first sample,
by the samples' own number. What is computed looks back one minute. Samples must reach the volume's last moment; what came in time after
that is used too (the next beat, the rest of a breath).

A signal that is missing, late, flat, clipped or unreadable gives zeros for its columns, its own mean, with a reason: no value is held. The
slow regressors are deviations from the signal's usual rate in its first ``USUAL_S``, so their zero is breathing as at the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtfmri.signals.physiology import breath, pulse
from rtfmri.signals.physiology.health import NOT_YET, why_clipped, why_flat, why_not_there
from rtfmri.signals.physiology.plan import Moments, PhysioPlan
from rtfmri.signals.physiology.response import CARDIAC_RESPONSE, RESPIRATION_RESPONSE, moments_back, responded
from rtfmri.signals.physiology.trace import Trace, empty_trace, extended, known_stretch, latest
from rtfmri.volume import Array

LOOK_BACK_S = 60.0
CARDIAC_HZ, RESPIRATORY_HZ = 100.0, 25.0
CARDIAC_BRIDGE_S, RESPIRATORY_BRIDGE_S = 0.15, 1.0  # a lost batch of samples
CARDIAC_NEEDS_S, RESPIRATORY_NEEDS_S = 5.0, 15.0
USUAL_S = 20.0  # of a signal, before its usual rate is fixed
NO_COLUMN = "the source has no such column"


__all__ = ["NOT_YET", "PhysioReading", "PhysioState", "add", "begin", "columns", "warm_up"]


@dataclass(frozen=True, eq=False)
class PhysioState:
    """After ``samples`` samples. ``add`` fills the traces in place: only the newest state may be used."""

    samples: int
    cardiac: Trace
    respiratory: Trace
    usual_beats_hz: float | None = None
    usual_breathing: float | None = None  # depth per second, in the belt's units


@dataclass(frozen=True)
class PhysioReading:
    """``columns`` in the order of ``PhysioPlan.names``; ``samples``: how many had come, for the journal; why a signal gave zeros."""

    columns: tuple[float, ...]
    samples: int
    cardiac: str = ""
    respiratory: str = ""


@dataclass(frozen=True, eq=False)
class _Signal:
    """The Fourier terms and the slow regressor that one signal gives, or why it gives none."""

    fourier: tuple[float, ...]
    slow: float = 0.0
    usual: float | None = None
    why: str = ""


def begin(plan: PhysioPlan) -> PhysioState:
    """Before the first sample."""
    cardiac = empty_trace(plan.rate_hz, CARDIAC_HZ, LOOK_BACK_S)
    return PhysioState(0, cardiac, empty_trace(plan.rate_hz, RESPIRATORY_HZ, LOOK_BACK_S))


def add(state: PhysioState, cardiac: Array, respiratory: Array) -> PhysioState:
    """With further samples (n,) of both signals, NaN where there is none."""
    both = (np.ascontiguousarray(cardiac, dtype=np.float64), np.ascontiguousarray(respiratory, dtype=np.float64))
    return replace(
        state,
        samples=state.samples + len(both[0]),
        cardiac=extended(state.cardiac, both[0]),
        respiratory=extended(state.respiratory, both[1]),
    )


def columns(plan: PhysioPlan, state: PhysioState, volume_s: float, moments: Moments) -> tuple[PhysioState, PhysioReading]:
    """The columns of the volume that began at ``volume_s`` (since the first sample), and the state that remembers what is usual."""
    moments_s = volume_s + moments.after_s
    slow_s = volume_s + float((moments.after_s * moments.shares).sum())
    heart = _cardiac(plan, state, moments_s, moments.shares, slow_s)
    chest = _respiratory(plan, state, moments_s, moments.shares, slow_s)
    slow = (chest.slow,) * plan.respiration_volume + (heart.slow,) * plan.heart_rate
    after = replace(state, usual_beats_hz=heart.usual, usual_breathing=chest.usual)
    return after, PhysioReading((*heart.fourier, *chest.fourier, *slow), state.samples, heart.why, chest.why)


def _cardiac(plan: PhysioPlan, state: PhysioState, moments_s: Array, shares: Array, slow_s: float) -> _Signal:
    nothing = _Signal((0.0,) * (2 * plan.cardiac_order), usual=state.usual_beats_hz)
    if not plan.cardiac_order and not plan.heart_rate:
        return nothing
    rate_hz = state.cardiac.rate_hz
    first_s, values = latest(state.cardiac)
    why = why_flat(values, rate_hz) if plan.has_cardiac else NO_COLUMN
    first_s, values = known_stretch(first_s, values, rate_hz, CARDIAC_BRIDGE_S)
    why = why or why_not_there(first_s, values, rate_hz, CARDIAC_NEEDS_S, float(moments_s[-1])) or why_clipped(values)
    if why:
        return replace(nothing, why=why)
    beats = pulse.beats_of(first_s, values, rate_hz)
    why = pulse.why_no_pulse(beats, first_s + len(values) / rate_hz)
    if why:
        return replace(nothing, why=why)
    fourier = _fourier(pulse.cardiac_phase(beats, moments_s), shares, plan.cardiac_order)
    times_s, rates_hz = pulse.heart_rate_hz(beats)
    usual = state.usual_beats_hz
    if usual is None and len(values) >= USUAL_S * rate_hz:
        usual = float(np.median(rates_hz))
    if usual is None or not plan.heart_rate:
        return _Signal(fourier, usual=usual)
    rates = np.interp(moments_back(slow_s, CARDIAC_RESPONSE), times_s, rates_hz, left=np.nan)
    return _Signal(fourier, responded(rates, usual, CARDIAC_RESPONSE), usual)


def _respiratory(plan: PhysioPlan, state: PhysioState, moments_s: Array, shares: Array, slow_s: float) -> _Signal:
    nothing = _Signal((0.0,) * (2 * plan.respiratory_order), usual=state.usual_breathing)
    if not plan.respiratory_order and not plan.respiration_volume:
        return nothing
    rate_hz = state.respiratory.rate_hz
    first_s, values = latest(state.respiratory)
    why = why_flat(values, rate_hz) if plan.has_respiratory else NO_COLUMN
    first_s, values = known_stretch(first_s, values, rate_hz, RESPIRATORY_BRIDGE_S)
    why = why or why_not_there(first_s, values, rate_hz, RESPIRATORY_NEEDS_S, float(moments_s[-1])) or why_clipped(values)
    if why:
        return replace(nothing, why=why)
    smooth = breath.smoothed(values, rate_hz)
    usual_range = breath.usual_range(np.sort(smooth))
    turns = breath.turns_of(smooth, breath.TURN * usual_range)
    why = breath.why_no_breathing(values, turns[0], rate_hz)
    if why:
        return replace(nothing, why=why)
    fourier = _fourier(
        breath.respiratory_phase(first_s, smooth, rate_hz, turns, breath.STILL * usual_range, moments_s), shares, plan.respiratory_order
    )
    usual = state.usual_breathing
    if usual is None and len(values) >= USUAL_S * rate_hz:
        usual = _usual_breathing(first_s, smooth, rate_hz, turns)
    if usual is None or not plan.respiration_volume:
        return _Signal(fourier, usual=usual)
    at_s = moments_back(slow_s, RESPIRATION_RESPONSE)
    rates = breath.volume_per_time(first_s, smooth, rate_hz, turns, at_s)
    return _Signal(fourier, responded(rates, usual, RESPIRATION_RESPONSE), usual)


def _usual_breathing(first_s: float, smooth: Array, rate_hz: float, turns: breath.Turns) -> float | None:
    every_s: Array = first_s + np.arange(0.0, len(smooth) / rate_hz, 0.5, dtype=np.float64)
    rates = breath.volume_per_time(first_s, smooth, rate_hz, turns, every_s)
    known = rates[np.isfinite(rates)]
    return float(np.median(known)) if len(known) else None


def _fourier(phases: Array, shares: Array, orders: int) -> tuple[float, ...]:
    """cos and sin of each order, averaged over the moments by their shares; a phase that is not known (NaN) gives its mean, zero."""
    known = np.isfinite(phases)
    angles, parts = phases[known], shares[known]
    return tuple(float((parts * wave(order * angles)).sum()) for order in range(1, orders + 1) for wave in (np.cos, np.sin))


def warm_up() -> None:
    """Compile every kernel of this folder."""
    plan = PhysioPlan(50.0, True, True, 1, 1, True, True)
    t: Array = np.arange(1500, dtype=np.float64) / 50.0
    state = add(begin(plan), np.sin(6.0 * t) ** 8, np.sin(1.6 * t))
    columns(plan, state, 20.0, Moments(np.array([0.5]), np.ones(1)))
