"""Prewhitening against dense generalised least squares, the prior against an augmented fit: values and standard errors."""

import numpy as np
import pytest
from signal_runs import LEVEL, a_plan, a_study, ar1, samples_of, stream, usable, wandering_head

from rtfmri.signals import glm
from rtfmri.signals.compare import cleaned, compare, compare_fitted, model, weighting
from rtfmri.signals.prewhiten import whitening
from rtfmri.signals.prior import penalties

FLAGGED, MISSING = {40, 41, 90, 150}, {60, 61, 62, 100}


def a_run(seed=0, rho=0.5, **signal):
    plan, _ = a_plan(a_study(repeat=2, **signal))
    rng = np.random.default_rng(seed)
    volumes = plan.planned_volumes
    motion = wandering_head(rng, volumes)
    raw = LEVEL + 3 * ar1(rng, volumes, 2, rho) + motion[:, :2] * 30 + np.linspace(0, 10, volumes)[:, None]
    raw += 4.0 * plan.design[plan.tasks].sum(axis=0)[:, None] * [1, -1]
    return plan, samples_of(raw, motion, FLAGGED, MISSING)


def dense(plan, state, samples, count):
    """Design (n, P), values (n, K) and covariance's inverse among the used volumes."""
    used = usable(plan, samples)[:count]
    numbers = np.flatnonzero(used)
    apart = np.abs(np.subtract.outer(numbers, numbers))
    return used, state.observations.columns.T[:count], state.observations.values.T[:count], apart


@pytest.mark.parametrize("step", [0, 1, 5, 9])
@pytest.mark.parametrize("volumes", [70, 120, 195])
def test_the_whitened_fit_is_dense_generalised_least_squares_over_gaps_too(step, volumes):
    plan, samples = a_run(prewhiten=True)
    state, _ = stream(plan, samples[:volumes])
    used, design, values, apart = dense(plan, state, samples, volumes)
    active = plan.active_from < volumes
    fit = glm.solve_further(state.observations, active, int(used.sum()), step, np.zeros(len(active)))
    x = design[used][:, fit.kept]
    inverse = np.linalg.inv((0.1 * step) ** apart)
    expected = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ values[used])
    np.testing.assert_allclose(fit.coefficients[fit.kept], expected, rtol=1e-7, atol=1e-8)


def test_whitening_is_the_inverse_of_the_covariance():
    rng = np.random.default_rng(1)
    x, used = rng.standard_normal(60), rng.uniform(size=60) > 0.3
    numbers = np.flatnonzero(used)
    inverse = np.linalg.inv(0.7 ** np.abs(np.subtract.outer(numbers, numbers)))
    expected = np.zeros(60)
    expected[used] = inverse @ x[used]
    np.testing.assert_allclose(whitening(x, used, 0.7), expected, atol=1e-12)
    np.testing.assert_array_equal(whitening(x, used, 0.0), np.where(used, x, 0.0))


SETTINGS = [
    {"prewhiten": True},
    {"prior": {}},
    {"prior": {}, "prewhiten": True},
    {"prior": {}, "nuisance": ["drift", "motion6", "motion_squares"]},
]


@pytest.mark.parametrize("signal", SETTINGS)
def test_values_and_errors_are_those_of_the_dense_penalised_problem(signal):
    plan, samples = a_run(**signal)
    state, _ = stream(plan, samples)
    count = len(samples)
    current = model(plan, state.observations, count)
    used, design, values, apart = dense(plan, state, samples, count)
    noise = current.noises[-1]
    rho = current.fit.rho
    assert (rho > 0) == ("prewhiten" in signal)
    kept = current.fit.kept
    x = design[used][:, kept]
    inverse = np.linalg.inv(rho**apart) if rho else np.eye(len(apart))
    penalty = penalties(plan.prior, noise, np.sqrt(0.5), rho > 0)[kept]
    a = x.T @ inverse @ x + np.diag(penalty**2)
    coefficients = np.linalg.solve(a, x.T @ inverse @ values[used])
    np.testing.assert_allclose(current.fit.coefficients[kept], coefficients, rtol=1e-6, atol=1e-8)
    for ours, fitted in ((compare, False), (compare_fitted, True)):
        w = weighting(count, np.flatnonzero(used)[-20:], np.flatnonzero(used)[30:40])
        found = ours(current, w)
        mask = np.zeros(len(plan.nuisance), dtype=bool)
        mask[plan.tasks] = True
        g = (design.T @ w * (mask if fitted else plan.nuisance))[kept]
        z = np.linalg.solve(a, g)
        v = np.zeros(count)
        v[used] = inverse @ (x @ z)
        v = v if fitted else w - v
        psc = 100 * (v @ values) / values[used].mean(axis=0)
        np.testing.assert_allclose(found.psc, psc, atol=1e-7)
        assert found.values[0] == pytest.approx(psc @ [0.5, -0.5], abs=1e-7)
        everywhere = noise.rho ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
        tau = np.where(np.isfinite(plan.prior[kept]), plan.prior[kept], 0.0)
        variance = noise.variance * v @ everywhere @ v + 0.5 * ((penalty**2 * z * tau) ** 2).sum()
        assert found.errors[0] == pytest.approx(np.sqrt(variance), rel=1e-6)


def test_volume_and_baseline_are_cleaned_with_the_same_whitened_coefficients():
    plan, samples = a_run(prewhiten=True, prior={})
    state, _ = stream(plan, samples)
    current = model(plan, state.observations, len(samples))
    used = np.flatnonzero(state.observations.used)
    clean = cleaned(current, used)
    w = weighting(len(samples), used[-1:], used[30:40])
    expected = (clean[:, -1] - clean[:, 30:40].mean(axis=1)) * current.units
    np.testing.assert_allclose(compare(current, w).psc, expected, atol=1e-9)


def test_the_prior_fades_as_volumes_come():
    apart = []
    for repeat in (1, 8):
        plain, _ = a_plan(a_study(repeat=repeat))
        with_prior, _ = a_plan(a_study(repeat=repeat, prior={}))
        rng = np.random.default_rng(5)
        motion = wandering_head(rng, plain.planned_volumes)
        samples = samples_of(LEVEL + 3 * ar1(rng, plain.planned_volumes, 2, 0.3), motion)
        one, other = stream(plain, samples)[1][-20:], stream(with_prior, samples)[1][-20:]
        apart.append(max(abs(a.rois[0].cleaned - b.rois[0].cleaned) / a.rois[0].se for a, b in zip(one, other, strict=True)))
    assert apart[1] < apart[0]


def test_the_prior_never_shrinks_a_true_response():
    """Without noise but a hair of it, a response of 1 % comes out as 1 %, whatever motion is expected to do."""
    plan, _ = a_plan(a_study(repeat=2, prior={"motion_percent_per_mm": 0.01, "drift_percent": 0.01}, score="fitted"))
    rng = np.random.default_rng(6)
    motion = wandering_head(rng, plan.planned_volumes)
    course = plan.design[plan.tasks].sum(axis=0)
    raw = LEVEL * (1 + np.outer(course, [0.01, -0.01])) + 1e-6 * rng.standard_normal((plan.planned_volumes, 2))
    _, readings = stream(plan, samples_of(raw, motion))
    for score in plan.scores:
        truth = course[list(score.volumes)].mean() - course[list(score.baseline)].mean()
        assert readings[score.shown.start].score == pytest.approx(truth, rel=5e-3)
