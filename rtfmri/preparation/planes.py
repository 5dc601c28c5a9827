"""Slices of a volume with outlines on them, as pictures. Pure: arrays in, Pillow images out.

Everything is brought to the nearest RAS axes first. Radiological: the participant's right is on the left of coronal and axial
planes, marked R; the sagittal plane shows the face to its right, marked A.
"""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Grid, Image

GROUND, TEXT = (16, 16, 18), (235, 235, 235)
PIXELS_PER_MM = 2.0
GAP_PX, TITLE_PX = 10, 30
SAGITTAL, CORONAL, AXIAL = 0, 1, 2
NAMES = {SAGITTAL: ("sagittal", "P", "A"), CORONAL: ("coronal", "R", "L"), AXIAL: ("axial", "R", "L")}

Colour = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """A mask on the picture: its outline, and where ``filled`` its inside, see-through."""

    mask: Mask
    colour: Colour
    filled: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """A volume and its layers, all turned to RAS+ (as near as the voxels' axes allow), and voxel sizes (3,) in mm."""

    image: Array
    layers: tuple[Layer, ...]
    sizes_mm: tuple[float, float, float]

    @staticmethod
    def of(image: Image, grid: Grid, layers: tuple[Layer, ...]) -> View:
        orientation = nib.io_orientation(grid.affine)
        bright = float(np.percentile(image, 99.5)) or 1.0
        shade = np.clip(nib.apply_orientation(image, orientation) / bright, 0.0, 1.0)
        turned = tuple(Layer(nib.apply_orientation(layer.mask, orientation), layer.colour, layer.filled) for layer in layers)
        sizes = [0.0, 0.0, 0.0]
        for axis, (to, _) in enumerate(orientation):
            sizes[int(to)] = grid.voxel_size_mm[axis]
        return View(shade, turned, (sizes[0], sizes[1], sizes[2]))

    def plane(self, axis: int, at: int, words: str = "") -> Pillow.Image:
        """One plane across ``axis`` at voxel ``at``, magnified to millimetres, its sides marked."""
        sizes = [size for k, size in enumerate(self.sizes_mm) if k != axis]
        grey = _upright(np.take(self.image, at, axis), axis)
        size_px = round(grey.shape[1] * sizes[0] * PIXELS_PER_MM), round(grey.shape[0] * sizes[1] * PIXELS_PER_MM)
        shown = Pillow.fromarray((255 * grey).astype(np.uint8)).resize(size_px, Pillow.Resampling.BICUBIC)
        pixels = np.repeat(np.asarray(shown, dtype=np.float64)[:, :, None], 3, axis=2)
        for layer in self.layers:
            mask = _upright(np.take(layer.mask, at, axis), axis)
            large = np.asarray(Pillow.fromarray(mask.astype(np.uint8)).resize(size_px, Pillow.Resampling.NEAREST)) > 0
            if layer.filled:
                pixels[large] = 0.5 * pixels[large] + 0.5 * np.array(layer.colour)
            pixels[_edge(large)] = layer.colour
        picture = Pillow.fromarray(pixels.astype(np.uint8))
        name, left, right = NAMES[axis]
        brush = ImageDraw.Draw(picture)
        middle = picture.height // 2 - 9
        brush.text((4, middle), left, fill=TEXT, font=ImageFont.load_default(15))
        brush.text((picture.width - 15, middle), right, fill=TEXT, font=ImageFont.load_default(15))
        brush.text((4, picture.height - 18), words or name, fill=TEXT, font=ImageFont.load_default(13))
        return picture


def row_of(planes: list[Pillow.Image]) -> Pillow.Image:
    """Pictures beside one another."""
    row = Pillow.new("RGB", (sum(p.width for p in planes) + GAP_PX * (len(planes) - 1), max(p.height for p in planes)), GROUND)
    left = 0
    for plane in planes:
        row.paste(plane, (left, (row.height - plane.height) // 2))
        left += plane.width + GAP_PX
    return row


def column_of(rows: list[Pillow.Image]) -> Pillow.Image:
    """Pictures below one another."""
    column = Pillow.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows) + GAP_PX * (len(rows) - 1)), GROUND)
    top = 0
    for row in rows:
        column.paste(row, (0, top))
        top += row.height + GAP_PX
    return column


def titled(picture: Pillow.Image, words: str) -> Pillow.Image:
    """``picture`` under a line of ``words``."""
    whole = Pillow.new("RGB", (picture.width, picture.height + TITLE_PX), GROUND)
    ImageDraw.Draw(whole).text((4, 6), words, fill=TEXT, font=ImageFont.load_default(16))
    whole.paste(picture, (0, TITLE_PX))
    return whole


def cropped(image: Image, grid: Grid, around: Mask, layers: tuple[Layer, ...], margin_mm: float) -> tuple[Image, Grid, tuple[Layer, ...]]:
    """All of them cut to the box of ``around`` and a margin."""
    index, sizes = np.argwhere(around), np.array(grid.voxel_size_mm)
    low = np.maximum(index.min(axis=0) - np.ceil(margin_mm / sizes).astype(int), 0)
    high = np.minimum(index.max(axis=0) + 1 + np.ceil(margin_mm / sizes).astype(int), grid.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ low
    within = image[box]
    return within, Grid(within.shape, affine), tuple(Layer(layer.mask[box], layer.colour, layer.filled) for layer in layers)


def _upright(plane: npt.NDArray[np.generic], axis: int) -> npt.NDArray[np.generic]:
    """Rows from top to bottom; the participant's right to the left where there is a right."""
    seen = plane if axis == SAGITTAL else plane[::-1]
    return np.ascontiguousarray(seen.T[::-1])


def _edge(mask: Mask) -> Mask:
    around = np.pad(mask, 1)
    inner = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
    edge = mask & ~inner
    thick: Mask = edge | (mask & np.roll(edge, (1, 1), axis=(0, 1)))  # seen from where the operator sits
    return thick
