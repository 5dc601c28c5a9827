"""The noise model against dense matrices, and its estimates against noise that is known."""

import numpy as np
import pytest
from signal_runs import a_plan, a_study, ar1, fit_offline, samples_of, stream, usable, wandering_head

from rtfmri.signals import glm
from rtfmri.signals.noise import LARGEST_RHO, MINIMUM_DOF, Noise, estimate, expectation, standard_error

RHOS = (0.0, 0.3, 0.6)


def distances(volumes: int) -> np.ndarray:
    return np.abs(np.subtract.outer(np.arange(volumes), np.arange(volumes)))


def value_of(polynomial: np.ndarray, rho: float) -> float:
    return float((polynomial * rho ** np.arange(len(polynomial))).sum())


@pytest.mark.parametrize("rho", RHOS)
def test_the_variance_of_a_weighted_sum_follows_the_covariance_of_the_noise(rho):
    v = np.random.default_rng(0).standard_normal(80)
    v[30:36] = 0.0
    dense = np.sqrt(2.5 * v @ (rho ** distances(80)) @ v)
    assert standard_error(v, Noise(2.5, rho)) == pytest.approx(dense, rel=1e-12)


def a_fit(flagged=(), repeat=2):
    plan, _ = a_plan(a_study(repeat=repeat))
    rng = np.random.default_rng(5)
    volumes = plan.planned_volumes
    samples = samples_of(1000 + ar1(rng, volumes, 2, 0.3), wandering_head(rng, volumes), flagged)
    state, _ = stream(plan, samples)
    used = usable(plan, samples)
    fit = glm.solve(state.observations, plan.active_from < volumes, int(used.sum()))
    return state.observations, fit, fit_offline(plan, samples).design[used], np.flatnonzero(used)


@pytest.mark.parametrize("repeat", [1, 2])
@pytest.mark.parametrize("flagged", [(), (20, 21, 45, 60, 100, 101, 102)])
@pytest.mark.parametrize(("rho", "tolerance"), [(0.0, 1e-9), (0.3, 1e-6), (0.6, 0.003), (0.8, 0.05)])
def test_what_the_design_leaves_of_the_noise_is_what_dense_matrices_say(rho, tolerance, flagged, repeat):
    """Left out by the fast form: lags beyond LAGS."""
    observations, fit, design, numbers = a_fit(flagged, repeat)
    expected = expectation(observations, fit)
    basis, _ = np.linalg.qr(design)
    maker = np.eye(len(design)) - basis @ basis.T
    apart = np.abs(np.subtract.outer(numbers, numbers))
    covariance, neighbours = rho**apart, (apart == 1).astype(float)
    total = np.trace(maker @ covariance)
    assert value_of(expected.total, rho) == pytest.approx(total, rel=tolerance)
    moment = np.trace(maker @ neighbours @ maker @ covariance)
    assert value_of(expected.neighbours, rho) == pytest.approx(moment, abs=tolerance * total)


@pytest.mark.parametrize("rho", [0.2, 0.4, 0.6])
def test_noise_is_estimated_without_bias_behind_a_design_that_takes_much_of_it(rho):
    observations, fit, design, _ = a_fit()
    expected = expectation(observations, fit)
    noise = 3.0 * ar1(np.random.default_rng(6), len(design), 300, rho)
    left = noise - design @ np.linalg.lstsq(design, noise, rcond=None)[0]
    found = [estimate(series, expected) for series in left.T]
    assert np.mean([n.rho for n in found]) == pytest.approx(rho, abs=0.04)
    assert np.mean([n.variance for n in found]) == pytest.approx(9.0, rel=0.1)


def test_the_plain_estimate_of_rho_would_be_far_too_small():
    """Why the correction is there: the same residuals, taken at face value."""
    _, _, design, _ = a_fit()
    noise = ar1(np.random.default_rng(6), len(design), 300, 0.6)
    left = noise - design @ np.linalg.lstsq(design, noise, rcond=None)[0]
    assert ((left[1:] * left[:-1]).sum(axis=0) / (left**2).sum(axis=0)).mean() < 0.55


def test_alternating_noise_is_taken_as_white():
    observations, fit, design, _ = a_fit()
    found = estimate(np.resize([1.0, -1.0], len(design)), expectation(observations, fit))
    assert found.rho == 0.0


def test_noise_that_hardly_changes_is_held_to_the_largest_rho():
    observations, fit, design, _ = a_fit()
    assert estimate(np.ones(len(design)), expectation(observations, fit)).rho == LARGEST_RHO


def test_without_enough_volumes_there_is_no_estimate():
    observations, fit, design, _ = a_fit()
    expected = expectation(observations, fit)
    few = type(expected)(expected.total, expected.neighbours, MINIMUM_DOF - 1)
    assert estimate(np.ones(len(design)), few) is None
