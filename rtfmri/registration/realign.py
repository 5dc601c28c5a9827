"""Rigid realignment of each volume to one fixed reference.

Conventions: those of `rtfmri.rigid`: the transform maps reference RAS+ mm to moving RAS+ mm (pull), about the centroid of the
reference's mask. `prepare` once per run; `estimate` per volume, from a start (the last volume's estimate); it depends on nothing else, so a
volume realigned again from the same start gives the same bits.

Method: Gauss-Newton with equations computed once (``basis.py``, ``descent.py``). A few voxels first, many at last; where the first
step is large, heavily smoothed equations bring the estimate near before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from rtfmri.errors import VolumeError
from rtfmri.registration import step
from rtfmri.registration.descent import Moving, State, begin, descend, take_step
from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import prefilter, sample
from rtfmri.registration.prepared import Reference, prepare
from rtfmri.registration.uncertainty import bad_slices, covariance_of, uncertainty_mm
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

__all__ = ["Estimate", "Reference", "estimate", "prepare", "warm_up"]

_LARGE_MM = 1.5  # a first step beyond this goes through the coarse level
NEAR_MM, _QUICK_MM, _FINE_MM = 0.5, 0.1, 0.02  # a step below this ends a level; the error left is about a twentieth of it


@dataclass(frozen=True, eq=False)
class Estimate:
    """Where the head lies in one volume, and how well that is known.

    ``residual_percent``: root mean square of moved volume minus reference after the intensity terms, in the median slice.
    ``covariance`` (6, 6): of translation (mm) and rotation (rad) about the centre; ``uncertainty_mm``: standard error of the
    displacement 50 mm from the centre; both infinite where nothing is known. ``bad_slices``: 0-based, of the reference's grid.
    """

    transform: RigidTransform
    converged: bool
    iterations: int
    residual_percent: float
    covariance: Array
    uncertainty_mm: float
    bad_slices: tuple[int, ...]


def estimate(reference: Reference, coefficients: Image, start: RigidTransform, moving_grid: Grid | None = None) -> Estimate:
    """Where the head lies in the volume whose spline ``coefficients`` (X, Y, Z) are given, on ``moving_grid`` (None: the reference's).

    ``converged`` is false where the iteration did not come to rest, too little of the head lies within the volume or its signal is
    lost: the transform is then not to be used.

    Raises
    ------
    VolumeError : the volume is of another shape or holds values that are not numbers.
    """
    moving = Moving.of(coefficients, moving_grid or reference.grid)
    if coefficients.shape != moving.grid.shape:
        raise VolumeError(f"The volume is {coefficients.shape} voxels, {moving.grid.shape} were expected.")
    origin = begin(reference, start)
    state = take_step(reference, reference.quick, moving, origin)
    if state.step_mm > _LARGE_MM:
        state = descend(reference, reference.coarse, moving, origin, NEAR_MM)
    return estimate_from(reference, moving, state)


def estimate_from(reference: Reference, moving: Moving, state: State) -> Estimate:
    """The estimate by the quick and the fine level, from a ``state`` that is near."""
    state = descend(reference, reference.quick, moving, state, _QUICK_MM)
    fine = reference.fine
    state = descend(reference, fine, moving, state, _FINE_MM)
    covariance = covariance_of(fine.normal, state.pieces, state.weights, fine.cells.slab)
    known_mm = uncertainty_mm(covariance)
    converged = state.step_mm < _FINE_MM and 1.0 + state.gain[0] > step.LEAST_SIGNAL and math.isfinite(known_mm)
    bad = bad_slices(step.slice_sums(state.pieces, len(fine.counts)), fine.counts)
    transform = state.transform(reference.centre_mm)
    return Estimate(transform, bool(converged), state.iterations, state.residual_percent, covariance, known_mm, bad)


def warm_up() -> None:
    """Compile, or load from the cache, every kernel of this folder, with the types of a run: before the run, never in it."""
    shape = (24, 24, 12)
    x, y, z = np.meshgrid(*(np.linspace(-1.2, 1.2, n) for n in shape), indexing="ij")
    radius = x**2 + (y / 0.8) ** 2 + (z / 0.7 - 0.2 * x) ** 2
    image = (1000.0 / (1.0 + radius**4) * (1.0 + 0.2 * np.sin(7 * x + 2 * y) * np.cos(5 * y - 3 * z))).astype(np.float32)
    grid = Grid(shape, np.diag([3.0, 3.0, 3.0, 1.0]))
    reference = prepare(image, grid, radius < 1.0)
    coefficients = prefilter(image)
    moved = estimate(reference, coefficients, RigidTransform((0.3, 0.0, 0.0), (0.0, 0.01, 0.0), reference.centre_mm))
    sample(coefficients, transform_points(grid, moved.transform, grid, np.argwhere(reference.mask)))
