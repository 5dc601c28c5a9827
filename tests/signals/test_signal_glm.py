"""The streaming fit against numpy's offline one, at every volume."""

import numpy as np
import pytest
from signal_runs import LEVEL, a_plan, a_study, ar1, fit_offline, samples_of, stream, usable, wandering_head

from rtfmri.signals import glm
from rtfmri.signals.stream import start, update

FLAGGED, MISSING, PAUSED = {40, 41, 90, 199}, {12, 60, 61, 62}, set(range(120, 130))


def noisy_samples(plan, seed=0):
    rng = np.random.default_rng(seed)
    volumes = plan.planned_volumes
    raw = LEVEL + 5 * ar1(rng, volumes, 2, 0.3) + np.linspace(0, 20, volumes)[:, None]
    return samples_of(raw, wandering_head(rng, volumes), FLAGGED, MISSING, PAUSED)


@pytest.mark.parametrize("tr_s", [1.0, 1.97])
def test_the_streaming_fit_equals_the_offline_fit_of_the_volumes_so_far_at_every_volume(tr_s):
    plan, _ = a_plan(a_study(), tr_s)
    samples = noisy_samples(plan)
    state, full_rank = start(plan), 0
    for index, sample in enumerate(samples):
        state, _ = update(plan, state, sample)
        offline = fit_offline(plan, samples[: index + 1])
        volumes = int(offline.used.sum())
        fit = glm.solve(state.observations, plan.active_from <= index, volumes)
        left = glm.residuals(state.observations, fit, index + 1)
        np.testing.assert_allclose(left.T, offline.residuals, atol=1e-8)
        if offline.full_rank and volumes > len(fit.kept):
            full_rank += 1
            np.testing.assert_allclose(fit.coefficients[fit.kept], offline.coefficients, rtol=1e-8, atol=1e-8)
    assert full_rank > plan.planned_volumes / 2


def test_ten_thousand_volumes_lose_no_digits():
    rng = np.random.default_rng(1)
    volumes, columns = 10_000, 25
    design = np.cumsum(rng.standard_normal((volumes, columns)), axis=0)
    design[:, 0] = 1.0
    values = LEVEL + rng.standard_normal((volumes, 2))
    observations = glm.room_for(columns, 2, volumes)
    for index in range(volumes):
        glm.note(observations, index, design[index], values[index])
        glm.absorb(observations, index)
        if index % 1000 == 999:
            fit = glm.solve(observations, np.ones(columns, dtype=bool), index + 1)
            offline = np.linalg.lstsq(design[: index + 1], values[: index + 1], rcond=None)[0]
            np.testing.assert_allclose(fit.coefficients, offline, atol=1e-8)


def test_a_column_that_says_nothing_new_is_left_out_and_the_fit_is_still_the_best():
    rng = np.random.default_rng(2)
    design = rng.standard_normal((30, 6))
    design[:, 0] = 1.0
    design[:, 2] = 3.0  # a constant motion parameter
    design[:, 3] = 0.0  # a block to come
    design[:, 4] = design[:, 1] - 2 * design[:, 0]
    values = rng.standard_normal((30, 1))
    observations = glm.room_for(6, 1, 30)
    for index in range(30):
        glm.note(observations, index, design[index], values[index])
        glm.absorb(observations, index)
    fit = glm.solve(observations, np.ones(6, dtype=bool), 30)
    assert fit.kept.tolist() == [0, 1, 5]
    assert fit.dof == 27
    assert not fit.coefficients[[2, 3, 4]].any()
    best = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    np.testing.assert_allclose(design @ fit.coefficients, best, atol=1e-12)


def test_a_column_that_is_not_active_yet_does_not_change_the_fit_without_it():
    rng = np.random.default_rng(3)
    design, values = rng.standard_normal((40, 5)), rng.standard_normal((40, 2))
    observations = glm.room_for(5, 2, 40)
    for index in range(40):
        glm.note(observations, index, design[index], values[index])
        glm.absorb(observations, index)
    active = np.array([True, False, True, False, True])
    fit = glm.solve(observations, active, 40)
    np.testing.assert_allclose(fit.coefficients[active], np.linalg.lstsq(design[:, active], values, rcond=None)[0], atol=1e-12)
    assert not fit.coefficients[~active].any()


def test_neighbours_in_time_are_counted_across_gaps_by_their_numbers():
    plan, _ = a_plan(a_study())
    samples = noisy_samples(plan)
    state, _ = stream(plan, samples)
    used = usable(plan, samples)
    columns = np.where(used, state.observations.columns, 0.0)
    for lag in range(1, glm.LAGS + 1):
        half = columns[:, :-lag] @ columns[:, lag:].T
        np.testing.assert_allclose(state.observations.lags[lag - 1], half + half.T, rtol=1e-9, atol=1e-9)


def test_the_memory_of_a_run_is_fixed_when_it_starts():
    plan, _ = a_plan(a_study())
    before = start(plan)
    arrays = {name: id(array) for name, array in vars(before.observations).items()}
    state = before
    for sample in noisy_samples(plan):
        state, _ = update(plan, state, sample)
    assert {name: id(array) for name, array in vars(state.observations).items()} == arrays
