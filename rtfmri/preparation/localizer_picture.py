"""What the operator looks at before the chosen voxels are used: three planes through each region's peak. Pure: arrays in, PNG out.

Grey: the reference; filled: the chosen voxels, by their t; outlined: the anatomical region that they were chosen from. Radiological: R is
the participant's right, on the left of coronal and axial planes; the sagittal plane looks from the right, the face to its right.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from rtfmri.preparation.localizer_voxels import Chosen
from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Grid, Image

PIXELS_PER_MM = 1.9
GROUND, TEXT, FAINT = (16, 16, 18), (235, 235, 235), (150, 150, 155)
WEAK, STRONG = (213, 94, 0), (255, 240, 120)  # from the threshold to the peak
OUTLINE = (0, 220, 140)
GAP_PX, HEAD_PX, ROW_PX = 10, 34, 26
PLANES = ((0, "sagittal", "P", "A"), (1, "coronal", "R", "L"), (2, "axial", "R", "L"))


@dataclass(frozen=True, eq=False)
class Shown:
    """One region: its chosen voxels, the anatomical mask (X, Y, Z), and a line of words."""

    chosen: Chosen
    anatomical: Mask
    words: str


def draw_regions(grid: Grid, reference: Image, t: Image, regions: tuple[Shown, ...], title: str) -> bytes:
    """A PNG: one row of three planes for each region, on the ``reference`` (X, Y, Z)."""
    rows = [_row(grid, reference, t, region) for region in regions]
    width = max(row.width for row in rows)
    height = HEAD_PX + sum(row.height + ROW_PX + GAP_PX for row in rows)
    picture = Pillow.new("RGB", (width + 2 * GAP_PX, height), GROUND)
    brush, top = ImageDraw.Draw(picture), HEAD_PX
    brush.text((GAP_PX, 9), title, fill=TEXT, font=ImageFont.load_default(15))
    for row, region in zip(rows, regions, strict=True):
        brush.text((GAP_PX, top), region.words, fill=TEXT, font=ImageFont.load_default(13))
        picture.paste(row, (GAP_PX, top + ROW_PX))
        top += row.height + ROW_PX + GAP_PX
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


def _row(grid: Grid, reference: Image, t: Image, region: Shown) -> Pillow.Image:
    orientation = nib.io_orientation(grid.affine)
    turned = [nib.apply_orientation(array, orientation) for array in (reference, t, region.chosen.mask, region.anatomical)]
    at = np.zeros(grid.shape)
    at[region.chosen.peak] = 1.0
    peak = np.unravel_index(int(np.argmax(nib.apply_orientation(at, orientation))), turned[0].shape)
    sizes_mm = np.zeros(3)
    for axis, (to, _) in enumerate(orientation):
        sizes_mm[int(to)] = grid.voxel_size_mm[axis]
    span_t = region.chosen.threshold_t, region.chosen.peak_t
    planes = [_plane([np.take(a, int(peak[axis]), axis) for a in turned], np.delete(sizes_mm, axis), axis, span_t) for axis, *_ in PLANES]
    for plane, (axis, name, left, right) in zip(planes, PLANES, strict=True):
        _label(plane, f"{name} {_height_mm(grid, region.chosen.peak, axis):+.0f} mm", left, right)
    row = Pillow.new("RGB", (sum(p.width for p in planes) + 2 * GAP_PX, max(p.height for p in planes)), GROUND)
    left_px = 0
    for plane in planes:
        row.paste(plane, (left_px, (row.height - plane.height) // 2))
        left_px += plane.width + GAP_PX
    return row


def _plane(slices: list[npt.NDArray[np.generic]], sizes_mm: Array, axis: int, span_t: tuple[float, float]) -> Pillow.Image:
    """One plane of reference, t, chosen and anatomical masks (A, B), B upwards, magnified to millimetres."""
    flip = axis > 0  # radiological: the participant's right to the left
    grey, t, chosen, anatomical = (np.asarray(s[::-1] if flip else s).T[::-1] for s in slices)
    size_px = round(grey.shape[1] * sizes_mm[0] * PIXELS_PER_MM), round(grey.shape[0] * sizes_mm[1] * PIXELS_PER_MM)
    bright = float(np.percentile(grey, 99.5)) or 1.0
    shade = np.clip(grey / bright, 0.0, 1.0).astype(np.float32)
    large = np.asarray(Pillow.fromarray((255 * shade).astype(np.uint8)).resize(size_px, Pillow.Resampling.BICUBIC))
    pixels = np.repeat(large[:, :, None], 3, axis=2)
    filled, region = _enlarged(chosen, size_px), _enlarged(anatomical, size_px)
    share = np.clip((_enlarged_values(t, size_px) - span_t[0]) / max(span_t[1] - span_t[0], 1e-6), 0.0, 1.0)
    colours = (1.0 - share[..., None]) * np.array(WEAK) + share[..., None] * np.array(STRONG)
    pixels[filled] = colours[filled].astype(np.uint8)
    pixels[_edge(region)] = OUTLINE
    return Pillow.fromarray(pixels)


def _enlarged(mask: npt.NDArray[np.generic], size_px: tuple[int, int]) -> Mask:
    enlarged: Mask = np.asarray(Pillow.fromarray(mask.astype(np.uint8)).resize(size_px, Pillow.Resampling.NEAREST)) > 0
    return enlarged


def _enlarged_values(values: npt.NDArray[np.generic], size_px: tuple[int, int]) -> Array:
    return np.asarray(Pillow.fromarray(values.astype(np.float32)).resize(size_px, Pillow.Resampling.NEAREST), dtype=np.float64)


def _edge(mask: Mask) -> Mask:
    """The outermost pixels of a region."""
    around = np.pad(mask, 1)
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    return mask & ~inner


def _label(plane: Pillow.Image, words: str, left: str, right: str) -> None:
    brush, font = ImageDraw.Draw(plane), ImageFont.load_default(13)
    brush.text((4, plane.height - 18), words, fill=FAINT, font=font)
    brush.text((4, plane.height // 2 - 8), left, fill=TEXT, font=font)
    brush.text((plane.width - 14, plane.height // 2 - 8), right, fill=TEXT, font=font)


def _height_mm(grid: Grid, voxel: tuple[int, int, int], axis: int) -> float:
    return float((grid.affine[axis, :3] * np.array(voxel)).sum() + grid.affine[axis, 3])
