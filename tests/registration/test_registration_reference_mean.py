"""The mean of realigned volumes as a reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moved_head import CENTRE_MM, displacement_mm, oblique_grid, volume_of

from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.mean import MeanOfVolumes
from rtfmri.registration.realign import estimate, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Image

GRID = oblique_grid(shape=(44, 50, 26), voxel_mm=(3.8, 3.8, 4.8))
STILL = RigidTransform(centre_mm=tuple(CENTRE_MM))


def moved(size: float, seed: int) -> RigidTransform:
    trans, rot = np.random.default_rng(seed).normal(size=(2, 3)) * size
    return RigidTransform(tuple(trans), tuple(np.radians(rot)), tuple(CENTRE_MM))


@pytest.fixture(scope="module")
def mean_of_eight() -> Image:
    mean = MeanOfVolumes.begun(volume_of(GRID, STILL, seed=1), GRID)
    for seed in range(2, 9):
        here = moved(0.4, seed)
        mean = mean.with_volume(prefilter(volume_of(GRID, here, seed)), here)
    assert mean.taken == 8
    return mean.image


def test_the_mean_of_eight_volumes_has_about_a_third_of_the_noise_of_one(mean_of_eight: Image) -> None:
    truth = volume_of(GRID, STILL)
    inner = truth > 0.8 * np.median(truth[truth > 300])
    inner[:, :, :2] = inner[:, :, -2:] = False
    one = (volume_of(GRID, STILL, seed=1) - truth)[inner].std()
    eight = (mean_of_eight - truth)[inner].std()
    assert eight < 0.55 * one, "noise alone would be 0.35; what is interpolated at edges adds to it"


def test_the_mean_lies_where_its_first_volume_lies(mean_of_eight: Image) -> None:
    truth = volume_of(GRID, STILL)
    reference = prepare(truth, GRID, head_mask(truth))
    found = estimate(reference, prefilter(mean_of_eight), RigidTransform(centre_mm=reference.centre_mm))
    assert displacement_mm(GRID, found.transform.matrix, np.eye(4)) < 0.01


def test_estimates_against_a_mean_come_nearer_to_the_truth_than_against_one_volume(mean_of_eight: Image) -> None:
    one = volume_of(GRID, STILL, seed=1)
    mask = head_mask(one)
    errors = []
    for image in (one, mean_of_eight):
        reference, start, total = prepare(image, GRID, mask), STILL, 0.0
        for seed in range(20, 25):
            true = moved(0.4, seed)
            found = estimate(reference, prefilter(volume_of(GRID, true, seed)), start)
            total += displacement_mm(GRID, found.transform.matrix, true.matrix)
        errors.append(total / 5)
    assert errors[1] < errors[0]
    assert errors[1] < 0.02


def test_a_voxel_that_some_volumes_do_not_cover_is_the_mean_of_the_others() -> None:
    first = volume_of(GRID, STILL, seed=1)
    normal = GRID.affine[:3, 2] / GRID.voxel_size_mm[2]
    up = RigidTransform(tuple(1.5 * GRID.voxel_size_mm[2] * normal), (0.0, 0.0, 0.0), tuple(CENTRE_MM))
    mean = MeanOfVolumes.begun(first, GRID).with_volume(prefilter(volume_of(GRID, up, seed=2)), up).image
    assert np.array_equal(mean[:, :, -1], first[:, :, -1]), "the second volume does not reach so far up"
    assert not np.array_equal(mean[:, :, 10], first[:, :, 10])
    assert abs(mean[20:24, 22:28, 1].mean() / first[20:24, 22:28, 1].mean() - 1.0) < 0.05


@settings(max_examples=10)
@given(copies=st.integers(1, 6), seed=st.integers(0, 1000))
def test_the_mean_of_copies_is_the_volume_itself(copies: int, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(0, 4000, size=GRID.shape).astype(np.float32)
    mean = MeanOfVolumes.begun(image, GRID)
    for _ in range(copies - 1):
        mean = mean.with_volume(prefilter(image), STILL)
    np.testing.assert_allclose(mean.image, image, rtol=1e-4, atol=0.05)
