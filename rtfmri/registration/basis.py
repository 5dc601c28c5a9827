"""What is computed once from the reference, so that each volume costs only its sampling.

Model. For voxel x of the reference (percent of the mask's mean), a small displacement of the head by the six parameters ``delta``
and a smooth change of gain (receive field, drift, cough) with coefficients ``b``::

    moving(T(x)) - R(x) (1 + sum_m b_m P_m(x))  =  sum_j D_j(x) delta_j + noise

``D`` are the columns grad R(x) . d(displacement)/d(delta_j), in percent per mm and per rad, and R(x) P_m(x) with P_m the monomials
up to third order. The equations are not solved by least squares of single voxels: interpolation and aliasing leave errors at high
spatial frequencies that would bias it. Each column is windowed to the head and smoothed, B = w (G * (w D)), and delta, b follow from
B' residual = B' D (delta, b): the residual is in effect smoothed without a cost per volume, and its errors drop out. The window ends
softly, before the smoothing and after it: a hard edge would let the high frequencies in again.
B' D is kept for each slice, so that a bad slice can be left out exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from rtfmri.kernels import kernel
from rtfmri.registration.cells import Cells, cells_of, one_cell_a_slice
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import Mask
from rtfmri.registration.smoothing import gaussian
from rtfmri.volume import Array, Grid, Image

MOTION = 6
EXPONENTS = tuple((a, b, c) for a in range(4) for b in range(4 - a) for c in range(4 - a - b))  # the constant comes first
COLUMNS = MOTION + len(EXPONENTS)

_RIM_MM = 7.0  # the head's edge tells much about motion: the mask is widened to hold it
_FALL_MM = 2.0  # how softly the window ends
_WINDOW_FLOOR = 0.05  # voxels where the window is less have columns near zero and are left out


@dataclass(frozen=True, eq=False)
class Level:
    """One set of voxels with its equations.

    ``voxels`` int32 (N, 3), ``values`` float64 (N,) percent, ``basis`` float32 (N, C), ``normal`` float64 (Z, C, C),
    ``counts`` int64 (Z,): voxels in each slice; ``cells``: the pieces in which sums are kept. C is at most COLUMNS.
    """

    voxels: npt.NDArray[np.int32]
    values: Array
    basis: Image
    normal: Array
    counts: npt.NDArray[np.int64]
    cells: Cells


@dataclass(frozen=True, eq=False)
class Columns:
    """The model's columns in the box that holds the head.

    ``box``: slices of the volume; within it ``window`` and ``percent`` (X, Y, Z), ``gradients`` in percent per mm and ``offsets_mm``
    from the centre (3, X, Y, Z), and ``powers``: 0th to 3rd powers of each axis' scaled coordinate (3 times (4, n)).
    """

    grid: Grid
    box: tuple[slice, slice, slice]
    window: Array
    percent: Array
    gradients: Array
    offsets_mm: Array
    powers: tuple[Array, Array, Array]

    def column(self, index: int) -> Array:
        """Column ``index`` of D within the box."""
        g, r = self.gradients, self.offsets_mm
        if index < 3:
            along: Array = g[index]
            return along
        if index < MOTION:  # rotation about axis k moves x by e_k x r
            i, j = (index - 3 + 1) % 3, (index - 3 + 2) % 3
            turning: Array = r[i] * g[j] - r[j] * g[i]
            return turning
        (a, b, c), (u, v, w) = EXPONENTS[index - MOTION], self.powers
        return self.percent * (u[a][:, None, None] * v[b][None, :, None] * w[c])


def columns_of(percent: Array, mask: Mask, grid: Grid, centre_mm: Array, frame: Array) -> Columns:
    """Window, gradients and coordinates; ``frame`` (2, 3): centre and 1 / extent, in voxels, of the monomials' arguments."""
    window = head_window(mask, grid)
    held = np.nonzero(window > _WINDOW_FLOOR)
    x, y, z = (slice(int(axis.min()), int(axis.max()) + 1) for axis in held)
    box = (x, y, z)
    indices = [np.arange(s.start, s.stop, dtype=np.float64) for s in box]
    i, j, k = indices[0][:, None, None], indices[1][None, :, None], indices[2]
    affine = grid.affine
    offsets = np.stack([affine[m, 0] * i + affine[m, 1] * j + affine[m, 2] * k + affine[m, 3] - centre_mm[m] for m in range(3)])
    scaled = [(indices[axis] - frame[0, axis]) * frame[1, axis] for axis in range(3)]
    first, second, third = (np.stack([np.ones_like(u), u, u * u, u * u * u]) for u in scaled)
    gradients = np.ascontiguousarray(spline_gradients(percent, grid)[(slice(None), *box)])
    return Columns(grid, box, window[box], percent[box], gradients, offsets, (first, second, third))


def spline_gradients(image: Array, grid: Grid) -> Array:
    """Exact derivatives of the interpolating spline at the voxel centres, per mm along x, y, z: (3, X, Y, Z)."""
    coefficients = prefilter(image.astype(np.float32)).astype(np.float64)
    derivative, value = np.array([-0.5, 0.0, 0.5]), np.array([1.0, 4.0, 1.0]) / 6.0
    along = []
    for axis in range(3):
        slope = coefficients
        for other in range(3):
            slope = ndimage.correlate1d(slope, derivative if other == axis else value, axis=other, mode="mirror")
        along.append(slope)
    inverse = np.linalg.inv(grid.affine[:3, :3])
    return np.stack([along[0] * inverse[0, k] + along[1] * inverse[1, k] + along[2] * inverse[2, k] for k in range(3)])


def head_window(mask: Mask, grid: Grid) -> Array:
    """1 over the head and a rim about it, falling smoothly to 0: (X, Y, Z)."""
    near = ndimage.distance_transform_edt(~mask, sampling=grid.voxel_size_mm) <= _RIM_MM
    soft: Array = ndimage.gaussian_filter(near.astype(np.float64), [_FALL_MM / size for size in grid.voxel_size_mm], mode="nearest")
    return soft


def build_levels(columns: Columns, sigma_mm: float, most: tuple[int, ...], size: int = COLUMNS) -> list[Level]:
    """The first ``size`` columns, smoothed by ``sigma_mm``; a level for each number of voxels in ``most``, spread evenly over the head.

    Sums over the last level's voxels are kept in cells, for the uncertainty; those of the others slice by slice.
    """
    inside = columns.window > _WINDOW_FLOOR
    x, y, z = np.indices(inside.shape, dtype=np.int32)
    held = [np.flatnonzero(inside & ((x + y + z) % -(-int(inside.sum()) // number) == 0)) for number in most]
    bases = [np.empty((len(chosen), size), dtype=np.float32) for chosen in held]
    designs = [np.empty(basis.shape) for basis in bases]
    for index in range(size):
        column = columns.column(index)
        smooth = columns.window * _smooth(columns.window * column, columns.grid, sigma_mm)
        for chosen, basis, design in zip(held, bases, designs, strict=True):
            basis[:, index], design[:, index] = smooth.ravel()[chosen], column.ravel()[chosen]
    finest = len(most) - 1 if size == COLUMNS else None
    parts = zip(held, bases, designs, strict=True)
    return [_level(columns, chosen, basis, design, n == finest) for n, (chosen, basis, design) in enumerate(parts)]


def _smooth(image: Array, grid: Grid, sigma_mm: float) -> Image:
    x, y, z = (sigma_mm / size for size in grid.voxel_size_mm)
    return gaussian(image.astype(np.float32), (x, y, z))


def mean_voxel_mm(grid: Grid) -> float:
    """The side of a cube that is as large as a voxel."""
    x, y, z = grid.voxel_size_mm
    return (x * y * z) ** (1.0 / 3.0)


def _level(columns: Columns, chosen: npt.NDArray[np.intp], basis: Image, design: Array, finest: bool) -> Level:
    within = np.unravel_index(chosen, columns.window.shape)
    voxels = np.stack([axis + box.start for axis, box in zip(within, columns.box, strict=True)], axis=1).astype(np.int32)
    slices, size = columns.grid.shape[2], basis.shape[1]
    normal = np.zeros((slices, size, size))
    _normal_matrices(voxels, basis, design, normal)
    counts = np.bincount(voxels[:, 2], minlength=slices).astype(np.int64)
    cells = cells_of(voxels, columns.grid, int((columns.window > _WINDOW_FLOOR).sum())) if finest else one_cell_a_slice(voxels, slices)
    return Level(voxels, columns.percent.ravel()[chosen].astype(np.float64), basis, normal, counts, cells)


@kernel
def _normal_matrices(voxels: npt.NDArray[np.int32], basis: Image, design: Array, normal: Array) -> None:
    """B' D of each slice; what is outside the window has no part in it."""
    size = basis.shape[1]
    for n in range(basis.shape[0]):
        into = normal[voxels[n, 2]]
        for i in range(size):
            for j in range(size):
                into[i, j] += basis[n, i] * design[n, j]
