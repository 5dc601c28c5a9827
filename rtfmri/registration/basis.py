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
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import Mask
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
    ``counts`` int64 (Z,): voxels in each slice. C is at most COLUMNS.
    """

    voxels: npt.NDArray[np.int32]
    values: Array
    basis: Image
    normal: Array
    counts: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Columns:
    """The reference in percent, its gradients in percent per mm (X, Y, Z, 3), and where voxels lie relative to the centre."""

    percent: Array
    gradients: Array
    offsets_mm: Array
    scaled: Array

    def column(self, index: int) -> Array:
        """Column ``index`` of D as a volume (X, Y, Z)."""
        g, r = self.gradients, self.offsets_mm
        if index < 3:
            return g[..., index]
        if index < MOTION:  # rotation about axis k moves x by e_k x r
            i, j = (index - 3 + 1) % 3, (index - 3 + 2) % 3
            return r[..., i] * g[..., j] - r[..., j] * g[..., i]
        a, b, c = EXPONENTS[index - MOTION]
        u = self.scaled
        return self.percent * u[..., 0] ** a * u[..., 1] ** b * u[..., 2] ** c


def columns_of(percent: Array, grid: Grid, centre_mm: Array, centre: Array, extent: Array) -> Columns:
    """Gradients and coordinates; ``centre`` and ``extent`` in voxels put the monomials' arguments between about -1 and 1."""
    indices = np.stack(np.meshgrid(*(np.arange(n, dtype=np.float64) for n in grid.shape), indexing="ij"), axis=-1)
    offsets = np.stack([(indices * grid.affine[k, :3]).sum(axis=-1) + grid.affine[k, 3] - centre_mm[k] for k in range(3)], axis=-1)
    return Columns(percent, spline_gradients(percent, grid), offsets, (indices - centre) / extent)


def spline_gradients(image: Array, grid: Grid) -> Array:
    """Exact derivatives of the interpolating spline at the voxel centres, per mm along x, y, z: (X, Y, Z, 3)."""
    coefficients = prefilter(image.astype(np.float32)).astype(np.float64)
    derivative, value = np.array([-0.5, 0.0, 0.5]), np.array([1.0, 4.0, 1.0]) / 6.0
    along = []
    for axis in range(3):
        slope = coefficients
        for other in range(3):
            slope = ndimage.correlate1d(slope, derivative if other == axis else value, axis=other, mode="mirror")
        along.append(slope)
    inverse = np.linalg.inv(grid.affine[:3, :3])
    return np.stack([sum(along[i] * inverse[i, k] for i in range(3)) for k in range(3)], axis=-1)


def head_window(mask: Mask, grid: Grid) -> Array:
    """1 over the head and a rim about it, falling smoothly to 0: (X, Y, Z)."""
    near = ndimage.distance_transform_edt(~mask, sampling=grid.voxel_size_mm) <= _RIM_MM
    soft: Array = ndimage.gaussian_filter(near.astype(np.float64), [_FALL_MM / size for size in grid.voxel_size_mm], mode="nearest")
    return soft


def build_level(columns: Columns, window: Array, grid: Grid, sigma_mm: float, most: int, size: int = COLUMNS) -> Level:
    """The first ``size`` columns, smoothed by ``sigma_mm``, at no more than about ``most`` voxels spread evenly over the head."""
    sigma = [sigma_mm / size for size in grid.voxel_size_mm]
    chosen = window > _WINDOW_FLOOR
    stride = -(-int(chosen.sum()) // most)
    x, y, z = np.indices(grid.shape, dtype=np.int32)
    chosen &= (x + y + z) % stride == 0
    basis = np.empty((int(chosen.sum()), size), dtype=np.float32)
    design = np.empty(basis.shape)
    for index in range(size):
        column = columns.column(index)
        basis[:, index] = (window * ndimage.gaussian_filter(window * column, sigma, mode="constant"))[chosen]
        design[:, index] = column[chosen]
    voxels = np.argwhere(chosen).astype(np.int32)
    normal = np.zeros((grid.shape[2], size, size))
    _normal_matrices(voxels, basis, design, normal)
    counts = np.bincount(voxels[:, 2], minlength=grid.shape[2]).astype(np.int64)
    return Level(voxels, np.ascontiguousarray(columns.percent[chosen]), basis, normal, counts)


@kernel
def _normal_matrices(voxels: npt.NDArray[np.int32], basis: Image, design: Array, normal: Array) -> None:
    """B' D of each slice; what is outside the window has no part in it."""
    size = basis.shape[1]
    for n in range(basis.shape[0]):
        into = normal[voxels[n, 2]]
        for i in range(size):
            for j in range(size):
                into[i, j] += basis[n, i] * design[n, j]
