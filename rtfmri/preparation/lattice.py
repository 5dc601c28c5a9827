"""A smooth vector field in three dimensions: cubic B-splines on a lattice, evaluated axis by axis, and how rough it is.

The lattice is laid out in millimetres along the array's axes, so one field can be evaluated on a thinned grid and on the whole one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rtfmri.volume import Array

MEMBRANE = 1e-3  # a little stiffness against what has no curvature, so that the equations are never singular


@dataclass(frozen=True, eq=False)
class Lattice:
    """``bases``: for each axis (voxels, knots), the weight of each knot's spline at each voxel."""

    bases: tuple[Array, Array, Array]

    @staticmethod
    def over(shape: tuple[int, int, int], voxel_mm: tuple[float, float, float], spacing_mm: float) -> Lattice:
        """A lattice of ``spacing_mm`` that covers a grid and one knot more on each side."""
        x, y, z = (_splines(n, spacing_mm / size) for n, size in zip(shape, voxel_mm, strict=True))
        return Lattice((x, y, z))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of the coefficients: knots along each axis, three components."""
        x, y, z = (basis.shape[1] for basis in self.bases)
        return x, y, z, 3

    def thinned(self, steps: tuple[int, int, int]) -> Lattice:
        """The same field at every ``steps``-th voxel."""
        x, y, z = (basis[::step] for basis, step in zip(self.bases, steps, strict=True))
        return Lattice((x, y, z))

    def field(self, coefficients: Array) -> Array:
        """(X, Y, Z, 3) of ``coefficients`` (knots..., 3)."""
        return self._applied(coefficients, knots=1)

    def gathered(self, field: Array) -> Array:
        """The transpose of ``field``: (knots..., 3) of (X, Y, Z, 3)."""
        return self._applied(field, knots=0)

    def _applied(self, values: Array, knots: int) -> Array:
        for axis, basis in enumerate(self.bases):
            values = np.moveaxis(np.tensordot(basis, values, (knots, axis)), 0, axis)
        return values


def roughness_gradient(coefficients: Array) -> Array:
    """Gradient of half the summed squared Laplacian of ``coefficients`` (knots..., 3), with the membrane's part."""
    return _laplacian(_laplacian(coefficients)) + MEMBRANE * coefficients


def _laplacian(coefficients: Array) -> Array:
    """Reflecting at the border, hence symmetric: its own transpose."""
    parts = [ndimage.correlate1d(coefficients, [1.0, -2.0, 1.0], axis=axis, mode="reflect") for axis in range(3)]
    return np.asarray(sum(parts))


def _splines(n: int, step_voxels: float) -> Array:
    knots = int(np.ceil((n - 1) / step_voxels)) + 3
    away = np.abs(np.arange(n)[:, None] / step_voxels - (np.arange(knots)[None, :] - 1))
    near, far = 2 / 3 - away**2 + away**3 / 2, (2 - away) ** 3 / 6
    return np.where(away < 1, near, np.where(away < 2, far, 0.0))
