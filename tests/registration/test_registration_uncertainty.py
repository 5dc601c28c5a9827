"""The uncertainty that an estimate tells, against the errors that it makes."""

from __future__ import annotations

import numpy as np
import pytest
from moved_head import displacement_mm, oblique_grid, volume_of

from rtfmri.registration import step
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Estimate, Reference, estimate, prepare
from rtfmri.registration.uncertainty import bad_slices, covariance_of, uncertainty_mm
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

GRID = oblique_grid()
MOTIONS = [
    RigidTransform((0.2, -0.1, 0.15), (0.002, 0.001, -0.001), (3.0, -6.0, 4.0)),
    RigidTransform((0.6, -0.8, 0.9), (0.012, 0.007, -0.009), (3.0, -6.0, 4.0)),
    RigidTransform((-1.1, 0.7, 1.4), (-0.01, 0.015, 0.02), (3.0, -6.0, 4.0)),
]


@pytest.fixture(scope="module")
def reference() -> Reference:
    still = volume_of(GRID, RigidTransform(), seed=1)
    return prepare(still, GRID, head_mask(still))


def noisy(image: Image, level: float, seed: int) -> Image:
    noise = np.random.default_rng(seed).normal(scale=level, size=image.shape)
    return np.maximum(image + noise, 0.0).astype(np.float32)


def scores(found: Estimate, true: RigidTransform) -> Array:
    """The six errors in standard errors."""
    there = RigidTransform.from_matrix(true.matrix, found.transform.centre_mm)
    errors = [*np.subtract(found.transform.trans_mm, there.trans_mm), *np.subtract(found.transform.rot_rad, there.rot_rad)]
    return np.array(errors) / np.sqrt(np.diag(found.covariance))


@pytest.fixture(scope="module")
def clean() -> list[Image]:
    """The still head and the moved ones without noise."""
    return [volume_of(GRID, motion) for motion in (RigidTransform(), *MOTIONS)]


@pytest.mark.parametrize("level", [8.0, 100.0])
def test_one_standard_error_covers_about_two_thirds_of_the_errors(clean: list[Image], level: float) -> None:
    still, *moved = clean
    found = []
    for seed in range(6):  # a new reference each time: its noise is half of the error
        reference = prepare(noisy(still, level, 100 + seed), GRID, head_mask(still))
        for number, (image, motion) in enumerate(zip(moved, MOTIONS, strict=True)):
            one = estimate(reference, prefilter(noisy(image, level, 1000 + 10 * seed + number)), RigidTransform())
            found.append(scores(one, motion))
    within = float(np.mean(np.abs(found) < 1)), float(np.mean(np.abs(found) < 2))
    print(f"noise {level:g}: {100 * within[0]:.0f} % within one standard error, {100 * within[1]:.0f} % within two")
    assert 0.55 < within[0] < 0.9
    assert within[1] > 0.9


def test_the_standard_error_at_50_mm_is_that_of_random_displacements() -> None:
    rng = np.random.default_rng(2)
    root = rng.normal(size=(6, 6)) * np.array([0.02, 0.03, 0.01, 4e-4, 2e-4, 3e-4])[:, None]
    errors = rng.normal(size=(40_000, 6)) @ root.T
    directions = rng.normal(size=(40_000, 3))
    directions *= 50 / np.linalg.norm(directions, axis=1, keepdims=True)
    moved = errors[:, :3] + np.cross(errors[:, 3:], directions)
    assert uncertainty_mm(root @ root.T) == pytest.approx(np.sqrt((moved**2).sum(axis=1).mean()), rel=0.02)


def test_the_covariance_is_the_clustered_sandwich_of_numpy() -> None:
    rng, slices, tiles, size = np.random.default_rng(5), 12, 9, 8
    normal = np.stack([np.eye(size) * 5 + rng.normal(scale=0.2, size=(size, size)) for _ in range(slices)])
    pieces, weights, slab = rng.normal(size=(tiles * slices, size + 4)), rng.uniform(0.3, 1, slices), np.arange(slices) // 4
    pieces[:, size + 1] = rng.integers(1, 50, tiles * slices)
    inverse = np.linalg.inv(np.tensordot(weights, normal, 1))[:6]
    shaped = pieces.reshape(tiles, slices, size + 4)
    cells = np.stack([[(weights[slab == s, None] * shaped[t, slab == s, :size]).sum(axis=0) for s in range(3)] for t in range(tiles)])
    voxels = np.stack([[shaped[t, slab == s, size + 1].sum() for s in range(3)] for t in range(tiles)])
    moves, number = cells.reshape(-1, size) @ inverse.T, voxels.sum() ** 2 / (voxels**2).sum()
    expected = moves.T @ moves * number / (number - size)
    np.testing.assert_allclose(covariance_of(normal, pieces, weights, slab), expected, rtol=1e-9)


def test_fewer_cells_than_parameters_tell_nothing() -> None:
    covariance = covariance_of(np.eye(8)[None], np.ones((8, 12)), np.ones(1), np.zeros(1, dtype=np.int64))
    assert uncertainty_mm(covariance) == np.inf


def test_more_noise_means_more_uncertainty(reference: Reference) -> None:
    image = volume_of(GRID, MOTIONS[1])
    known = [estimate(reference, prefilter(noisy(image, level, 3)), RigidTransform()).uncertainty_mm for level in (8.0, 40.0, 200.0)]
    assert known[0] < 0.02
    assert known[0] * 2 < known[1] < known[2] / 2


def test_the_covariance_is_symmetric_and_positive(reference: Reference) -> None:
    covariance = estimate(reference, prefilter(volume_of(GRID, MOTIONS[0], seed=2)), RigidTransform()).covariance
    assert covariance.shape == (6, 6)
    np.testing.assert_array_equal(covariance, covariance.T)
    assert (np.linalg.eigvalsh(covariance) > 0).all()


def test_a_head_out_of_the_volume_is_infinitely_uncertain(reference: Reference) -> None:
    coefficients = prefilter(volume_of(GRID, RigidTransform(), seed=1))
    assert estimate(reference, coefficients, RigidTransform((0.0, 0.0, 900.0))).uncertainty_mm == np.inf


@pytest.mark.parametrize(("bad", "factor"), [((), 1.0), ((16,), 0.7), ((15, 16), 0.6), ((6, 14, 22), 1.3)])
def test_bad_slices_are_named_and_no_others(reference: Reference, bad: tuple[int, ...], factor: float) -> None:
    image = volume_of(GRID, RigidTransform(), seed=7)
    image[:, :, bad] *= np.float32(factor)
    assert estimate(reference, prefilter(image), RigidTransform()).bad_slices == bad


def test_slices_without_signal_are_named(reference: Reference) -> None:
    image = volume_of(GRID, RigidTransform(), seed=7)
    image[:, :, :9] = 0.0
    found = estimate(reference, prefilter(image), RigidTransform())
    held = np.flatnonzero(reference.fine.counts[:9])
    assert set(held) <= set(found.bad_slices) <= set(range(10))


def test_a_slice_is_judged_by_its_neighbours() -> None:
    sums = np.zeros((20, 30))
    sums[:, 26], sums[:, 27], sums[:, 28:] = np.geomspace(1, 50, 20), 10, 1.0  # residuals that grow from slice to slice
    counts = np.full(20, 10)
    assert bad_slices(sums, counts) == ()
    sums[8, 26] *= 5
    sums[12, 28] = 0.2
    assert bad_slices(sums, counts) == (8, 12)
    assert step.is_lost(sums[12])


def test_a_volume_on_another_grid_is_realigned_as_well(reference: Reference) -> None:
    affine = oblique_grid((60, 66, 36), (3.0, 3.0, 3.6)).affine.copy()
    affine[:3, 3] += [1.0, 2.0, -1.5]
    other = Grid((60, 66, 36), affine)
    found = estimate(reference, prefilter(volume_of(other, MOTIONS[1], seed=4)), RigidTransform(), other)
    assert found.converged
    assert displacement_mm(GRID, found.transform.matrix, MOTIONS[1].matrix) < 0.03
