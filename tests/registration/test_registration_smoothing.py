"""Smoothing against scipy.ndimage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from rtfmri.registration.smoothing import gaussian, prepare_smoothing, smooth, smooth_with, warm_up

SIGMA_PER_FWHM = 1.0 / 2.354820045030949
sigmas = st.tuples(*[st.floats(0.0, 5.0)] * 3)
shapes = st.tuples(*[st.integers(1, 25)] * 3)


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    warm_up()


@given(shape=shapes, sigma=sigmas, seed=st.integers(0, 2**32 - 1))
def test_a_volume_is_smoothed_as_scipy_smooths_it(shape: tuple[int, int, int], sigma: tuple[float, float, float], seed: int) -> None:
    image = np.random.default_rng(seed).random(shape).astype(np.float32)
    np.testing.assert_allclose(gaussian(image, sigma), ndimage.gaussian_filter(image.astype(np.float64), sigma, mode="constant"), atol=1e-6)


@pytest.mark.parametrize("fwhm_mm", [0.0, 3.0, 6.0, 12.0])
def test_within_a_mask_it_is_the_normalised_convolution(fwhm_mm: float) -> None:
    rng = np.random.default_rng(1)
    image, mask, sizes_mm = (1000 * rng.random((22, 25, 18))).astype(np.float32), rng.random((22, 25, 18)) < 0.7, (2.0, 2.5, 4.0)
    sigma = [fwhm_mm * SIGMA_PER_FWHM / size for size in sizes_mm]
    weighted, weights = (ndimage.gaussian_filter(a.astype(np.float64), sigma, mode="constant") for a in (np.where(mask, image, 0.0), mask))
    oracle = np.divide(weighted, weights, out=np.zeros(mask.shape), where=mask)
    np.testing.assert_allclose(smooth(image, mask, fwhm_mm, sizes_mm), oracle, atol=1e-3)


def test_an_even_image_stays_even_to_the_edge_of_the_mask_and_of_the_volume() -> None:
    mask = np.zeros((20, 20, 12), dtype=bool)
    mask[3:, 4:15, :9] = True
    smoothed = smooth(np.full(mask.shape, 700.0, dtype=np.float32), mask, 8.0, (3.0, 3.0, 3.0))
    np.testing.assert_allclose(smoothed[mask], 700.0, rtol=1e-6)
    np.testing.assert_array_equal(smoothed[~mask], 0.0)


def test_what_is_no_number_outside_the_mask_does_no_harm_and_the_image_stays_as_it_was() -> None:
    rng = np.random.default_rng(2)
    mask = rng.random((12, 13, 14)) < 0.5
    image = np.where(mask, rng.random(mask.shape), np.nan).astype(np.float32)
    before = image.copy()
    image.setflags(write=False)
    smoothing = prepare_smoothing(mask, 6.0, (3.0, 3.0, 3.0))
    np.testing.assert_array_equal(smooth_with(image, smoothing), smooth_with(np.nan_to_num(image), smoothing))
    np.testing.assert_array_equal(image, before)


def test_a_point_widens_to_the_width_that_was_asked_for() -> None:
    image = np.zeros((41, 41, 41), dtype=np.float32)
    image[20, 20, 20] = 1.0
    smoothed = smooth(image, np.ones(image.shape, dtype=bool), 6.0, (1.0, 1.0, 1.0))
    assert smoothed[23, 20, 20] == pytest.approx(smoothed[20, 20, 20] / 2, rel=1e-4)  # half the maximum at half the width
    assert float(smoothed.sum(dtype=np.float64)) == pytest.approx(1.0, rel=1e-3)


def test_an_image_of_another_shape_and_a_width_that_is_none_are_refused() -> None:
    mask = np.ones((4, 4, 4), dtype=bool)
    with pytest.raises(ValueError, match="mask"):
        smooth(np.zeros((4, 4, 5), dtype=np.float32), mask, 6.0, (3.0, 3.0, 3.0))
    for width in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="width"):
            prepare_smoothing(mask, width, (3.0, 3.0, 3.0))
