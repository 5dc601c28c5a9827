"""The measurement against slow, plain oracles."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rtfmri.simulate import epi
from rtfmri.simulate.scenario import Scenario


def test_the_spline_is_scipys() -> None:
    rng = np.random.default_rng(1)
    coefficients = rng.standard_normal((12, 13, 14)).astype(np.float32)
    everywhere = np.ones(coefficients.shape, bool)
    points = rng.uniform(2.0, 9.0, (200, 3))
    ours = [epi._spline_at(coefficients, everywhere, *point) for point in points]
    oracle = ndimage.map_coordinates(coefficients.astype(float), points.T, order=3, prefilter=False)
    np.testing.assert_allclose(ours, oracle, atol=2e-5)


def test_outside_the_object_there_is_nothing() -> None:
    ones = np.ones((8, 8, 8), np.float32)
    assert epi._spline_at(ones, ones > 0, -3.0, 4.0, 4.0) == 0
    assert epi._spline_at(ones, ones > 0, 4.0, 4.0, 40.0) == 0


def test_air_is_skipped_only_where_nothing_could_be_found() -> None:
    coefficients = np.zeros((16, 16, 16), np.float32)
    coefficients[7, 8, 6] = 1.0
    where = epi.occupied(coefficients)
    points = np.random.default_rng(2).uniform(2.0, 13.0, (3000, 3))
    skipping = np.array([epi._spline_at(coefficients, where, *point) for point in points])
    full = np.array([epi._spline_at(coefficients, np.ones_like(where), *point) for point in points])
    np.testing.assert_array_equal(skipping, full)
    assert where.mean() < 0.1


def test_slices_are_the_fine_grid_weighted_by_the_profile() -> None:
    rng = np.random.default_rng(3)
    coefficients = rng.standard_normal((14, 14, 14)).astype(np.float32)
    field = rng.uniform(1, 2, (5, 6, 12)).astype(np.float32)
    profile = rng.uniform(0, 1, 6).astype(np.float32)  # two samples a slice; four slices and one on either side
    to_object = np.array([[0.9, 0.1, 0.0, 3.0], [-0.1, 0.9, 0.1, 4.0], [0.05, 0.0, 0.5, 3.0], [0, 0, 0, 1.0]])
    ours = epi._project(coefficients, np.ones(coefficients.shape, bool), to_object, field, profile, 4)
    index = np.indices(field.shape).reshape(3, -1)
    points = to_object[:3, :3] @ index + to_object[:3, 3:]
    fine = ndimage.map_coordinates(coefficients.astype(float), points, order=3, prefilter=False).reshape(field.shape) * field
    oracle = np.stack([(fine[..., 2 * s : 2 * s + 6] * profile).sum(axis=-1) for s in range(4)], axis=-1)
    np.testing.assert_allclose(ours, oracle, atol=1e-4)


def test_what_the_matrix_can_hold_is_sampled_at_the_voxel_centres() -> None:
    x, y = np.meshgrid(np.arange(16), np.arange(20), indexing="ij")
    fine_x, fine_y = np.meshgrid(np.arange(32) / 2, np.arange(60) / 3, indexing="ij")

    def wave(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 2 + np.cos(2 * np.pi * (3 * x / 16 + 0.2)) * np.sin(2 * np.pi * (7 * y / 20 + 0.1))

    seen = epi._cut_in_k_space(wave(fine_x, fine_y)[..., None].astype(np.float32), (16, 20, 1), (2, 3))
    np.testing.assert_allclose(seen[..., 0], wave(x, y), atol=1e-5)


def test_what_the_matrix_cannot_hold_is_cut_off() -> None:
    fine_x = np.arange(32)[:, None, None] * np.ones((1, 32, 1))
    seen = epi._cut_in_k_space(np.cos(2 * np.pi * 12 * fine_x / 32).astype(np.float32), (16, 16, 1), (2, 2))
    assert np.abs(seen).max() < 1e-5


def test_the_grid_is_centred_oblique_and_stored_as_dcm2niix_does(quick: Scenario) -> None:
    grid = epi.make_epi(quick).grid
    middle = grid.affine @ [*((np.array(grid.shape) - 1) / 2), 1]
    np.testing.assert_allclose(middle[:3], 0, atol=1e-9)
    np.testing.assert_allclose(grid.voxel_size_mm, quick.voxel_size_mm)
    assert grid.affine[0, 0] < 0 < grid.affine[1, 1]
    np.testing.assert_allclose(np.rad2deg(np.arctan2(grid.affine[2, 1], grid.affine[1, 1])), -12.0)
