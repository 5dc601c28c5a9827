"""Running temporal signal-to-noise ratio: mean over standard deviation of a series so far, its linear drift taken out.

Recursive least squares on [1, t], for all series at once: the deviation of each new value from the line through those before it moves the
line, and its square, over 1 + leverage, is what the residual sum of squares grows by (the recursive residual of Brown, Durbin & Evans
1975, JRSS B 37:149). Every volume is exact: the same as fitting all values so far, without cancellation, in 24 bytes a series. The standard
deviation is over n - 2. ``t`` is the volume number, so volumes that were left out leave no kink. Serves the brain's voxels (the realigned
volume's) and the regions' means alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.volume import Array, Image

FEWEST = 10  # volumes below which a standard deviation says little
NEGLIGIBLE = 1e-7  # of the mean: what float32 can tell apart


@dataclass(frozen=True, eq=False)
class RunningTsnr:
    """After ``volumes`` values of V series. ``update`` fills the arrays in place: only the newest state may be used."""

    mean: Array  # (V,): also the line at ``mean_index``
    slope: Array  # (V,): per volume
    squares: Array  # (V,): of the residuals
    volumes: int = 0
    mean_index: float = 0.0
    spread: float = 0.0  # sum of (index - mean_index)^2


def room_for(series: int) -> RunningTsnr:
    """The state before the first volume."""
    return RunningTsnr(np.zeros(series), np.zeros(series), np.zeros(series))


def update(state: RunningTsnr, index: int, values: Image | Array) -> RunningTsnr:
    """The state after volume ``index`` with ``values`` (V,). Indices ascend; what is flagged or missing is left out.

    Raises
    ------
    ValueError : the number of values is not that of the series.
    """
    if values.shape != state.mean.shape:
        raise ValueError(f"values of shape {values.shape} came for {state.mean.size} series")
    volumes = state.volumes + 1
    ahead = index - state.mean_index if state.volumes else 0.0
    step = ahead / volumes if state.volumes else float(index)
    spread = state.spread + ahead * (ahead - step)
    if state.spread > 0.0:
        leverage = 1.0 / state.volumes + ahead * ahead / state.spread
        weight, tilt = 1.0 / (1.0 + leverage), ahead / state.spread / (1.0 + leverage)
    else:  # one value makes a mean, two a line; neither leaves anything
        weight, tilt = 0.0, 1.0 / ahead if ahead else 0.0
    _move(state.mean, state.slope, state.squares, np.array(values, dtype=np.float64), ahead, 1.0 / volumes, weight, tilt)
    return replace(state, volumes=volumes, mean_index=state.mean_index + step, spread=spread)


def tsnr_map(state: RunningTsnr) -> Image:
    """tSNR (V,); zero with fewer than ``FEWEST`` volumes, and where there is no signal, no noise, or was no number."""
    tsnr = np.zeros(state.mean.size, dtype=np.float32)
    if state.volumes >= FEWEST:
        _ratios(state.mean, state.squares, state.volumes - 2, tsnr)
    return tsnr


def median(state: RunningTsnr) -> float | None:
    """Median tSNR of the series that have one; None where none has."""
    tsnr = tsnr_map(state)
    tsnr = tsnr[tsnr > 0.0]
    return float(np.median(tsnr)) if tsnr.size else None


def warm_up() -> None:
    """Compile every kernel."""
    state = room_for(2)
    for index in range(FEWEST):
        state = update(state, index, np.array([1.0, index % 3]))
    median(state)


@kernel
def _move(mean: Array, slope: Array, squares: Array, values: Array, ahead: float, share: float, weight: float, tilt: float) -> None:
    """``ahead``: how far the volume lies from the mean index; ``share``: 1/n; ``weight``: 1 / (1 + leverage)."""
    for v in range(mean.size):
        deviation = values[v] - mean[v] - slope[v] * ahead
        squares[v] += weight * deviation * deviation
        slope[v] += tilt * deviation
        mean[v] += share * (values[v] - mean[v])


@kernel
def _ratios(mean: Array, squares: Array, dof: int, tsnr: Image) -> None:
    for v in range(mean.size):
        deviation = math.sqrt(squares[v] / dof)
        if deviation > NEGLIGIBLE * mean[v] and mean[v] > 0.0:  # false as well where a series had no number
            tsnr[v] = mean[v] / deviation
