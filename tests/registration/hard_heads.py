"""Heads as scanners really see them: a coil array's field, a scalp that slides, motion while the volume is acquired. Truth is analytic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from moved_head import CENTRE_MM, NOISE, RADII_MM, head_at

from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

Field = Callable[[Array], Array]


def no_field(points_mm: Array) -> Array:
    """The same sensitivity everywhere."""
    return np.ones(len(points_mm))


def coil_array(points_mm: Array) -> Array:
    """Root sum of squares of twelve loops on a helmet, each falling off as a current loop's field on its axis (Biot and Savart)."""
    power = np.zeros(len(points_mm))
    for element in range(12):
        angle, height = 2 * np.pi * (element % 6) / 6 + 0.4 * (element // 6), (-40.0, 45.0)[element // 6]
        loop = CENTRE_MM + np.array([105 * np.cos(angle), 120 * np.sin(angle), height])
        squared = ((points_mm - loop) ** 2).sum(axis=1)
        power += ((0.7 + 0.1 * (element % 5)) * (45.0**2 / (45.0**2 + squared)) ** 1.5) ** 2
    return np.sqrt(power) / 0.25


def interleaved(slices: int) -> Array:
    """When each slice is acquired, as a share of the volume's time: even ones first, then odd ones."""
    when = np.empty(slices)
    when[np.r_[0:slices:2, 1:slices:2]] = (np.arange(slices) + 0.5) / slices
    return when


def between(one: RigidTransform, other: RigidTransform, share: float) -> RigidTransform:
    """On the way from ``one`` to ``other``, both about the same centre."""
    trans, rot = (np.array(getattr(one, n)) * (1 - share) + np.array(getattr(other, n)) * share for n in ("trans_mm", "rot_rad"))
    return RigidTransform((trans[0], trans[1], trans[2]), (rot[0], rot[1], rot[2]), one.centre_mm)


def scanned(
    grid: Grid,
    begin: RigidTransform,
    end: RigidTransform | None = None,
    field: Field = no_field,
    scalp: RigidTransform | None = None,
    seed: int | None = None,
) -> Image:
    """The head while it moves from ``begin`` to ``end``; about it a scalp at ``scalp``, its fat suppressed to two thirds of the brain."""
    values, when = np.empty(grid.shape), interleaved(grid.shape[2])
    x, y = np.indices(grid.shape[:2]).reshape(2, -1)
    for z in range(grid.shape[2]):
        here = np.stack([x, y, np.full_like(x, z)], axis=1) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
        signal = head_at(_tissue(here, between(begin, end or begin, when[z])))
        if scalp is not None:
            radius = np.sqrt((((_tissue(here, scalp) - CENTRE_MM) / RADII_MM) ** 2).sum(axis=1))
            signal = signal + 700.0 * np.exp(-0.5 * ((radius - 1.14) / 0.03) ** 2)
        values[:, :, z] = (signal * field(here)).reshape(grid.shape[:2])
    if seed is not None:
        values += np.random.default_rng(seed).normal(scale=NOISE, size=values.shape)
    image: Image = np.maximum(values, 0.0).astype(np.float32)
    return image


def _tissue(here: Array, transform: RigidTransform) -> Array:
    back = np.linalg.inv(transform.matrix)
    return here @ back[:3, :3].T + back[:3, 3]
