"""The operator's picture, read back: which side is which, what is coloured, what stays the same."""

from __future__ import annotations

import io

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as Pillow

from rtfmri.aftercare.layout import MOST_SLICES, lay_out_slices
from rtfmri.aftercare.picture import HEAD_PX, OUTLINES, T_SHOWN, draw, prepare_canvas
from rtfmri.volume import Grid

SHAPE_RAS = (24, 28, 30)
SIZES_RAS = (4.0, 3.0, 5.0)
CORNER_MM = (-46.0, -42.0, -60.0)


def a_grid(axes: str) -> Grid:
    """The same box of space, stored along ``axes``, as "LAS" (dcm2niix's axial) or "ASR"."""
    plain = nib.Nifti1Image(np.zeros(SHAPE_RAS, np.float32), nib.affines.from_matvec(np.diag(SIZES_RAS), CORNER_MM))
    turn = nib.orientations.ornt_transform(nib.io_orientation(plain.affine), nib.orientations.axcodes2ornt(axes))
    turned = plain.as_reoriented(turn)
    return Grid(turned.shape, turned.affine)


def positions_mm(grid: Grid) -> np.ndarray:
    """(3, X, Y, Z) RAS."""
    at = np.indices(grid.shape).reshape(3, -1)
    return (grid.affine[:3, :3] @ at + grid.affine[:3, 3:]).reshape(3, *grid.shape)


def a_head(grid: Grid) -> np.ndarray:
    x, y, z = positions_mm(grid)
    return (x / 40) ** 2 + (y / 36) ** 2 + ((z - 12) / 66) ** 2 < 1


def pixels_of(png: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(png)))


def coloured(pixels: np.ndarray) -> np.ndarray:
    """Which pixels of the slices are neither grey nor a label."""
    part = pixels[HEAD_PX:-30, :-84].astype(int)
    return part.max(axis=2) - part.min(axis=2) > 40


@pytest.mark.parametrize("axes", ["LAS", "RAS", "LPS", "ASR", "PIR"])
def test_slices_are_radiological_with_the_front_above_whatever_the_storage(axes: str) -> None:
    grid = a_grid(axes)
    layout = lay_out_slices(grid, a_head(grid), {})
    x, y, z = (part.reshape(-1) for part in positions_mm(grid))
    columns = layout.size_px[0] // layout.slice_px[0]
    tile = layout.table[: layout.table.shape[0] // (layout.size_px[1] // layout.slice_px[1]), : layout.table.shape[1] // columns]
    inside = tile[2:-2, 2:-2]
    assert np.all(np.diff(x[inside], axis=1) < 0)
    assert np.all(np.diff(y[inside], axis=0) < 0)
    assert np.ptp(z[inside]) < 1e-9
    assert z[inside].mean() == pytest.approx(layout.heights_mm[0])
    assert np.all(np.diff(layout.heights_mm) > 0)
    assert len(layout.heights_mm) == min(MOST_SLICES, len(np.unique(z[a_head(grid).reshape(-1)])))


def test_the_middle_slice_of_each_region_is_shown() -> None:
    grid = a_grid("LAS")
    z = positions_mm(grid)[2]
    for middle_mm in np.unique(z)[5:25]:
        region = np.argwhere(a_head(grid) & (np.abs(z - middle_mm) < 1))
        assert middle_mm in np.round(lay_out_slices(grid, a_head(grid), {"region": region}).heights_mm, 9)


@pytest.mark.parametrize("axes", ["LAS", "ASR"])
def test_only_what_is_beyond_the_threshold_is_coloured_on_its_own_side(axes: str) -> None:
    grid = a_grid(axes)
    head, (x, y, _) = a_head(grid), positions_mm(grid)
    epi = (800 * head).astype(np.float32)
    canvas = prepare_canvas(grid, epi, head, {})
    t = np.where(np.hypot(x - 20, y) < 12, 8.0, np.where(np.hypot(x + 20, y) < 12, -8.0, 0.0)).astype(np.float32) * head
    pixels = pixels_of(draw(canvas, epi, t, "volume 1"))
    part, hot = pixels[HEAD_PX:-30, :-84].astype(int), coloured(pixels)
    width = canvas.layout.slice_px[0]
    left_half = (np.arange(hot.shape[1]) % width < width / 2)[None, :]
    orange, blue = hot & (part[..., 0] > part[..., 2]), hot & (part[..., 0] < part[..., 2])
    assert orange.sum() > 1000
    assert (orange & ~left_half).sum() == 0  # the patient's right (x > 0) is on the left
    assert (blue & left_half).sum() == 0
    assert blue.sum() == pytest.approx(orange.sum(), rel=0.2)
    assert not coloured(pixels_of(draw(canvas, epi, np.full(grid.shape, 0.99 * T_SHOWN, np.float32), "")))[:, :].any()


def test_regions_are_outlined_and_their_inside_stays_open() -> None:
    grid = a_grid("LAS")
    head, (x, y, z) = a_head(grid), positions_mm(grid)
    epi = (800 * head).astype(np.float32)
    region = np.argwhere((np.abs(x) < 18) & (np.abs(y) < 18) & (np.abs(z) < 10))
    pixels = pixels_of(draw(prepare_canvas(grid, epi, head, {"middle": region}), epi, None, ""))[HEAD_PX:-30, :-84]
    outline = np.all(pixels == OUTLINES[0], axis=2)
    rows, columns = np.nonzero(outline)
    assert outline.sum() > 200
    tile = outline[rows.min() : rows.max() + 1]
    first = columns.min()
    assert tile[:, first : first + 2].all()  # its right edge, in its first slice
    assert not outline[(rows.min() + rows.max()) // 2, first + 6]


def test_the_window_and_the_size_stay_from_volume_to_volume() -> None:
    grid = a_grid("LAS")
    head = a_head(grid)
    canvas = prepare_canvas(grid, (800 * head).astype(np.float32), head, {})
    bright, dark = (pixels_of(draw(canvas, np.float32(level) * head, None, "")) for level in (800, 400))
    assert bright.shape == dark.shape
    middle = HEAD_PX + canvas.layout.slice_px[1] // 2, int(1.5 * canvas.layout.slice_px[0])
    assert int(bright[middle][0]) == pytest.approx(2 * int(dark[middle][0]), abs=2)
