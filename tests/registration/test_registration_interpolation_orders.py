"""Splines of orders 3 to 7 against scipy: ndimage up to its order 5; beyond, its basis functions and a dense solve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.interpolate import BSpline

from rtfmri.registration.bspline import ORDERS, pieces, poles, shift
from rtfmri.registration.interpolation import prefilter, sample, sample_moved, warm_up

shapes = st.tuples(*[st.integers(1, 33)] * 3)
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    for order in ORDERS:
        warm_up(order)


def basis_at(order: int, x: np.ndarray) -> np.ndarray:
    """The centred B-spline, from scipy."""
    knots = np.arange(order + 2) - (order + 1) / 2
    return np.nan_to_num(BSpline.basis_element(knots, extrapolate=False)(x))


def matrix_of(order: int, points: np.ndarray, length: int) -> np.ndarray:
    """(points, length): how much each coefficient of a mirrored line adds at each point, all images within 40 voxels counted."""
    places = np.arange(-40, length + 40)
    period = max(2 * length - 2, 1)
    mirrored = np.abs((places + length - 1) % period - length + 1) if length > 1 else np.zeros(len(places), dtype=int)
    matrix = np.zeros((len(points), length))
    for place, index in zip(places, mirrored, strict=True):
        matrix[:, index] += basis_at(order, points - place)
    return matrix


def coefficients_by_dense_solve(order: int, image: np.ndarray) -> np.ndarray:
    for axis, length in enumerate(image.shape):
        matrix = matrix_of(order, np.arange(length), length)
        image = np.moveaxis(np.tensordot(np.linalg.inv(matrix), image, (1, axis)), 0, axis)
    return image


@pytest.mark.parametrize("order", ORDERS)
def test_weights_are_those_of_the_basis_spline_and_sum_to_one(order: int) -> None:
    u = np.linspace(0, 1, 41)
    weights = np.array([np.polyval(piece, u) for piece in pieces(order)])
    neighbours = np.arange(order + 1)[:, None] - order // 2
    np.testing.assert_allclose(weights, basis_at(order, u - shift(order) - neighbours), atol=1e-14)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=1e-14)


@pytest.mark.parametrize("order", ORDERS)
def test_poles_are_the_roots_of_the_sampled_spline_within_the_unit_circle(order: int) -> None:
    z = np.array(poles(order))
    half = order // 2
    sums = sum(basis_at(order, np.array(float(k))) * z ** (k + half) for k in range(-half, half + 1))
    assert len(z) == half
    assert np.all(np.abs(z) < 1)
    np.testing.assert_allclose(sums, 0.0, atol=1e-15)


@pytest.mark.parametrize("order", [2, 8, 0])
def test_other_orders_are_refused(order: int) -> None:
    image = np.zeros((4, 4, 4), dtype=np.float32)
    for ask in (lambda: prefilter(image, order), lambda: sample(image, np.zeros((1, 3)), order)):
        with pytest.raises(ValueError, match="from 3 to 7"):
            ask()


@given(shape=shapes, seed=seeds, order=st.sampled_from([4, 5]))
def test_coefficients_and_values_are_those_of_scipy(shape: tuple[int, int, int], seed: int, order: int) -> None:
    rng = np.random.default_rng(seed)
    image = (1000 * rng.random(shape)).astype(np.float32)
    coefficients = prefilter(image, order)
    oracle = ndimage.spline_filter(image.astype(np.float64), order=order, mode="mirror")
    assert np.abs(coefficients - oracle).max() < 2e-6 * np.abs(oracle).max()
    points = rng.uniform(-20, np.array(shape) + 20, (100, 3))
    values = ndimage.map_coordinates(coefficients.astype(np.float64), points.T, order=order, mode="mirror", prefilter=False)
    np.testing.assert_allclose(sample(coefficients, points, order), values, atol=1e-12 * np.abs(oracle).max())


@settings(max_examples=25)
@given(shape=st.tuples(*[st.integers(1, 20)] * 3), seed=seeds, order=st.sampled_from([6, 7]))
def test_beyond_scipys_orders_they_are_those_of_a_dense_solve(shape: tuple[int, int, int], seed: int, order: int) -> None:
    rng = np.random.default_rng(seed)
    image = (1000 * rng.random(shape)).astype(np.float32)
    coefficients = prefilter(image, order)
    oracle = coefficients_by_dense_solve(order, image.astype(np.float64))
    assert np.abs(coefficients - oracle).max() < 3e-6 * np.abs(oracle).max()
    points = rng.uniform(-10, np.array(shape) + 10, (20, 3))
    x, y, z = (matrix_of(order, points[:, axis], shape[axis]) for axis in range(3))
    values = np.einsum("na,nb,nc,abc->n", x, y, z, coefficients.astype(np.float64))
    np.testing.assert_allclose(sample(coefficients, points, order), values, atol=1e-12 * np.abs(oracle).max())


@pytest.mark.parametrize("order", ORDERS)
def test_moved_voxels_in_rows_or_scattered_get_the_values_of_their_points(order: int) -> None:
    rng = np.random.default_rng(order)
    shape = (17, 18, 29)
    coefficients = prefilter(rng.random(shape).astype(np.float32), order)
    everywhere = np.argwhere(np.ones(shape)).astype(np.int32)
    to_moving = np.eye(4)[:3] + rng.normal(scale=0.04, size=(3, 4)) + np.array([[0, 0, 0, 0.7]] * 3)
    for voxels in (everywhere, everywhere[rng.random(len(everywhere)) < 0.6], rng.permutation(everywhere)[:500]):
        values, within = np.empty(len(voxels)), np.empty(len(voxels), dtype=np.bool_)
        sample_moved(coefficients, voxels, to_moving, values, within, order)
        points = voxels @ to_moving[:, :3].T + to_moving[:, 3]
        inner = ((points >= 0) & (points <= np.array(shape) - 1)).all(axis=1)
        assert 0 < inner.sum() < len(voxels)
        np.testing.assert_array_equal(within, inner)
        largest = np.abs(coefficients).max()
        np.testing.assert_allclose(values, np.where(inner, sample(coefficients, points, order), 0.0), atol=1e-6 * largest)


@pytest.mark.parametrize("slant", [0.0, 1e-20, -1e-20, 1e-300, -5e-324])
@pytest.mark.parametrize("step", [-1.0, 0.5, 1.0, 2.0])
def test_voxels_that_move_by_other_than_one_along_z_are_right_too(step: float, slant: float) -> None:
    coefficients = prefilter(np.random.default_rng(1).random((9, 9, 40)).astype(np.float32))
    voxels = np.argwhere(np.ones((9, 9, 20))).astype(np.int32)
    to_moving = np.eye(4)[:3]
    to_moving[2, 2:] = step, 38.4 if step < 0 else 0.3
    to_moving[:2, 2] = slant, -slant
    to_moving[:2, 3] = 0.2, 0.0
    values, within = np.empty(len(voxels)), np.empty(len(voxels), dtype=np.bool_)
    sample_moved(coefficients, voxels, to_moving, values, within)
    points = voxels @ to_moving[:, :3].T + to_moving[:, 3]
    np.testing.assert_array_equal(within, points[:, 0] <= 8)
    np.testing.assert_allclose(values[within], sample(coefficients, points)[within], atol=2e-6)


def test_points_far_outside_have_values_too() -> None:
    coefficients = prefilter(np.random.default_rng(1).random((9, 8, 7)).astype(np.float32))
    assert np.isfinite(sample(coefficients, np.array([[1e6, -1e9, 3.0], [1e30, 0.0, -1e300]]))).all()
