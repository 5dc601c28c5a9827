"""The fixed columns of the design: Legendre drift and one double-gamma task regressor per regulation block.

Volume ``index`` is at ``index * tr_s``, as in ``rtfmri/paradigm.py``. Designs are stored column by column, (P, N).
"""

from __future__ import annotations

import numpy as np

from rtfmri.paradigm import Block
from rtfmri.volume import Array

RESPONSE, UNDERSHOOT, RATIO = 6, 16, 6.0  # gamma shapes at scale 1 s, and response : undershoot (SPM's canonical 6/16/6)
SECONDS_PER_DRIFT_ORDER = 150.0


def gamma_cdf(t_s: Array, shape: int) -> Array:
    """Integral from 0 to ``t_s`` of the gamma density with integer ``shape`` and scale 1 s (Erlang's closed form)."""
    t = np.maximum(t_s, 0.0)
    term = np.ones_like(t)
    total = np.ones_like(t)
    for k in range(1, shape):
        term = term * t / k
        total = total + term
    return 1.0 - np.exp(-t) * total


def step_response(t_s: Array) -> Array:
    """Response to a stimulus that began at 0 and stays on, as a part of its plateau: the double gamma's integral."""
    plateau = 1.0 - 1.0 / RATIO
    response: Array = (gamma_cdf(t_s, RESPONSE) - gamma_cdf(t_s, UNDERSHOOT) / RATIO) / plateau
    return response


def task_regressor(block: Block, times_s: Array) -> Array:
    """The block's boxcar convolved with the double gamma, exactly; 1 is the plateau. Shape (N,)."""
    course = step_response(times_s - block.onset_s) - step_response(times_s - block.end_s)
    return np.round(course, 12)  # what is only rounding error before the onset is no regressor


def drift_order(seconds: float) -> int:
    """1 + int(seconds / 150): the rule of AFNI's 3dDeconvolve (-polort A)."""
    return 1 + int(seconds / SECONDS_PER_DRIFT_ORDER)


def legendre(order: int, volumes: int) -> Array:
    """Legendre polynomials of degree 1 ... ``order`` over ``volumes`` points of [-1, 1], shape (order, volumes)."""
    x = np.linspace(-1.0, 1.0, volumes)
    degrees = [np.ones_like(x), x]
    for k in range(1, order):
        degrees.append(((2 * k + 1) * x * degrees[k] - k * degrees[k - 1]) / (k + 1))
    return np.array(degrees)[1 : order + 1]
