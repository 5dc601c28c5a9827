"""Any comparison of volumes - one against a baseline, an average, a block's score - as percent signal change with its standard error.

A comparison is a weighting w (n,) of the volumes that sums to zero: 1/k on what is measured, -1/|B| on its baseline. With the current
coefficients its value is w'y minus the nuisance's part, which is v'y with v = w - X inv(X'X) g, g = X'w on nuisance columns and zero on the
others. So volume and baseline are always cleaned alike, and the variance v'Cv holds the baseline's error, the coefficients' and the
noise's autocorrelation. PSC_r = 100 (x_r - B_r) / M_r; M_r, the running mean, is taken as known.

The regulation value is the weighted sum over regions; its noise is estimated from the residuals of that sum itself, so what the
regions share counts as it should.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.signals.glm import Fit, Flags, Observations, residuals
from rtfmri.signals.noise import Noise, estimate, expectation, standard_error
from rtfmri.volume import Array


@dataclass(frozen=True, eq=False)
class Model:
    """What the volumes so far say: the fit, the running means, the noise of each region and of the regulation value."""

    observations: Observations
    fit: Fit
    nuisance: Flags  # (P,)
    percent: Array  # (K,): 100 / M
    parts: Array  # (K,): the regions' weights in the regulation value
    noises: tuple[Noise | None, ...]  # K regions, then the regulation value


@dataclass(frozen=True)
class Comparison:
    """Percent; a standard error is None while there are too few volumes for one."""

    psc: tuple[float, ...]
    se: tuple[float | None, ...]
    regulation: float
    regulation_se: float | None


def model(observations: Observations, fit: Fit, nuisance: Flags, parts: Array, count: int) -> Model:
    """The model after ``count`` volumes, of which at least one is in the fit.

    Raises
    ------
    ZeroDivisionError : a region's running mean is zero.
    """
    means = [float(total) / fit.volumes for total in observations.sums[len(nuisance) :]]
    percent = np.array([100.0 / mean for mean in means])
    left = residuals(observations, fit, count)
    weighted = (left * (parts * percent)[:, None]).sum(axis=0)
    expected = expectation(observations, fit)
    noises = tuple(estimate(series, expected) for series in (*left, weighted))
    return Model(observations, fit, nuisance, percent, parts, noises)


def cleaned(observations: Observations, fit: Fit, nuisance: Flags, index: int) -> Array:
    """Region means (K,) of volume ``index`` less the fitted nuisance, which is centred on the fit: the mean level stays."""
    row = observations.columns[:, index] - observations.sums[: len(nuisance)] / fit.volumes
    removed = (fit.coefficients * np.where(nuisance, row, 0.0)[:, None]).sum(axis=0)
    value: Array = observations.values[:, index] - removed
    return value


def weighting(count: int, measured: npt.NDArray[np.intp], baseline: npt.NDArray[np.intp]) -> Array:
    """w (count,): the mean of the volumes ``measured`` minus the mean of those in ``baseline``; neither is empty."""
    w = np.zeros(count)
    w[measured] += 1.0 / len(measured)
    w[baseline] -= 1.0 / len(baseline)
    return w


def compare(model: Model, w: Array) -> Comparison:
    """The comparison that ``w`` asks for."""
    observations, fit = model.observations, model.fit
    g = np.where(model.nuisance, _weighted_sums(observations.columns, w), 0.0)
    values = _weighted_sums(observations.values, w) - (fit.coefficients * g[:, None]).sum(axis=0)
    influence = _influence(observations.columns, observations.used, fit.kept, _normal_solve(fit.factor, g[fit.kept]), w)
    psc = model.percent * values
    errors = [None if noise is None else standard_error(influence, noise) for noise in model.noises]
    return Comparison(
        psc=tuple(float(value) for value in psc),
        se=tuple(None if error is None else error * float(unit) for error, unit in zip(errors, model.percent, strict=False)),
        regulation=float((model.parts * psc).sum()),
        regulation_se=errors[-1],
    )


@kernel
def _weighted_sums(columns: Array, w: Array) -> Array:
    """``columns`` (P, N) times ``w`` (n,), n <= N; w is zero nearly everywhere."""
    sums = np.zeros(columns.shape[0])
    for t in range(w.size):
        if w[t] != 0.0:
            for j in range(sums.size):
                sums[j] += w[t] * columns[j, t]
    return sums


@kernel
def _influence(columns: Array, used: Flags, kept: npt.NDArray[np.intp], z: Array, w: Array) -> Array:
    """w (n,) less what the fit makes of it: X z at the volumes in the fit."""
    influence = w.copy()
    fitted = np.zeros(w.size)
    for i in range(kept.size):
        for t in range(w.size):
            fitted[t] += z[i] * columns[kept[i], t]
    for t in range(w.size):
        if used[t]:
            influence[t] -= fitted[t]
    return influence


@kernel
def _normal_solve(factor: Array, g: Array) -> Array:
    """inv(R'R) g."""
    size = g.size
    z = g.copy()
    for i in range(size):
        for j in range(i):
            z[i] -= factor[j, i] * z[j]
        z[i] /= factor[i, i]
    for i in range(size - 1, -1, -1):
        for j in range(i + 1, size):
            z[i] -= factor[i, j] * z[j]
        z[i] /= factor[i, i]
    return z
