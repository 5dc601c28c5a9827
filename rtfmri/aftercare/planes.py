"""Three planes through the middle of each region, one row a region: what the operator's page shows beside the mosaic.

Conventions. Axial, coronal, sagittal, from left to right; the nearest axes of the scanner's RAS+ frame. Radiological: R is the patient's
right, on the left; in the sagittal plane the front (A) is on the left. All at one scale, all rows of one size (``ROW_PX``), nothing above
or below them, so that a page may cut out one row. Each plane says where it is in mm. Colours, window and outlines are the mosaic's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from rtfmri.aftercare.layout import MARGIN, Table, extent, turned
from rtfmri.aftercare.picture import OUTLINES, TEXT, Canvas, Mask, Pixels, as_png, greys, outlines_of, paint
from rtfmri.volume import Grid, Image

ROW_PX = (960, 320)
CELL_PX = ROW_PX[0] // 3
BORDER_PX = 8
LARGE_PX, TEXT_PX = 24, 22  # the page shows a row at less than half of its size
SIDES = (("R", "L"), ("R", "L"), ("A", "P"))  # at the left and right edge
AXES = ("z", "y", "x")  # across which the planes are cut

Voxels = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Cut:
    """Voxel numbers (H, W) of one plane, the size of its voxels in mm (height, width), and where it is cut, in mm."""

    table: Table
    voxel_mm: tuple[float, float]
    at_mm: float

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height."""
        return self.table.shape[1] * self.voxel_mm[1], self.table.shape[0] * self.voxel_mm[0]


@dataclass(frozen=True, eq=False)
class Plane:
    """A cut on the screen: how large it is and where its corner stands."""

    cut: Cut
    size_px: tuple[int, int]
    corner_px: tuple[int, int]

    @property
    def table(self) -> Table:
        return self.cut.table


@dataclass(frozen=True, eq=False)
class Planes:
    """All that stays the same from picture to picture: three planes a region with the outlines on each; ``names`` of the rows."""

    window: tuple[float, float]
    colours: Pixels
    planes: tuple[tuple[Plane, Pixels], ...]
    names: tuple[tuple[int, str], ...]


def prepare_planes(canvas: Canvas, grid: Grid, mask: Mask, rois: dict[str, Voxels]) -> Planes | None:
    """None where there is no region to cut through."""
    names = tuple((number, name) for number, (name, voxels) in enumerate(rois.items()) if len(voxels))
    if not names:
        return None
    rows = tuple(_cuts(grid, mask, rois[name]) for _, name in names)
    widest, highest = (max(cut.size_mm[side] for cuts in rows for cut in cuts) for side in (0, 1))
    scale = min(CELL_PX / widest, ROW_PX[1] / highest)  # pixels per mm
    planes = (_plane(cut, row, column, scale) for row, cuts in enumerate(rows) for column, cut in enumerate(cuts))
    return Planes(canvas.window, canvas.colours, tuple((plane, outlines_of(plane, grid, rois)) for plane in planes), names)


def draw_planes(planes: Planes, epi: Image, t: Image | None) -> bytes:
    """A PNG of ``epi`` (X, Y, Z) with ``t`` (X, Y, Z; None: no map yet)."""
    picture = Pillow.new("RGB", (ROW_PX[0], ROW_PX[1] * len(planes.names)))
    grey = greys(epi, planes.window)
    brush = ImageDraw.Draw(picture)
    for number, (plane, outlines) in enumerate(planes.planes):
        picture.paste(paint(plane, outlines, planes.colours, grey, t), plane.corner_px)
        _label(brush, number // 3, number % 3, plane.cut.at_mm)
    for row, (number, name) in enumerate(planes.names):
        top = row * ROW_PX[1] + BORDER_PX
        brush.rectangle((BORDER_PX, top + 2, BORDER_PX + 12, top + 14), outline=OUTLINES[number % len(OUTLINES)], width=2)
        brush.text((BORDER_PX + 19, top - 1), name, fill=TEXT, font=ImageFont.load_default(TEXT_PX))
    return as_png(picture)


def _cuts(grid: Grid, mask: Mask, voxels: Voxels) -> tuple[Cut, ...]:
    """Axial, coronal and sagittal through the region's voxel that is nearest to its middle, cut to the head."""
    numbers, (dx, dy, dz) = turned(grid)
    head = mask.reshape(-1)[numbers]
    if not head.any():
        head = np.ones_like(head)
    (x0, x1), (y0, y1), (z0, z1) = (extent(head, axis) for axis in range(3))
    middle = voxels[int(np.argmin(((voxels - voxels.mean(axis=0)) ** 2).sum(axis=1)))]
    x, y, z = (int(place[0]) for place in np.nonzero(numbers == np.ravel_multi_index(tuple(middle), grid.shape)))
    mm = grid.affine[:3, :3] @ middle + grid.affine[:3, 3]
    return (
        Cut(_upright(numbers[x0:x1, y0:y1, z]), (dy, dx), float(mm[2])),
        Cut(_upright(numbers[x0:x1, y, z0:z1]), (dz, dx), float(mm[1])),
        Cut(_upright(numbers[x, y0:y1, z0:z1]), (dz, dy), float(mm[0])),
    )


def _upright(numbers: Table) -> Table:
    return np.pad(numbers, MARGIN, constant_values=-1)[::-1, ::-1].T


def _plane(cut: Cut, row: int, column: int, scale: float) -> Plane:
    width, height = (round(mm * scale) for mm in cut.size_mm)
    corner_px = column * CELL_PX + (CELL_PX - width) // 2, row * ROW_PX[1] + (ROW_PX[1] - height) // 2
    return Plane(cut, (width, height), corner_px)


def _label(brush: ImageDraw.ImageDraw, row: int, column: int, at_mm: float) -> None:
    left, top = column * CELL_PX, row * ROW_PX[1]
    large = ImageFont.load_default(LARGE_PX)
    first, second = SIDES[column]
    brush.text((left + BORDER_PX, top + ROW_PX[1] // 2 - 12), first, fill=TEXT, font=large)
    brush.text((left + CELL_PX - BORDER_PX - 14, top + ROW_PX[1] // 2 - 12), second, fill=TEXT, font=large)
    brush.text((left + BORDER_PX, top + ROW_PX[1] - 28), f"{AXES[column]} {at_mm:+.0f}", fill=TEXT, font=ImageFont.load_default(TEXT_PX))
