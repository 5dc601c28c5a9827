"""The whole moving volume on the reference's grid, for what follows off the critical path.

Conventions. The transform maps reference RAS+ mm to moving RAS+ mm (pull). A voxel whose point lies beyond the moving volume's
outermost voxel centres has no data: its value is 0, and `covered` is false there. Float32 throughout, within about 1e-6 of the
largest coefficient.

Method: along a line of z the moved points advance by a constant step that is nearly one voxel, so for many voxels in a row the
neighbourhood advances with them, by one voxel each, and eight are summed at once (`taps.run_sums`). A run ends where a point crosses
into the next cell of any axis. Larger rotations make shorter runs: slower, never wrong. A margin of mirrored coefficients spares the
kernel all edges.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rtfmri.kernels import kernel
from rtfmri.registration.bspline import Pieces, pieces, shift
from rtfmri.registration.geometry import voxel_map
from rtfmri.registration.interpolation import mirrored, steps_within
from rtfmri.registration.taps import LANES, run_sums
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

_TINY = 1e-6  # voxels; the outermost slices of a head that has not moved are covered


def reslice(coefficients: Image, reference_grid: Grid, transform: RigidTransform, moving_grid: Grid, order: int = 3) -> Image:
    """The moving volume, given by its spline ``coefficients`` (of ``order``), at the voxels of ``reference_grid``: float32 (X, Y, Z).

    Raises
    ------
    ValueError : the coefficients are not of the moving grid's shape, the order is not one of 3 to 7, or the transform is not finite.
    """
    if coefficients.shape != moving_grid.shape:
        raise ValueError(f"the coefficients are {coefficients.shape} voxels, the moving grid {moving_grid.shape}")
    c = np.ascontiguousarray(coefficients).view()
    c.setflags(write=False)  # the type that was compiled before the run, whoever hands them in
    resliced = np.zeros(reference_grid.shape, dtype=np.float32)
    to_moving = _finite_map(reference_grid, transform, moving_grid)
    _reslice(c, to_moving, pieces(order), shift(order), resliced)
    return resliced


def covered(reference_grid: Grid, transform: RigidTransform, moving_grid: Grid) -> npt.NDArray[np.bool_]:
    """Where the moving volume has data on the reference's grid: bool (X, Y, Z).

    Raises
    ------
    ValueError : the transform is not finite.
    """
    where = np.zeros(reference_grid.shape, dtype=np.bool_)
    _cover(_finite_map(reference_grid, transform, moving_grid), np.array(moving_grid.shape), where)
    return where


def warm_up(order: int = 3) -> None:
    """Compile, or load from the cache, the kernels of this file for one order."""
    grid = Grid((4, 4, 4), np.eye(4))
    reslice(np.zeros(grid.shape, dtype=np.float32), grid, RigidTransform(), grid, order)
    covered(grid, RigidTransform(), grid)


def _finite_map(reference_grid: Grid, transform: RigidTransform, moving_grid: Grid) -> Array:
    """Reference voxel index -> moving voxel index; the kernels would read anywhere with numbers that are none."""
    to_moving = voxel_map(reference_grid.affine, transform.matrix, moving_grid.affine)
    if not np.isfinite(to_moving).all():
        raise ValueError("a transform holds finite numbers")
    return to_moving


@kernel
def _reslice(c: Image, to_moving: Array, table: Pieces, offset: float, resliced: Image) -> None:
    half = (len(table) - 1) // 2
    margin = half + 1
    flat = _with_margin(c, margin)
    row = c.shape[2] + 2 * margin
    plane = row * (c.shape[1] + 2 * margin)
    shape = np.array(c.shape)
    step = to_moving[:, 2]
    du = (step[0], step[1], step[2] - 1.0)
    line = np.empty(resliced.shape[2] + LANES, dtype=np.float32)
    for x in range(resliced.shape[0]):
        for y in range(resliced.shape[1]):
            start = to_moving[:, 0] * x + to_moving[:, 1] * y + to_moving[:, 3]
            first, end = _covered_part(start, step, shape, resliced.shape[2])
            k = first
            while k < end:
                sx, sy, sz = start[0] + k * step[0] + offset, start[1] + k * step[1] + offset, start[2] + k * step[2] + offset
                fx, fy, fz = np.floor(sx), np.floor(sy), np.floor(sz)
                ux, uy, uz = sx - fx, sy - fy, sz - fz
                count = int(min(float(end - k), steps_within(ux, du[0]), steps_within(uy, du[1]), steps_within(uz, du[2])))
                base = (int(fx) - half + margin) * plane + (int(fy) - half + margin) * row + int(fz) - half + margin
                for j in range(0, count, LANES):
                    u = (ux + j * du[0], uy + j * du[1], uz + j * du[2])
                    run_sums(flat, base + j, row, plane, table, u, du, line, k + j)
                k += count
            for k in range(first, end):
                resliced[x, y, k] = line[k]


@kernel
def _covered_part(start: Array, step: Array, shape: npt.NDArray[np.int64], length: int) -> tuple[int, int]:
    """First and end of the points ``start + k * step``, 0 <= k < length, that lie within the outermost voxel centres."""
    first, end = 0.0, float(length)
    for axis in range(3):
        low, high = -_TINY - start[axis], shape[axis] - 1 + _TINY - start[axis]
        if step[axis] < 0.0:
            low, high = high, low
        if step[axis] != 0.0:
            first, end = max(first, np.ceil(low / step[axis])), min(end, np.floor(high / step[axis]) + 1.0)
        elif low > 0.0 or high < 0.0:
            end = 0.0
    return (int(first), int(end)) if first < end else (0, 0)


@kernel
def _cover(to_moving: Array, shape: npt.NDArray[np.int64], where: npt.NDArray[np.bool_]) -> None:
    for x in range(where.shape[0]):
        for y in range(where.shape[1]):
            start = to_moving[:, 0] * x + to_moving[:, 1] * y + to_moving[:, 3]
            first, end = _covered_part(start, to_moving[:, 2], shape, where.shape[2])
            where[x, y, first:end] = True


@kernel
def _with_margin(c: Image, margin: int) -> Image:
    """The volume as one dimension with ``margin`` mirrored voxels on every side, and room at the end for one vector."""
    nx, ny, nz = c.shape
    row, lines = nz + 2 * margin, ny + 2 * margin
    flat = np.zeros((nx + 2 * margin) * lines * row + LANES, dtype=np.float32)
    at = 0
    for x in range(-margin, nx + margin):
        for y in range(-margin, ny + margin):
            source, into = c[mirrored(x, nx), mirrored(y, ny)], flat[at : at + row]
            for z in range(nz):
                into[margin + z] = source[z]
            for z in range(margin):
                into[z], into[margin + nz + z] = source[mirrored(z - margin, nz)], source[mirrored(nz + z, nz)]
            at += row
    return flat
