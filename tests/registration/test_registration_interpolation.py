"""The spline against scipy.ndimage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from rtfmri.registration.interpolation import inside, prefilter, sample, sample_moved, warm_up

shapes = st.tuples(*[st.integers(1, 33)] * 3)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    warm_up()


@given(shape=shapes, seed=st.integers(0, 2**32 - 1))
def test_coefficients_are_those_of_scipy_on_any_shape(shape: tuple[int, int, int], seed: int) -> None:
    image = (1000 * np.random.default_rng(seed).random(shape)).astype(np.float32)
    oracle = ndimage.spline_filter(image.astype(np.float64), order=3, mode="mirror")
    assert np.abs(prefilter(image) - oracle).max() < 1e-6 * np.abs(oracle).max()


@given(shape=shapes, seed=st.integers(0, 2**32 - 1))
def test_values_are_those_of_scipy_inside_and_mirrored_outside(shape: tuple[int, int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    coefficients = prefilter((1000 * rng.random(shape)).astype(np.float32))
    points = rng.uniform(-20, np.array(shape) + 20, (200, 3))
    oracle = ndimage.map_coordinates(coefficients.astype(np.float64), points.T, order=3, mode="mirror", prefilter=False)
    np.testing.assert_allclose(sample(coefficients, points), oracle, atol=1e-9)


def test_a_volume_sampled_at_its_own_voxels_is_itself() -> None:
    image = (1000 * np.random.default_rng(1).random((20, 17, 9))).astype(np.float32)
    voxels = np.argwhere(np.ones(image.shape))
    np.testing.assert_allclose(sample(prefilter(image), voxels.astype(float)), image.ravel(), atol=2e-3)


def test_the_image_is_left_as_it_was_and_a_read_only_one_will_do() -> None:
    image = np.random.default_rng(1).random((8, 7, 6)).astype(np.float32)
    before = image.copy()
    image.setflags(write=False)
    prefilter(image)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("image", [np.zeros((4, 4, 4)), np.zeros((4, 4), dtype=np.float32)])
def test_what_is_no_float32_volume_is_refused(image: np.ndarray) -> None:
    with pytest.raises(ValueError, match="float32"):
        prefilter(image)


def test_inside_ends_half_a_voxel_beyond_the_outermost_centres() -> None:
    points = np.array([[0, 0, 0], [-0.4, 0, 0], [-0.6, 0, 0], [3.4, 2, 1], [3, 2, 1.6]])
    assert inside(points, (4, 3, 2)).tolist() == [True, True, False, True, False]


def test_moved_voxels_get_the_values_of_their_points_and_zero_beyond_the_outermost_centres() -> None:
    rng = np.random.default_rng(2)
    coefficients = prefilter(rng.random((12, 13, 9)).astype(np.float32))
    voxels = np.argwhere(np.ones((12, 13, 9))).astype(np.int32)
    to_moving = np.eye(4)[:3] + rng.normal(scale=0.02, size=(3, 4)) + np.array([[0, 0, 0, 0.7]] * 3)
    values, within = np.empty(len(voxels)), np.empty(len(voxels), dtype=np.bool_)
    sample_moved(coefficients, voxels, to_moving, values, within)
    points = voxels @ to_moving[:, :3].T + to_moving[:, 3]
    inner = ((points >= 0) & (points <= np.array(coefficients.shape) - 1)).all(axis=1)
    assert 0 < inner.sum() < len(voxels)
    np.testing.assert_array_equal(within, inner)
    np.testing.assert_allclose(values, np.where(inner, sample(coefficients, points), 0.0), atol=1e-6)
