"""Belts and pulse oximeters with known truth, what they leave in a region, and an offline, non-causal RETROICOR to judge by."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.signal import butter, filtfilt, find_peaks

from rtfmri.signals.physiology.plan import Moments, PhysioPlan
from rtfmri.signals.physiology.stream import PhysioReading, add, begin, columns
from rtfmri.volume import Array

RATE_HZ = 400.0
BEFORE_S = 30.0  # the belt runs before the scanner


@dataclass(frozen=True, eq=False)
class Body:
    """Truth at every sample (n,), time 0 at the first: traces, phases in rad, rates; and the true times of the beats."""

    times_s: Array
    pulse: Array
    belt: Array
    beats_s: Array
    breath_phase: Array
    breathing: Array  # depth times rate
    rate_hz: float = RATE_HZ


def slow_noise(rng: np.random.Generator, n: int, rate_hz: float, seconds: float) -> Array:
    """(n,) of unit variance, correlated over ``seconds``."""
    knots = rng.standard_normal(int(n / rate_hz / seconds) + 4)
    return np.interp(np.arange(n) / rate_hz / seconds, np.arange(len(knots)), knots)


def a_body(seed: int, seconds: float, calm: Array | None = None, noise: float = 0.05, rate_hz: float = RATE_HZ) -> Body:
    """Breathing and pulse that wander. Where ``calm`` (n,) is 1 breathing is slower and deeper, as in self-compassion practice."""
    rng = np.random.default_rng(seed)
    n = int(seconds * rate_hz)
    times_s = np.arange(n) / rate_hz
    calm = np.zeros(n) if calm is None else calm
    breath_hz = np.clip(0.27 + 0.03 * slow_noise(rng, n, rate_hz, 8.0) - 0.09 * calm, 0.1, 0.5)
    depth = np.clip(1.0 + 0.2 * slow_noise(rng, n, rate_hz, 8.0) + 0.5 * calm, 0.3, 3.0)
    breath_phase = 2 * np.pi * np.cumsum(breath_hz) / rate_hz
    chest = depth * 0.5 * (1 - np.cos(breath_phase + 0.35 * np.sin(breath_phase)))
    belt = chest + 0.1 * slow_noise(rng, n, rate_hz, 60.0) + noise * 0.5 * rng.standard_normal(n)
    heart_hz = 1.1 + 0.06 * slow_noise(rng, n, rate_hz, 10.0) + 0.05 * np.sin(breath_phase)
    beat_phase = np.cumsum(heart_hz) / rate_hz
    beats_s = np.interp(np.arange(1, int(beat_phase[-1])), beat_phase, times_s)
    pulse = sum_of_beats(times_s, beats_s, 1 + 0.15 * np.sin(breath_phase))
    pulse = pulse + 0.3 * slow_noise(rng, n, rate_hz, 4.0) + noise * rng.standard_normal(n)
    return Body(times_s, pulse, belt, beats_s, breath_phase, depth * breath_hz, rate_hz)


def sum_of_beats(times_s: Array, beats_s: Array, height: Array) -> Array:
    """Each beat a steep rise, its top at the beat, a slower fall and a second wave."""
    total = np.zeros_like(times_s)
    for beat in beats_s:
        near = slice(*np.searchsorted(times_s, [beat - 0.4, beat + 0.9]))
        t = times_s[near] - beat
        wave = np.exp(-0.5 * (t / np.where(t < 0, 0.08, 0.13)) ** 2) + 0.3 * np.exp(-0.5 * ((t - 0.36) / 0.08) ** 2)
        total[near] += height[near] * wave
    return total


def true_cardiac_phase(body: Body, at_s: Array) -> Array:
    return 2 * np.pi * np.interp(at_s, body.beats_s, np.arange(len(body.beats_s)))


def respiration_response(t: Array) -> Array:
    return 0.6 * t**2.1 * np.exp(-t / 1.6) - 0.0023 * t**3.54 * np.exp(-t / 4.25)


def slow_part(body: Body, volume_s: Array) -> Array:
    """The true volume per time with Birn's response, of unit variance, at ``volume_s``."""
    every = int(0.1 * body.rate_hz)
    coarse = body.breathing[::every]
    response = respiration_response(np.arange(0, 50, 0.1))
    course = np.convolve(coarse - coarse.mean(), response)[: len(coarse)]
    found = np.interp(volume_s, body.times_s[::every], course)
    return (found - found.mean()) / found.std()


def fourier(phase: Array, weights: tuple[float, ...]) -> Array:
    """Sum of weights[0] cos, weights[1] sin, weights[2] cos 2, weights[3] sin 2 of the phase."""
    terms = [np.cos(phase), np.sin(phase), np.cos(2 * phase), np.sin(2 * phase)]
    return sum(w * term for w, term in zip(weights, terms, strict=False))


def physiological_signal(body: Body, starts_s: Array, after_s: Array, slow: float = 1.0) -> Array:
    """What pulse and breathing leave in a region measured at ``after_s`` (M,) of each volume, of unit variance."""
    moments = starts_s[:, None] + after_s
    pulse = fourier(true_cardiac_phase(body, moments), (0.8, -0.5, 0.3, 0.2)).mean(axis=1)
    breath = fourier(np.interp(moments, body.times_s, body.breath_phase), (0.7, 0.6, 0.2, -0.2)).mean(axis=1)
    total = pulse / pulse.std() + breath / breath.std() + slow * slow_part(body, starts_s + after_s.mean())
    return (total - total.mean()) / total.std()


def offline_columns(body: Body, starts_s: Array, after_s: Array, orders: int = 2) -> Array:
    """RETROICOR and respiration volume per time of the whole run at once, with all that comes later: (N, 4 orders + 1)."""
    moments = starts_s[:, None] + after_s
    rate_hz = body.rate_hz
    pulse = filtfilt(*butter(2, [0.5, 5.0], "bandpass", fs=rate_hz), body.pulse)
    beats = find_peaks(pulse, distance=int(0.45 * rate_hz), height=0.3 * pulse.std())[0] / rate_hz
    heart = 2 * np.pi * np.interp(moments, beats, np.arange(len(beats)))
    belt = filtfilt(*butter(2, 1.0, fs=rate_hz), body.belt)
    counts, edges = np.histogram(belt, 100)
    share = np.interp(belt, edges, np.concatenate(([0], np.cumsum(counts) / len(belt))))
    chest_phase = np.pi * share * np.sign(np.gradient(belt))
    chest = chest_phase[np.clip((moments * rate_hz).astype(int), 0, len(belt) - 1)]
    tops = find_peaks(belt, distance=int(1.5 * rate_hz), prominence=0.2 * belt.std())[0]
    lows = np.array([belt[a:b].min() for a, b in pairwise(tops)])
    depth = 0.5 * (belt[tops[:-1]] + belt[tops[1:]]) - lows
    rate = np.interp(body.times_s[::40], 0.5 * (tops[:-1] + tops[1:]) / rate_hz, depth * rate_hz / np.diff(tops))
    course = np.convolve(rate - rate.mean(), respiration_response(np.arange(0, 50, 40 / rate_hz)))[: len(rate)]
    waves = [wave(k * phase).mean(axis=1) for phase in (heart, chest) for k in range(1, orders + 1) for wave in (np.cos, np.sin)]
    return np.column_stack([*waves, np.interp(starts_s + after_s.mean(), body.times_s[::40], course)])


def explained(signal: Array, columns: Array) -> float:
    """Share of the variance that a constant and the columns take, corrected for their number."""
    design = np.column_stack([np.ones(len(signal)), columns])
    rest = signal - design @ np.linalg.lstsq(design, signal, rcond=None)[0]
    return float(1 - rest.var() * len(signal) / (len(signal) - design.shape[1]) / signal.var(ddof=1))


def stream_columns(plan: PhysioPlan, body: Body, starts_s: Array, after_s: Array, tr_s: float, delay_s: float = 0.3) -> list[PhysioReading]:
    """Volume by volume, with what of the traces had come ``delay_s`` after its end."""
    state, done, readings = begin(plan), 0, []
    moments = Moments(after_s, np.full(len(after_s), 1 / len(after_s)))
    for start_s in starts_s:
        come = int((start_s + tr_s + delay_s) * body.rate_hz)
        state, done = add(state, body.pulse[done:come], body.belt[done:come]), come
        state, reading = columns(plan, state, float(start_s), moments)
        readings.append(reading)
    return readings
