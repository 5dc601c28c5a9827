"""Any comparison of volumes - one against a baseline, an average, a block's score - as percent signal change with its standard error.

A comparison is a weighting w (n,) of the volumes that sums to zero: 1/k on what is measured, -1/|B| on its baseline. With the current
coefficients its value is w'y minus the nuisance's part, which is v'y with v = w - W X inv(X'WX) g, g = X'w on nuisance columns and zero on
the others; W is 1 for the plain fit and inv(C) for a whitened one. So volume and baseline are always cleaned alike, and the variance
v'Cv holds the baseline's error, the coefficients' and the noise's autocorrelation. PSC_r = 100 (x_r - B_r) / M_r; M_r, the running mean, is
taken as known.

A functional is a weighted sum over the series in their units, such as the regulation value. Its noise is estimated from the residuals of
that sum itself, so what the regions share counts as it should.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.signals.glm import Fit, Flags, Observations, residuals, solve, solve_further
from rtfmri.signals.noise import Noise, estimate, expectation, standard_error
from rtfmri.signals.plan import SignalPlan
from rtfmri.signals.prewhiten import step_of, whitening
from rtfmri.signals.prior import left_in, penalties
from rtfmri.volume import Array


@dataclass(frozen=True, eq=False)
class Model:
    """What the volumes so far say: the fit, the series' units, the noise of each series and functional."""

    observations: Observations
    fit: Fit
    dof: int  # of the plain fit, from whose residuals the noise is known
    nuisance: Flags  # (P,)
    tasks: slice  # of the columns
    prior: Array  # (P,)
    penalty: Array  # (P,)
    units: Array  # (S,): 100 / M for a region
    functionals: Array  # (F, S)
    scales: Array  # (S + F,): what the prior is multiplied by, in the units of series and functionals
    noises: tuple[Noise | None, ...]  # S series and F functionals, in these units too


@dataclass(frozen=True)
class Comparison:
    """Series and functionals in their units (percent); a standard error is None while there are too few volumes for one."""

    psc: tuple[float, ...]  # S
    se: tuple[float | None, ...]
    values: tuple[float, ...]  # F: regulation first, the measure's last
    errors: tuple[float | None, ...]


def model(plan: SignalPlan, observations: Observations, count: int) -> Model:
    """The model after ``count`` volumes, of which at least one is in the fit.

    Raises
    ------
    ZeroDivisionError : a region's running mean is zero.
    """
    volumes = int(observations.used.sum())
    active = plan.active_from < count
    fit = solve(observations, active, volumes)
    dof = fit.dof
    totals = observations.sums[len(plan.nuisance) :]
    units = np.array([unit or 100.0 * volumes / float(total) for unit, total in zip(plan.units, totals, strict=True)])
    left = residuals(observations, fit, count) * units[:, None]
    weighted = [(left * functional[:, None]).sum(axis=0) for functional in plan.functionals]
    expected = expectation(observations, fit)
    noises = tuple(estimate(series, expected) for series in (*left, *weighted))
    scales = np.concatenate((plan.reach, np.sqrt(((plan.functionals * plan.reach) ** 2).sum(axis=1))))
    penalty = np.zeros(len(plan.nuisance))
    if noises[-1] is not None:
        step = step_of(observations, noises[-1])
        penalty = penalties(plan.prior, noises[-1], float(scales[-1]), whitened=step > 0)
        if step or penalty.any():
            fit = solve_further(observations, active, volumes, step, penalty)
    return Model(observations, fit, dof, plan.nuisance, plan.tasks, plan.prior, penalty, units, plan.functionals, scales, noises)


def cleaned(model: Model, indices: npt.NDArray[np.intp]) -> Array:
    """Series (S, n) of the volumes ``indices`` less the fitted nuisance, which is centred on the fit: the mean level stays."""
    observations, fit = model.observations, model.fit
    rows = observations.columns[:, indices] - (observations.sums[: len(model.nuisance)] / fit.volumes)[:, None]
    value: Array = observations.values[:, indices].copy()
    for j in np.flatnonzero(model.nuisance):
        value -= fit.coefficients[j][:, None] * rows[j]
    return value


def weighting(count: int, measured: npt.NDArray[np.intp], baseline: npt.NDArray[np.intp]) -> Array:
    """w (count,): the mean of the volumes ``measured`` minus the mean of those in ``baseline``; neither is empty."""
    w = np.zeros(count)
    w[measured] += 1.0 / len(measured)
    w[baseline] -= 1.0 / len(baseline)
    return w


def compare(model: Model, w: Array) -> Comparison:
    """The comparison that ``w`` asks for, of the cleaned volumes as they were measured."""
    observations, fit = model.observations, model.fit
    g = np.where(model.nuisance, _weighted_sums(observations.columns, w), 0.0)
    values = _weighted_sums(observations.values, w) - (fit.coefficients * g[:, None]).sum(axis=0)
    z = _normal_solve(fit.factor, g[fit.kept])
    fitted = _fitted(observations.columns, fit.kept, z, w.size)
    return _in_units(model, values, w - whitening(fitted, observations.used, fit.rho), z)


def compare_fitted(model: Model, w: Array) -> Comparison | None:
    """The same of the task responses as they were fitted: all volumes help. None while one that ``w`` touches is not in the fit."""
    observations, fit = model.observations, model.fit
    g = np.zeros(len(model.nuisance))
    g[model.tasks] = _weighted_sums(observations.columns, w)[model.tasks]
    if not np.isin(np.flatnonzero(g), fit.kept).all():
        return None
    values = (fit.coefficients * g[:, None]).sum(axis=0)
    z = _normal_solve(fit.factor, g[fit.kept])
    fitted = _fitted(observations.columns, fit.kept, z, w.size)
    return _in_units(model, values, whitening(fitted, observations.used, fit.rho), z)


def _in_units(model: Model, values: Array, influence: Array, z: Array) -> Comparison:
    """Values (S,) that are ``influence`` (n,) times the volumes, with their errors."""
    kept = model.fit.kept
    unknown = left_in(model.prior[kept], model.penalty[kept], z)
    errors = [
        None if noise is None else math.hypot(standard_error(influence, noise), unknown * float(scale))
        for noise, scale in zip(model.noises, model.scales, strict=True)
    ]
    psc = model.units * values
    return Comparison(
        psc=tuple(float(value) for value in psc),
        se=tuple(errors[: len(psc)]),
        values=tuple(float((functional * psc).sum()) for functional in model.functionals),
        errors=tuple(errors[len(psc) :]),
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
def _fitted(columns: Array, kept: npt.NDArray[np.intp], z: Array, count: int) -> Array:
    """X z (count,)."""
    fitted = np.zeros(count)
    for i in range(kept.size):
        for t in range(count):
            fitted[t] += z[i] * columns[kept[i], t]
    return fitted


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
