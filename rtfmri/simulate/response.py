"""What the brain does: blocks and amplitudes -> the response of each region over time.

Boxcar of a block convolved with the double gamma 6/16/6 (Friston et al. 1998, as in SPM: peak 6 s, undershoot 16 s, ratio 6),
normalised so that a long block's plateau is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rtfmri.paradigm import Block
from rtfmri.volume import Array

STEP_S = 0.05
LENGTH_S = 32.0


def double_gamma(step_s: float = STEP_S) -> Array:
    """The response to an impulse, sampled every ``step_s`` and summing to one."""
    t_s = np.arange(0.0, LENGTH_S, step_s)
    peak = t_s**5 * np.exp(-t_s) / math.gamma(6)
    undershoot = t_s**15 * np.exp(-t_s) / math.gamma(16)
    response: Array = peak - undershoot / 6
    return response / response.sum()


def region_response(blocks: Sequence[Block], amplitudes: Sequence[float], n_volumes: int, tr_s: float) -> Array:
    """(N,) response in the amplitudes' unit, at the middle of each volume; one amplitude for each regulation block."""
    regulate = [block for block in blocks if block.role == "regulate"]
    boxcar = np.zeros(round((n_volumes + 1) * tr_s / STEP_S))
    for block, amplitude in zip(regulate, amplitudes, strict=True):
        boxcar[round(block.onset_s / STEP_S) : round(block.end_s / STEP_S)] = amplitude
    fine = np.convolve(boxcar, double_gamma())
    middles = np.rint((np.arange(n_volumes) + 0.5) * tr_s / STEP_S).astype(int)
    response: Array = fine[middles]
    return response
