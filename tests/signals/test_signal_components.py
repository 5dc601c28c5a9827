"""Leading components against numpy's SVD, and their causality: learned once, the same weighting before and after."""

from dataclasses import replace

import numpy as np
import pytest
from signal_runs import LEVEL, a_plan, a_study, ar1, samples_of, stream, wandering_head

from rtfmri.signals import glm
from rtfmri.signals.components import learn, project
from rtfmri.signals.stream import LEARNING, start, update


def tissue_of(rng, volumes, voxels=60, sources=2, noise=1.0):
    courses = ar1(rng, volumes, sources, 0.5) * np.array([8.0, 4.0])[:sources]
    return 800 + courses @ rng.standard_normal((sources, voxels)) + noise * rng.standard_normal((volumes, voxels)), courses


def test_the_components_are_those_of_numpys_svd():
    values, _ = tissue_of(np.random.default_rng(0), 40)
    found = learn(values, 2)
    x = np.arange(40.0)
    left = values - np.column_stack([np.polyval(np.polyfit(x, voxel, 1), x) for voxel in values.T])
    standard = left / np.sqrt((left**2).sum(axis=0) / 38)
    u, s, _ = np.linalg.svd(standard, full_matrices=False)
    ours = np.array([project(found, volume) for volume in left + found.mean])
    for number in range(2):
        correlation = ours[:, number] @ u[:, number] / np.linalg.norm(ours[:, number])
        assert abs(correlation) == pytest.approx(1.0, abs=1e-9)
        assert np.linalg.norm(ours[:, number]) == pytest.approx(s[number] ** 2 / 60, rel=1e-9)


def test_dead_voxels_and_too_many_components_do_no_harm():
    values, _ = tissue_of(np.random.default_rng(1), 12)
    values[:, :5] = 0.0
    found = learn(values, 14)
    assert np.isfinite(found.weights).all()
    assert not found.weights[:, :5].any()
    assert not found.weights[10:].any()


def a_run(components=3, tissue=None, flagged=(), **signal):
    study = a_study(repeat=2, **{"nuisance": ["drift", "white_matter"], "tissue_components": components} | signal)
    plan, _ = a_plan(study)
    rng = np.random.default_rng(3)
    volumes = plan.planned_volumes
    values, courses = tissue_of(rng, volumes) if tissue is None else tissue
    raw = LEVEL + 2 * ar1(rng, volumes, 2, 0.3) + courses[:, :1] * [2.0, -1.0]
    samples = samples_of(raw, wandering_head(rng, volumes), flagged)
    return plan, values, [replace(s, tissue={"white_matter": values[s.index]}) for s in samples]


def test_volumes_before_and_after_the_learning_have_columns_of_one_weighting():
    plan, values, samples = a_run(flagged={20})
    state, _ = stream(plan, samples)
    weights = state.memory.components["white_matter"]
    block = plan.carried[0].columns
    used = state.observations.used
    expected = np.array([project(weights, volume) for volume in values.astype(np.float64)])
    np.testing.assert_allclose(state.observations.columns[block].T[used], expected[used], atol=1e-3)  # single precision while collected
    design = state.observations.columns.T[used]
    best = design @ np.linalg.lstsq(design, state.observations.values.T[used], rcond=None)[0]
    fit = glm.solve(state.observations, np.ones(len(plan.design), dtype=bool), int(used.sum()))
    np.testing.assert_allclose(design @ fit.coefficients, best, atol=1e-8)
    assert state.memory.collected == ()


def test_the_weights_follow_from_the_first_rest_alone():
    plan, values, samples = a_run()
    changed = values.copy()
    changed[plan.learned_from + 1 :] = 500.0
    first, _ = stream(plan, samples)
    second, _ = stream(plan, [replace(s, tissue={"white_matter": changed[s.index]}) for s in samples])
    one, other = first.memory.components["white_matter"], second.memory.components["white_matter"]
    assert (one.weights == other.weights).all()
    assert (one.mean == other.mean).all()


def test_components_take_out_what_tissue_and_regions_share():
    plan, _, samples = a_run()
    without, _ = a_plan(a_study(repeat=2, nuisance=["drift"]))
    spread = lambda plan: np.std([r.regulation for r in stream(plan, samples)[1] if r.regulation is not None])  # noqa: E731
    assert spread(plan) < 0.5 * spread(without)


def test_nothing_settles_before_the_components_are_learned():
    plan, _, samples = a_run(components=8, flagged=set(range(5, 25)), nuisance=["white_matter"], settled_se_percent=9.0)
    state, readings = stream(plan, samples)
    learned = next(i for i in range(len(samples)) if state.observations.used[: i + 1].sum() == 16)
    assert plan.baselines[0].stop < learned
    assert not any(reading.settled for reading in readings[:learned])
    assert readings[learned - 1].why == LEARNING
    assert readings[learned - 1].feedback is None
    assert any(reading.settled for reading in readings[learned:])


def test_weights_of_an_earlier_run_serve_from_the_first_volume():
    plan, values, samples = a_run()
    given = replace(plan, components={"white_matter": learn(values, 3)})
    state = start(given)
    for sample in samples[:10]:
        state, _ = update(given, state, sample)
    expected = project(given.components["white_matter"], values[9])
    np.testing.assert_allclose(state.observations.columns[plan.carried[0].columns, 9], expected)
