"""Three planes through each region, read back: which side is which, where they are cut, what is drawn over them."""

from __future__ import annotations

import numpy as np
import pytest
from test_aftercare_picture import a_grid, a_head, pixels_of, positions_mm

from rtfmri.aftercare.picture import OUTLINES, prepare_canvas
from rtfmri.aftercare.planes import CELL_PX, ROW_PX, draw_planes, prepare_planes


def sphere(grid, centre_mm, radius_mm):
    away = np.linalg.norm(positions_mm(grid) - np.reshape(centre_mm, (3, 1, 1, 1)), axis=0)
    return np.argwhere((away < radius_mm) & a_head(grid))


def cells(pixels, row):
    """Axial, coronal and sagittal of one region."""
    strip = pixels[row * ROW_PX[1] : (row + 1) * ROW_PX[1]]
    return [strip[:, number * CELL_PX : (number + 1) * CELL_PX].astype(int) for number in range(3)]


@pytest.mark.parametrize("axes", ["LAS", "RAS", "PIR"])
def test_right_front_and_top_are_where_the_letters_say(axes: str) -> None:
    grid = a_grid(axes)
    head, (x, y, z) = a_head(grid), positions_mm(grid)
    rois = {"middle": sphere(grid, (2, 0, 12), 14)}
    epi = (400 * head).astype(np.float32)
    t = (9.0 * ((x > 14) | ((y > 14) & (np.abs(x) < 8)) | (z > 50)) * head).astype(np.float32)
    canvas = prepare_canvas(grid, epi, head, rois)
    planes = prepare_planes(canvas, grid, head, rois)
    assert planes is not None
    pixels = pixels_of(draw_planes(planes, epi, t))
    assert pixels.shape == (ROW_PX[1], ROW_PX[0], 3)
    axial, coronal, sagittal = (cell[..., 0] - cell[..., 2] > 60 for cell in cells(pixels, 0))
    columns = np.arange(CELL_PX)
    assert (axial * columns).sum() / axial.sum() < CELL_PX / 2  # x > 14, the patient's right, is on the left
    assert axial[: ROW_PX[1] // 2].sum() > axial[ROW_PX[1] // 2 :].sum()  # the front is above
    assert coronal[:, : CELL_PX // 2].sum() > coronal[:, CELL_PX // 2 :].sum()
    assert coronal[: ROW_PX[1] // 4].any()  # the top of the head is above
    assert sagittal[:, : CELL_PX // 2].sum() > sagittal[:, CELL_PX // 2 :].sum()  # the front is on the left


def test_each_region_has_a_row_with_its_outline_in_all_three_planes() -> None:
    grid = a_grid("LAS")
    head = a_head(grid)
    rois = {"one": sphere(grid, (18, 10, 20), 9), "two": sphere(grid, (-18, -12, 0), 9), "none": np.empty((0, 3), dtype=np.intp)}
    epi = (400 * head).astype(np.float32)
    planes = prepare_planes(prepare_canvas(grid, epi, head, rois), grid, head, rois)
    assert planes is not None
    pixels = pixels_of(draw_planes(planes, epi, None))
    assert pixels.shape[0] == 2 * ROW_PX[1]
    for row in range(2):
        for cell in cells(pixels, row):
            assert np.all(cell[40:-40] == OUTLINES[row], axis=2).sum() > 40


def test_without_a_region_there_are_no_planes() -> None:
    grid = a_grid("LAS")
    head = a_head(grid)
    canvas = prepare_canvas(grid, head.astype(np.float32), head, {})
    assert prepare_planes(canvas, grid, head, {}) is None
