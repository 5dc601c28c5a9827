"""An image of another run or session, found once: far away, on another grid, with another gain.

Many starts on the coarse level, the best of them on the finer ones. The start that explains most of what the image shows wins, not the
one with the smallest residual: a head that lies mostly outside the other volume leaves little residual.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np

from rtfmri.registration.descent import Moving, State, begin, descend, likeness, look
from rtfmri.registration.mask import head_mask
from rtfmri.registration.prepared import Reference
from rtfmri.registration.realign import NEAR_MM, Estimate, estimate_from
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

_TURN_RAD = math.radians(15.0)  # starts are turned by this about each axis; the coarse level finds what lies between


def estimate_far(reference: Reference, coefficients: Image, moving_grid: Grid) -> Estimate:
    """Where the reference's head lies in the image whose spline ``coefficients`` (X, Y, Z) lie on ``moving_grid``.

    Found from 20 mm and 20 degrees away and at any gain; takes about a second. As with `estimate`, only a converged one is to be used.
    """
    moving = Moving.of(coefficients, moving_grid)
    found = [_coarse(reference, moving, start) for start in _starts(reference, coefficients, moving_grid)]
    _, evened, state = max(found, key=lambda one: one[0])
    return estimate_from(reference, evened, state)


def _coarse(reference: Reference, moving: Moving, start: RigidTransform) -> tuple[float, Moving, State]:
    """How like the reference the image is after the coarse level, the image with its gain evened, and where it was found."""
    evened = _evened(reference, moving, start)
    state = descend(reference, reference.coarse, evened, begin(reference, start), NEAR_MM)
    alike = likeness(reference, reference.coarse, evened, state)
    return alike, evened, state


def _evened(reference: Reference, moving: Moving, start: RigidTransform) -> Moving:
    """The image, brought to the reference's intensity where the head would lie."""
    level = reference.coarse
    values, within = look(reference, level, moving, begin(reference, start))
    mean = float(values[within].mean()) * reference.percent if within.any() else 0.0
    if not mean > 0.0:
        return moving
    factor = float(level.values[within].mean()) / mean
    return Moving.of(moving.coefficients * np.float32(factor), moving.grid)


def _starts(reference: Reference, coefficients: Image, grid: Grid) -> list[RigidTransform]:
    """As the scanner's coordinates have it, and with the heads' centres one upon the other, each turned both ways about every axis."""
    centre = np.array(reference.centre_mm)
    shifts = [np.zeros(3)]
    head = np.argwhere(head_mask(coefficients))
    if len(head):
        middle = head.mean(axis=0)
        shifts.append(np.array([(grid.affine[k, :3] * middle).sum() + grid.affine[k, 3] for k in range(3)]) - centre)
    turns = list(product((0.0, -_TURN_RAD, _TURN_RAD), repeat=3))
    return [_start(shift, turn, reference.centre_mm) for shift in shifts for turn in turns]


def _start(shift_mm: Array, turn_rad: tuple[float, ...], centre_mm: tuple[float, float, float]) -> RigidTransform:
    x, y, z = (float(s) for s in shift_mm)
    about_x, about_y, about_z = turn_rad
    return RigidTransform((x, y, z), (about_x, about_y, about_z), centre_mm)
