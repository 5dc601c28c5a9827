"""The pieces of the head in which the equations' sums are kept: columns of voxels for the uncertainty, slices for the weights.

A piece is what one tile of the plane holds of one slice. Pieces of neighbouring slices make a cell, a block about as deep as it is
wide. Errors within a cell go together (smoothing, interpolation, tissue), errors of two cells hardly: the scatter of the cells' sums
tells how uncertain the estimate is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.volume import Grid

_CELLS = 150  # in the head: many more than the parameters, each as large as can be
_LEAST_SIDE_MM = 14.0


@dataclass(frozen=True, eq=False)
class Cells:
    """``piece`` int32 (N,): tile times number of slices + slice of each voxel; ``tiles``; ``slab`` int64 (Z,): which slab a slice is in."""

    piece: npt.NDArray[np.int32]
    tiles: int
    slab: npt.NDArray[np.int64]


def one_cell_a_slice(voxels: npt.NDArray[np.int32], slices: int) -> Cells:
    """A single tile: pieces are whole slices."""
    return Cells(np.ascontiguousarray(voxels[:, 2]), 1, np.arange(slices))


def cells_of(voxels: npt.NDArray[np.int32], grid: Grid, volume: int) -> Cells:
    """About 150 cells in the ``volume`` voxels of the head that ``voxels`` (N, 3) are spread over; no cell's side below 14 mm."""
    sizes = grid.voxel_size_mm
    side_mm = max(_LEAST_SIDE_MM, (volume * sizes[0] * sizes[1] * sizes[2] / _CELLS) ** (1.0 / 3.0))
    wide, high, deep = (max(1, round(side_mm / size)) for size in sizes)
    first, slices = voxels.min(axis=0), grid.shape[2]
    x, y = (voxels[:, 0] - first[0]) // wide, (voxels[:, 1] - first[1]) // high
    columns = int(y.max()) + 1
    piece = ((x * columns + y) * slices + voxels[:, 2]).astype(np.int32)
    return Cells(piece, (int(x.max()) + 1) * columns, np.maximum(np.arange(slices) - int(first[2]), 0) // deep)
