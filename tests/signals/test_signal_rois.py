"""Regions: from a mask on the run's grid, refused in words where it does not fit."""

import numpy as np
import pytest

from rtfmri.errors import StudyError
from rtfmri.signals.rois import roi_from_mask, roi_mean
from rtfmri.volume import Grid

GRID = Grid((10, 12, 8), np.diag([3.0, 3.0, 3.0, 1.0]))


def a_mask(voxels: int) -> np.ndarray:
    mask = np.zeros(GRID.shape, np.uint8)
    mask.reshape(-1)[:voxels] = 1
    return mask


def test_a_mask_on_the_grid_gives_its_voxels_in_a_fixed_order():
    mask = a_mask(30)
    roi = roi_from_mask("tpj", -0.5, mask, GRID, GRID, "tpj.nii.gz")
    assert (roi.name, roi.weight, roi.source, roi.provisional) == ("tpj", -0.5, "tpj.nii.gz", False)
    np.testing.assert_array_equal(roi.voxels, np.argwhere(mask))
    assert roi.weights.shape == (30,)


def test_the_soft_edge_and_the_holes_of_a_resampled_mask_are_not_inside():
    mask = a_mask(40).astype(float)
    mask.reshape(-1)[:3] = [0.49, 1e-7, np.nan]
    assert len(roi_from_mask("tpj", 1.0, mask, GRID, GRID, "").voxels) == 37


def test_a_mask_of_another_shape_is_refused_with_both_shapes():
    other = Grid((10, 12, 9), GRID.affine)
    with pytest.raises(StudyError, match=r"roi tpj: .*10 x 12 x 9 .*10 x 12 x 8.*resample"):
        roi_from_mask("tpj", 1.0, np.ones(other.shape), other, GRID, "")


def test_a_shifted_mask_is_refused_with_the_distance():
    shifted = GRID.affine.copy()
    shifted[0, 3] = 2.0
    with pytest.raises(StudyError, match=r"up to 2\.0 mm apart"):
        roi_from_mask("tpj", 1.0, a_mask(30), Grid(GRID.shape, shifted), GRID, "")


def test_rounding_in_a_header_is_no_other_grid():
    rounded = Grid(GRID.shape, GRID.affine + 1e-4)
    assert len(roi_from_mask("tpj", 1.0, a_mask(30), rounded, GRID, "").voxels) == 30


@pytest.mark.parametrize("voxels", [0, 19])
def test_a_region_below_twenty_voxels_is_refused_with_its_count(voxels):
    with pytest.raises(StudyError, match=f"roi dlpfc: its mask holds {voxels} voxels and at least 20"):
        roi_from_mask("dlpfc", 1.0, a_mask(voxels), GRID, GRID, "")


def test_twenty_voxels_are_enough():
    assert len(roi_from_mask("dlpfc", 1.0, a_mask(20), GRID, GRID, "").voxels) == 20


def test_the_mean_weighs_each_voxel():
    values, weights = np.array([1.0, 2.0, 10.0]), np.array([1.0, 2.0, 0.5])
    assert roi_mean(values, weights) == pytest.approx(np.average(values, weights=weights), abs=1e-14)
