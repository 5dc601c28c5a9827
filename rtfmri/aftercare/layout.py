"""Where each voxel stands in the picture: axial slices side by side, cut to the head, as one table of voxel numbers.

Conventions. Axial slices from the feet up, row by row; the nearest axes of the scanner's RAS+ frame, so an oblique slice is shown in
its own plane. Radiological: the patient's right is on the left of each slice, the front of the head above. A table entry is the
number of a voxel in the C-ordered volume, -1 where there is none; a picture of any image on the grid is then one look-up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import nibabel as nib
import numpy as np
import numpy.typing as npt

from rtfmri.volume import Grid

Table = npt.NDArray[np.int64]

MOST_SLICES = 24
MARGIN = 2  # voxels around the head
WIDTH_PX = 960  # of the slices side by side, about
ASPECT = 1.6  # width to height that is aimed at


@dataclass(frozen=True, eq=False)
class Layout:
    """``table`` (H, W) at one pixel per voxel; ``size_px`` (width, height) on the screen, where pixels are square in mm.

    ``corners_px`` and ``heights_mm`` (z of the slice's centre) are those of each slice shown.
    """

    table: Table
    size_px: tuple[int, int]
    corners_px: tuple[tuple[int, int], ...]
    heights_mm: tuple[float, ...]
    slice_px: tuple[int, int]  # (width, height) of one


def lay_out_slices(grid: Grid, mask: npt.NDArray[np.bool_], rois: dict[str, npt.NDArray[np.intp]]) -> Layout:
    """The slices that show the ``mask`` evenly, with the middle slice of each region among them."""
    numbers, voxel_mm = turned(grid)
    head = mask.reshape(-1)[numbers]
    if not head.any():
        head = np.ones_like(head)
    (x0, x1), (y0, y1), (z0, z1) = (extent(head, axis) for axis in range(3))
    middles = [_middle_slice(numbers, grid, voxels) for voxels in rois.values()]
    chosen = _choose(z0, z1, middles)
    tiles = [np.pad(numbers[x0:x1, y0:y1, z], MARGIN, constant_values=-1)[::-1, ::-1].T for z in chosen]
    columns = _columns(len(tiles), tiles[0].shape[1] * voxel_mm[0], tiles[0].shape[0] * voxel_mm[1])
    rows = -(-len(tiles) // columns)
    tiles += [np.full_like(tiles[0], -1)] * (rows * columns - len(tiles))
    table = np.block([tiles[row * columns : (row + 1) * columns] for row in range(rows)])
    scale = WIDTH_PX / (table.shape[1] * voxel_mm[0])  # pixels per mm
    width, height = round(WIDTH_PX / columns), round(tiles[0].shape[0] * voxel_mm[1] * scale)
    corners = tuple((width * (n % columns), height * (n // columns)) for n in range(len(chosen)))
    heights = tuple(_height_mm(grid, numbers[:, :, z]) for z in chosen)
    return Layout(table, (width * columns, height * rows), corners, heights, (width, height))


def turned(grid: Grid) -> tuple[Table, tuple[float, float, float]]:
    """Voxel numbers (X, Y, Z) with axes turned to R, A, S; voxel size along those axes."""
    orientation = nib.io_orientation(grid.affine)
    numbers = np.arange(math.prod(grid.shape)).reshape(grid.shape)
    turned = nib.apply_orientation(numbers, orientation)
    sizes = [0.0, 0.0, 0.0]
    for axis, (to, _) in enumerate(orientation):
        sizes[int(to)] = grid.voxel_size_mm[axis]
    return turned, (sizes[0], sizes[1], sizes[2])


def extent(head: npt.NDArray[np.bool_], axis: int) -> tuple[int, int]:
    along = np.flatnonzero(head.any(axis=tuple(other for other in range(3) if other != axis)))
    return int(along[0]), int(along[-1]) + 1


def _middle_slice(numbers: Table, grid: Grid, voxels: npt.NDArray[np.intp]) -> int:
    inside = np.zeros(math.prod(grid.shape), dtype=np.bool_)
    inside[np.ravel_multi_index(tuple(voxels.T), grid.shape)] = True
    return int(np.argmax(inside[numbers].sum(axis=(0, 1))))


def _choose(first: int, stop: int, middles: list[int]) -> list[int]:
    """At most ``MOST_SLICES`` slices, evenly; the nearest of them gives way to each region's middle."""
    chosen = np.unique(np.round(np.linspace(first, stop - 1, min(MOST_SLICES, stop - first))).astype(int))
    kept: set[int] = set()
    for middle in middles:
        if middle not in chosen:
            free = [n for n, z in enumerate(chosen) if int(z) not in kept]
            if free:
                chosen[min(free, key=lambda n: abs(int(chosen[n]) - middle))] = middle
        kept.add(middle)
    return sorted(int(z) for z in chosen)


def _columns(count: int, width_mm: float, height_mm: float) -> int:
    """Of the numbers next to the one that gives ``ASPECT``, the one that leaves the fewest places of the last row empty."""
    best = max(1, round(math.sqrt(count * ASPECT * height_mm / width_mm)))
    near = [columns for columns in (best, best - 1, best + 1) if 1 <= columns <= count] or [count]
    return min(near, key=lambda columns: -count % columns)


def _height_mm(grid: Grid, numbers: Table) -> float:
    """RAS z of the slice's centre."""
    voxels = np.array(np.unravel_index(numbers.reshape(-1), grid.shape), dtype=np.float64)
    return float((grid.affine[2, :3, None] * voxels).sum(axis=0).mean() + grid.affine[2, 3])
