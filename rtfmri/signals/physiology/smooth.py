"""Centred moving averages, exact at the ends (they take what there is) and without delay."""

from __future__ import annotations

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.volume import Array


def half_width(seconds: float, rate_hz: float) -> int:
    """Of the window that comes closest to ``seconds``: it has 2 half + 1 values."""
    return max(0, round(0.5 * (seconds * rate_hz - 1.0)))


@kernel
def moving_mean(values: Array, half: int) -> Array:
    """Mean of ``values`` (n,) over half before to half after each; sums are made from differences of one running total."""
    n = values.size
    running = np.zeros(n + 1)
    for i in range(n):
        running[i + 1] = running[i] + values[i]
    means = np.empty(n)
    for i in range(n):
        low, high = max(0, i - half), min(n, i + half + 1)
        means[i] = (running[high] - running[low]) / (high - low)
    return means
