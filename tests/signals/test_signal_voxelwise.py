"""The map against numpy's offline least squares, at every volume; what the map is where there is none to be had."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_runs import LEVEL, a_plan, a_study, ar1, wandering_head

from rtfmri.signals import voxel_kernels, voxelwise
from rtfmri.signals.noise import MINIMUM_DOF
from rtfmri.signals.voxelwise import absorb, effect_percent, informative, room_for, shared_out, t_map

VOXELS = 7


def independent(design, active):
    """Columns that are active and say something that those before them do not."""
    kept, basis = np.zeros(design.shape[1], bool), np.zeros((len(design), 0))
    for j in np.flatnonzero(active):
        left = design[:, j] - basis @ (basis.T @ design[:, j])
        left -= basis @ (basis.T @ left)
        kept[j] = np.linalg.norm(left) > 1e-7 * np.linalg.norm(design[:, j])
        if kept[j]:
            basis = np.column_stack([basis, left / np.linalg.norm(left)])
    return kept


def offline(design, values, contrast, active, covariance=None):
    """(t, effect) of the volumes so far by numpy; with ``covariance`` (N, N), generalised least squares."""
    kept = independent(design, active)
    shares = shared_out(contrast, kept)[kept]
    x, dof = design[:, kept], len(design) - kept.sum()
    if not shares.any() or dof < MINIMUM_DOF:
        return np.zeros(values.shape[1]), None
    white = np.eye(len(design)) if covariance is None else np.linalg.inv(np.linalg.cholesky(covariance))
    x, y = white @ x, white @ values
    beta = np.linalg.lstsq(x, y, rcond=None)[0]
    variance = ((y - x @ beta) ** 2).sum(axis=0) / dof
    inverse = np.linalg.pinv(x)
    return shares @ beta / np.sqrt(variance * ((shares @ inverse) ** 2).sum()), shares @ beta


def a_run(volumes=200, seed=0, rho=0.3, tr_s=1.0):
    """A study's plan, its design rows (N, P) with motion in them, and voxels (N, V) with drift and a response."""
    plan, _ = a_plan(a_study(), tr_s)
    rng = np.random.default_rng(seed)
    design = plan.design.T.copy()
    design[:, plan.motion] = wandering_head(rng, len(design))
    values = LEVEL + 5 * ar1(rng, len(design), VOXELS, rho) + np.linspace(0, 30, len(design))[:, None]
    values += design[:, plan.tasks].sum(axis=1)[:, None] * np.linspace(0, 6, VOXELS)
    return plan, design[:volumes], values[:volumes].astype(np.float32)


def all_blocks(plan):
    contrast = np.zeros(len(plan.design))
    contrast[plan.tasks] = 1 / len(contrast[plan.tasks])
    return contrast


@pytest.mark.parametrize("rho", [0.0, 0.4])
def test_the_map_equals_an_offline_fit_of_the_volumes_so_far_at_every_volume(rho):
    plan, design, values = a_run(280)
    fit, contrast, used, last, judged = room_for(design.shape[1], VOXELS, rho), all_blocks(plan), [], -1, 0
    for index in range(len(design)):
        if index % 17 in (3, 4) or 100 <= index < 110:
            continue
        absorb(fit, design[index], values[index], index - last)
        used, last = [*used, index], index
        active = plan.active_from <= index
        covariance = rho ** np.abs(np.subtract.outer(used, used)) if rho else None
        t, effect = offline(design[used], values[used].astype(float), contrast, active, covariance)
        np.testing.assert_allclose(t_map(fit, contrast, active), t, rtol=1e-5, atol=1e-5)
        if effect is not None:
            mean = values[used].astype(float).mean(axis=0)
            np.testing.assert_allclose(effect_percent(fit, contrast, active), 100 * effect / mean, rtol=1e-5, atol=1e-6)
            judged += 1
    assert judged > 200


@given(st.integers(0, 2**32 - 1), st.integers(2, 9), st.sets(st.integers(0, 44), max_size=20))
@settings(max_examples=25)
def test_any_design_with_gaps_dependent_columns_and_waiting_ones_fits_as_offline(seed, columns, gaps):
    rng = np.random.default_rng(seed)
    volumes = 45
    design = rng.standard_normal((volumes, columns)) * 10.0 ** rng.integers(-3, 3, columns)
    design[:, 0] = 1.0
    for j in range(1, columns):
        kind = rng.integers(5)
        if kind == 0:
            design[: rng.integers(volumes + 1), j] = 0.0  # a block to come
        elif kind == 1:
            design[:, j] = design[:, :j] @ rng.integers(-2, 3, j)
    values = rng.standard_normal((volumes, VOXELS)) + rng.uniform(-50, 50, VOXELS)
    contrast = rng.integers(-2, 3, columns).astype(float)
    active = rng.random(columns) < 0.8
    fit, used = room_for(columns, VOXELS), []
    for index in sorted(set(range(volumes)) - gaps):
        absorb(fit, design[index], values[index])
        used.append(index)
        t, _ = offline(design[used], values[used], contrast, active)
        np.testing.assert_allclose(t_map(fit, contrast, active), t, rtol=1e-5, atol=1e-5)


def test_ten_thousand_volumes_lose_no_digits_and_take_no_memory():
    rng = np.random.default_rng(1)
    volumes, columns = 10_000, 18
    design = np.cumsum(rng.standard_normal((volumes, columns)), axis=0)
    design[:, 0] = 1.0
    values = (LEVEL + np.linspace(0, 300, volumes)[:, None] + 5 * rng.standard_normal((volumes, VOXELS))).astype(np.float32)
    contrast, active = np.eye(columns)[5], np.ones(columns, bool)
    fit = room_for(columns, VOXELS)
    sizes = [array.nbytes for array in vars(fit).values() if isinstance(array, np.ndarray)]
    for index in range(volumes):
        absorb(fit, design[index], values[index])
        if index % 2500 == 2499:
            t, _ = offline(design[: index + 1], values[: index + 1].astype(float), contrast, active)
            np.testing.assert_allclose(t_map(fit, contrast, active), t, rtol=1e-5, atol=1e-5)
    assert sizes == [array.nbytes for array in vars(fit).values() if isinstance(array, np.ndarray)]


def null_map(noise_rho, fit_rho):
    plan, design, _ = a_run(280)
    noise = LEVEL + 10 * ar1(np.random.default_rng(3), len(design), 4000, noise_rho)
    fit = room_for(design.shape[1], 4000, fit_rho)
    for row, values in zip(design, noise, strict=True):
        absorb(fit, row, values.astype(np.float32))
    return t_map(fit, all_blocks(plan), np.ones(len(plan.design), bool))


def test_white_noise_gives_a_t_distribution():
    t = null_map(0.0, 0.0)
    assert abs(t.mean()) < 0.05
    assert t.std() == pytest.approx(1.0, abs=0.04)
    assert 0.03 < (np.abs(t) > 1.97).mean() < 0.07


def test_autocorrelated_noise_inflates_t_and_whitening_brings_it_back():
    assert null_map(0.4, 0.0).std() > 1.3
    assert null_map(0.4, 0.4).std() == pytest.approx(1.0, abs=0.06)


def test_a_block_to_come_does_not_dilute_the_mean_of_those_before_it():
    plan, design, values = a_run(110)  # one block over, the second begun
    fit = room_for(design.shape[1], VOXELS)
    for row, volume in zip(design, values, strict=True):
        absorb(fit, row, volume)
    active = plan.active_from <= 109
    first = np.zeros(len(plan.design))
    first[plan.tasks.start] = 1.0
    some = all_blocks(plan)
    some[plan.tasks.start + 1] = 0.0  # the first and the one to come
    np.testing.assert_array_equal(t_map(fit, some, active), t_map(fit, first, active))
    versus = first.copy()
    versus[plan.tasks.stop - 1] = -1.0
    assert not t_map(fit, versus, active).any()


def test_the_map_does_not_fall_into_noise_when_a_block_begins():
    plan, design, values = a_run(280)
    fit, contrast, full, kept = room_for(design.shape[1], VOXELS), all_blocks(plan), [], []
    for index, (row, volume) in enumerate(zip(design, values, strict=True)):
        absorb(fit, row, volume)
        active = plan.active_from <= index
        full.append(t_map(fit, contrast, active)[-1])
        kept.append(t_map(fit, informative(fit, contrast, active), active)[-1])
    second_begins = slice(117, 123)
    assert min(kept[second_begins]) > 3 * max(map(abs, full[second_begins][1:3]))
    assert min(kept[100:]) > 2
    assert kept[-1] == full[-1]


def test_informative_is_the_contrast_of_least_variance_and_leaves_equals_alone():
    rng = np.random.default_rng(5)
    fit, design = room_for(5, 1), np.concatenate([np.ones((80, 1)), np.kron(np.eye(4), np.ones((20, 1)))], axis=1)
    design[60:, 4] = 0.0
    design[79, 4] = 0.05  # has only begun
    for row in design[rng.permutation(80)]:
        absorb(fit, row, np.zeros(1))
    contrast, active = np.array([0.0, 0.25, 0.25, 0.25, 0.25]), np.ones(5, bool)
    np.testing.assert_allclose(informative(fit, contrast, active), [0, 1 / 3, 1 / 3, 1 / 3, 0], atol=1e-12)
    np.testing.assert_allclose(informative(fit, np.array([0, -1.0, 0, 0, 1.0]), active), [0, -1, 0, 0, 1])
    assert not informative(fit, np.array([0, -1.0, 0, 0, 1.0]), np.array([True] * 4 + [False])).any()


def test_there_is_no_map_where_nothing_varies_numbers_are_lacking_or_volumes_are_few():
    plan, design, values = a_run(60)
    values = values.copy()
    values[:, 0], values[:, 1], values[30, 2] = 0.0, 1234.5, np.nan
    fit, contrast = room_for(design.shape[1], VOXELS), all_blocks(plan)
    for index in range(60):
        absorb(fit, design[index], values[index])
        t = t_map(fit, contrast, plan.active_from <= index)
        if index < MINIMUM_DOF:
            assert not t.any()
    assert (t[:3] == 0.0).all()
    assert (t[3:] != 0.0).all()
    assert np.isfinite(effect_percent(fit, contrast)).all()
    assert effect_percent(fit, contrast)[0] == 0.0


def test_the_voxels_do_not_depend_on_how_many_there_are_and_repeat_bit_for_bit():
    _, design, values = a_run(60)
    voxelwise.warm_up()
    wide = np.tile(values, 200)
    maps = []
    for voxels in (values, wide, wide):
        fit = room_for(design.shape[1], voxels.shape[1], 0.2)
        for row, volume in zip(design, voxels, strict=True):
            absorb(fit, row, volume)
        maps.append(t_map(fit, np.eye(design.shape[1])[-3], np.ones(design.shape[1], bool)))
    assert maps[0].dtype == np.float32
    assert np.array_equal(maps[1], maps[2])
    assert np.array_equal(np.tile(maps[0], 200), maps[1])


def test_nothing_is_compiled_after_the_warm_up_whatever_the_arrays_are_like():
    voxelwise.warm_up()
    kernels = (voxel_kernels.rotate_in, voxel_kernels.unexplained, voxel_kernels.t_values, voxel_kernels.percent_values)
    compiled = [len(kernel.signatures) for kernel in kernels]
    _, design, values = a_run(40)
    values.setflags(write=False)
    fit, active = room_for(design.shape[1], VOXELS), np.ones(design.shape[1], bool)
    contrast = np.eye(design.shape[1])[-3]
    for index in range(40):
        absorb(fit, design[:, ::-1][index, ::-1], values[index, ::-1], 1 + index % 2)
        t_map(fit, informative(fit, contrast, active), active)
        effect_percent(fit, contrast)
    assert compiled == [len(kernel.signatures) for kernel in kernels]


def test_wrong_sizes_rows_that_are_no_numbers_and_wrong_correlations_are_the_callers_mistake():
    fit = room_for(3, 4)
    for row, values in ((np.ones(2), np.ones(4)), (np.ones(3), np.ones(5)), (np.array([1.0, np.nan, 0.0]), np.ones(4))):
        with pytest.raises(ValueError, match="came for 3 columns"):
            absorb(fit, row, values)
    assert fit.volumes == 0
    with pytest.raises(ValueError, match="correlation"):
        room_for(3, 4, 1.0)
