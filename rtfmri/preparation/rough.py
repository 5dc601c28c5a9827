"""About where a head lies in MNI, from its outline alone: so that a chin held high or low does not lead the affine fit astray.

Rigid, about the centroid of the head's mask: a coarse search over nodding, tilting and shifts (slices may cut the head, so centroids
need not agree), then a local one. Compared is the smoothed mask with the smoothed brain of the template, within the slices only.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from scipy import ndimage, optimize

from rtfmri.preparation.template import Template
from rtfmri.registration.mask import Mask
from rtfmri.rigid import rotation_matrix
from rtfmri.volume import Array, Grid

NOD_DEG = (-45, -30, -15, 0, 15, 30, 45)
TILT_DEG = (-15, 0, 15)
SHIFT_MM = (-24, -12, 0, 12, 24)  # along y and z; sideways the centroid is right
STEP_MM = 8.0  # between points that are compared, and the standard deviation of the smoothing


def rough_start(head: Mask, grid: Grid, template: Template) -> Array:
    """4x4, RAS mm of the image -> RAS mm of MNI."""
    points, values = _points(head, grid)
    brain = ndimage.gaussian_filter(template.tissue.sum(axis=0).astype(np.float64), STEP_MM / template.step_mm)
    centre = _centroid(head.astype(np.float64), grid.affine)
    home = _centroid(brain, template.affine)

    def matrix_of(parameters: Array) -> Array:
        x, y, z = np.deg2rad(parameters[:3])
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_matrix((float(x), float(y), float(z)))
        matrix[:3, 3] = home + parameters[3:] - matrix[:3, :3] @ centre
        return matrix

    def misfit(parameters: Array) -> float:
        matrix = matrix_of(parameters)
        at = template.index_of(points @ matrix[:3, :3].T + matrix[:3, 3])
        return -float(np.corrcoef(ndimage.map_coordinates(brain, at, order=1), values)[0, 1])

    return matrix_of(_descended(misfit, _best(misfit)))


def _best(misfit: Callable[[Array], float]) -> Array:
    tries = [np.array([nod, tilt, 0.0, 0.0, y, z]) for nod, tilt, y, z in itertools.product(NOD_DEG, TILT_DEG, SHIFT_MM, SHIFT_MM)]
    return min(tries, key=misfit)


def _descended(misfit: Callable[[Array], float], start: Array) -> Array:
    found = optimize.minimize(misfit, start, method="Powell", options={"maxiter": 6, "xtol": 0.1, "ftol": 1e-4})
    return np.asarray(found.x)


def _points(head: Mask, grid: Grid) -> tuple[Array, Array]:
    """Every ``STEP_MM`` of the slices: places (N, 3) mm and the smoothed mask there (N,)."""
    sizes = np.array(grid.voxel_size_mm)
    smooth = ndimage.gaussian_filter(head.astype(np.float64), STEP_MM / sizes, mode="nearest")
    x, y, z = (np.arange(0, n, max(1, round(STEP_MM / size))) for n, size in zip(grid.shape, sizes, strict=True))
    index = np.stack(np.meshgrid(x, y, z, indexing="ij"), axis=-1).reshape(-1, 3)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3], smooth[tuple(index.T)]


def _centroid(weights: Array, affine: Array) -> Array:
    index = np.array(ndimage.center_of_mass(weights))
    return np.asarray(affine[:3, :3] @ index + affine[:3, 3])
