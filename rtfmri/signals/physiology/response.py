"""How breathing and heart rate act on the signal over the next half minute: response functions, and the causal sum with them.

Respiration response function: Birn et al. 2008 (NeuroImage 40:644-654), 0.6 t^2.1 exp(-t / 1.6) - 0.0023 t^3.54 exp(-t / 4.25).
Cardiac response function: Chang et al. 2009 (NeuroImage 44:857-869), 0.6 t^2.7 exp(-t / 1.6) - 16 / sqrt(2 pi 9) exp(-(t - 12)^2 / 18).
Both look back only, so the sum at a moment needs nothing that comes later. Each is scaled to a sum of absolute values of 1.
"""

from __future__ import annotations

import math

import numpy as np

from rtfmri.volume import Array

STEP_S = 0.5


def _scaled(response: Array) -> Array:
    scaled: Array = response / np.abs(response).sum()
    scaled.setflags(write=False)
    return scaled


def _respiration(t: Array) -> Array:
    return _scaled(0.6 * t**2.1 * np.exp(-t / 1.6) - 0.0023 * t**3.54 * np.exp(-t / 4.25))


def _cardiac(t: Array) -> Array:
    return _scaled(0.6 * t**2.7 * np.exp(-t / 1.6) - 16.0 / math.sqrt(18.0 * math.pi) * np.exp(-((t - 12.0) ** 2) / 18.0))


#: At 0, ``STEP_S``, ... s after the breath or beat.
RESPIRATION_RESPONSE = _respiration(np.arange(0.0, 50.0 + STEP_S, STEP_S, dtype=np.float64))
CARDIAC_RESPONSE = _cardiac(np.arange(0.0, 30.0 + STEP_S, STEP_S, dtype=np.float64))


def moments_back(moment_s: float, response: Array) -> Array:
    """The moments that a response at ``moment_s`` looks back on, newest first."""
    steps: Array = STEP_S * np.arange(len(response), dtype=np.float64)
    return moment_s - steps


def responded(rates: Array, usual: float, response: Array) -> float:
    """Sum of the response and the rates' deviation from ``usual``, in parts of it; what is not known (NaN) is as usual."""
    deviation = np.where(np.isfinite(rates), rates / usual - 1.0, 0.0)
    return float((response * deviation).sum())
