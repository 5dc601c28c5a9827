"""A small head with known motion: an analytic object, so that moving it needs no interpolation and owes nothing to the code it judges."""

from __future__ import annotations

import numpy as np

from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

CENTRE_MM = np.array([3.0, -6.0, 4.0])
RADII_MM = np.array([60.0, 76.0, 54.0])
NOISE = 8.0  # of a mean of about 1000

_rng = np.random.default_rng(4)
_WAVES = _rng.normal(size=(120, 3)) * 0.12  # radians per mm: texture down to about 25 mm from crest to crest, and finer
_PHASES = _rng.uniform(0, 2 * np.pi, 120)
_HEIGHTS = _rng.normal(size=120) * 25.0


def oblique_grid(shape: tuple[int, int, int] = (52, 60, 32), voxel_mm: tuple[float, float, float] = (3.2, 3.2, 4.0)) -> Grid:
    """Columns run leftward, slices are tilted by 15 degrees: a mistake in an axis or a sign shows."""
    cos, sin = np.cos(np.radians(15)), np.sin(np.radians(15))
    axes = np.array([[-1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]]) * np.array(voxel_mm)
    affine = np.eye(4)
    affine[:3, :3] = axes
    affine[:3, 3] = CENTRE_MM - axes @ ((np.array(shape) - 1) / 2)
    return Grid(shape, affine)


def head_at(points_mm: Array) -> Array:
    """Intensity of the still head at RAS mm (N, 3): a textured ellipsoid with a rim about two voxels wide, its left ear signal-free."""
    radius = np.sqrt((((points_mm - CENTRE_MM) / RADII_MM) ** 2).sum(axis=1))
    texture = 1000.0 + sum(h * np.cos(points_mm @ w + p) for h, w, p in zip(_HEIGHTS, _WAVES, _PHASES, strict=True))
    void = np.exp(-0.5 * (((points_mm - CENTRE_MM - [-40, 5, -25]) / 12) ** 2).sum(axis=1))
    return texture * (1 - 0.8 * void) / (1.0 + np.exp((radius - 1.0) * 25.0))


def receive_field_at(points_mm: Array) -> Array:
    """Coil sensitivity, fixed to the scanner: the head moves through it."""
    x, y, z = (points_mm / 100.0).T
    return 0.9 + 0.15 * (x**2 + y**2 + 0.7 * z**2) + 0.05 * x - 0.07 * y + 0.04 * x * y * z


def volume_of(grid: Grid, transform: RigidTransform, seed: int | None = None, activation_percent: float = 0.0) -> Image:
    """What the scanner sees after the head moved by ``transform`` (reference -> moving); noise where ``seed`` is given."""
    indices = np.indices(grid.shape).reshape(3, -1).T
    here = indices @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    back = np.linalg.inv(transform.matrix)
    tissue = here @ back[:3, :3].T + back[:3, 3]
    values = head_at(tissue) * receive_field_at(here)
    blob = np.exp(-0.5 * (((tissue - CENTRE_MM - [30, -20, 20]) / 10) ** 2).sum(axis=1))
    values = values * (1.0 + activation_percent / 100.0 * blob)
    if seed is not None:
        values = values + np.random.default_rng(seed).normal(scale=NOISE, size=values.shape)
    image: Image = np.maximum(values, 0.0).reshape(grid.shape).astype(np.float32)
    return image


def displacement_mm(grid: Grid, one: Array, other: Array) -> float:
    """Mean distance between where two 4x4 put the points of a 50 mm sphere about the head's centre."""
    directions = np.random.default_rng(0).normal(size=(200, 3))
    points = CENTRE_MM + 50.0 * directions / np.sqrt((directions**2).sum(axis=1, keepdims=True))
    return float(np.sqrt(((points @ (one - other)[:3, :3].T + (one - other)[:3, 3]) ** 2).sum(axis=1)).mean())
