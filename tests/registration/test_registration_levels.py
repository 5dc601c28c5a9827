"""What is computed once from the reference, against plain numpy and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from moved_head import oblique_grid, volume_of
from scipy import ndimage

from rtfmri.registration import basis
from rtfmri.registration.mask import head_mask
from rtfmri.registration.prepared import Reference, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array

GRID = oblique_grid((52, 60, 32), (3.2, 3.2, 4.0))
STILL = volume_of(GRID, RigidTransform(), seed=1)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return prepare(STILL, GRID, head_mask(STILL))


def column(reference: Reference, index: int) -> Array:
    """A column of D over the whole volume, written down once more."""
    percent = STILL.astype(np.float64) * reference.percent
    indices = np.indices(GRID.shape).reshape(3, -1).T
    if index >= basis.MOTION:
        u = (indices - reference.frame[0]) * reference.frame[1]
        return percent * (u ** np.array(basis.EXPONENTS[index - basis.MOTION])).prod(axis=1).reshape(GRID.shape)
    gradients = np.moveaxis(basis.spline_gradients(percent, GRID), 0, -1)
    offsets = indices @ GRID.affine[:3, :3].T + GRID.affine[:3, 3] - reference.centre_mm
    direction = np.eye(3)[index] if index < 3 else np.cross(np.eye(3)[index - 3], offsets).reshape(*GRID.shape, 3)
    return (gradients * direction).sum(axis=-1)


@pytest.mark.parametrize("index", [0, 2, 3, 5, 6, 9, 25])
def test_each_column_is_windowed_and_smoothed_as_scipy_does(reference: Reference, index: int) -> None:
    window = basis.head_window(reference.mask, GRID)
    sigma = [basis.mean_voxel_mm(GRID) / size for size in GRID.voxel_size_mm]
    expected = window * ndimage.gaussian_filter(window * column(reference, index), sigma, mode="constant")
    for level in (reference.quick, reference.fine):
        there = expected[tuple(level.voxels.T)]
        np.testing.assert_allclose(level.basis[:, index], there, atol=1e-4 * np.abs(there).max())


def test_the_normal_matrices_are_the_products_slice_by_slice(reference: Reference) -> None:
    level = reference.quick
    design = np.stack([column(reference, index)[tuple(level.voxels.T)] for index in range(basis.COLUMNS)], axis=1)
    for z in (5, 14, 20):
        here = level.voxels[:, 2] == z
        expected = level.basis[here].astype(np.float64).T @ design[here]
        np.testing.assert_allclose(level.normal[z], expected, atol=1e-6 * np.abs(expected).max())


def test_gradients_are_those_of_the_spline(reference: Reference) -> None:
    voxel, step = np.array([25, 31, 15]), 1e-4
    coefficients = ndimage.spline_filter(STILL.astype(np.float64), order=3, mode="mirror")
    inverse = np.linalg.inv(GRID.affine[:3, :3])
    for axis in range(3):
        ends = np.stack([voxel + sign * step * inverse[:, axis] for sign in (1, -1)], axis=1)
        ahead, behind = ndimage.map_coordinates(coefficients, ends, order=3, mode="mirror", prefilter=False)
        assert basis.spline_gradients(STILL.astype(np.float64), GRID)[axis][tuple(voxel)] == pytest.approx(
            (ahead - behind) / (2 * step), rel=1e-3
        )


def test_cells_are_blocks_of_neighbours_about_as_deep_as_wide(reference: Reference) -> None:
    level = reference.fine
    tile, z = np.divmod(level.cells.piece, GRID.shape[2])
    np.testing.assert_array_equal(z, level.voxels[:, 2])
    cell = tile * (level.cells.slab.max() + 1) + level.cells.slab[z]
    sides = [np.ptp(level.voxels[cell == one], axis=0) * GRID.voxel_size_mm for one in np.unique(cell)]
    assert 100 < len(sides) < 300
    assert np.max(sides) < 30.0
    assert np.ptp(np.max(sides, axis=0)) < 8.0
