"""Rigid realignment of each volume to one fixed reference.

Conventions: those of `rtfmri.rigid`: the transform maps reference RAS+ mm to moving RAS+ mm (pull), about the centroid of the
reference's mask. `prepare` once per run; `estimate` per volume, from a start (the last volume's estimate); it depends on nothing else, so a
volume realigned again from the same start gives the same bits.

Method: Gauss-Newton in the reference's frame with equations computed once (see ``basis.py``). The displacement that the residual
tells is composed inversely onto the transform (Baker and Matthews 2004, Int J Comput Vis 56:221). A few voxels first, many at last;
where the first step is large, heavily smoothed equations bring the estimate near before.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from rtfmri.errors import StudyError, VolumeError
from rtfmri.registration import basis, step
from rtfmri.registration.basis import COLUMNS, MOTION, Level
from rtfmri.registration.geometry import compose_inverse, transform_points, voxel_map
from rtfmri.registration.interpolation import prefilter, sample, sample_moved
from rtfmri.registration.mask import Mask
from rtfmri.rigid import RigidTransform, rotation_matrix
from rtfmri.volume import Array, Grid, Image

RADIUS_MM = 50.0  # steps are told as displacement of the head: |translation| + 50 mm |rotation|

_FINE_SIGMA_MM, _COARSE_SIGMA_MM = 3.0, 8.0
_FINE_VOXELS, _QUICK_VOXELS, _COARSE_VOXELS = 200_000, 12_000, 8_000
_LARGE_MM = 1.5  # a first step beyond this goes through the coarse level
_NEAR_MM, _QUICK_MM, _FINE_MM = 0.5, 0.1, 0.02  # a step below this ends a level; the error left is about a twentieth of it
_MOST_STEPS = 15  # on each level
_LEAST_VOXELS = 300
_LEAST_GAIN = 0.25  # an estimate on a volume that has lost most of its signal is not believed


@dataclass(frozen=True, eq=False)
class Reference:
    """What estimates are made against; ``percent`` takes image values to percent of the mask's mean.

    ``frame`` (2, 3): centre and 1 / extent, in voxels, of the coordinates in which gain varies smoothly.
    """

    grid: Grid
    mask: Mask
    centre_mm: tuple[float, float, float]
    percent: float
    frame: Array
    coarse: Level
    quick: Level
    fine: Level


@dataclass(frozen=True)
class Estimate:
    """``residual_percent``: root mean square of moved volume minus reference after the intensity terms, in the median slice."""

    transform: RigidTransform
    converged: bool
    iterations: int
    residual_percent: float


@dataclass(frozen=True, eq=False)
class _State:
    """Where the iteration stands: rotation (3, 3) and translation (3,) about the centre, gain coefficients, the last step."""

    rotation: Array
    trans_mm: Array
    gain: Array
    step_mm: float = math.inf
    residual_percent: float = math.inf
    iterations: int = 0


def prepare(reference: Image, grid: Grid, mask: Mask) -> Reference:
    """Everything that does not depend on the moving volume.

    Parameters
    ----------
    reference : float32 (X, Y, Z), the raw image that all volumes are realigned to.
    mask : bool (X, Y, Z), the head or brain.

    Raises
    ------
    StudyError : the mask is of another shape or too small, or the image in it cannot tell motion in all six directions.
    """
    _check(reference, grid, mask)
    inside = np.argwhere(mask)
    centre, extent = inside.mean(axis=0), np.maximum((inside.max(axis=0) - inside.min(axis=0)) / 2, 1.0)
    centre_mm = np.array([(grid.affine[k, :3] * centre).sum() + grid.affine[k, 3] for k in range(3)])
    percent = 100.0 / float(reference[mask].mean(dtype=np.float64))
    columns = basis.columns_of(reference.astype(np.float64) * percent, grid, centre_mm, centre, extent)
    window = basis.head_window(mask, grid)
    coarse = basis.build_level(columns, window, grid, _COARSE_SIGMA_MM, _COARSE_VOXELS, MOTION + 1)
    quick = basis.build_level(columns, window, grid, _FINE_SIGMA_MM, _QUICK_VOXELS)
    fine = basis.build_level(columns, window, grid, _FINE_SIGMA_MM, _FINE_VOXELS)
    for level in (coarse, quick, fine):
        slices, _, size = level.normal.shape
        if not step.solve(level.normal, np.zeros((slices, size)), np.ones(slices), np.empty(size)):
            raise StudyError(
                "The reference volume does not show enough structure inside its mask to measure head motion in all directions. "
                "Check the reference and the mask; at least four slices are needed."
            )
    return Reference(grid, mask, _triple(centre_mm), percent, np.stack([centre, 1.0 / extent]), coarse, quick, fine)


def _check(reference: Image, grid: Grid, mask: Mask) -> None:
    if reference.shape != grid.shape or mask.shape != grid.shape:
        shapes = f"The reference is {reference.shape} and its mask {mask.shape} voxels, the grid {grid.shape}"
        raise StudyError(f"{shapes}: draw the mask on the reference.")
    if int(mask.sum()) < _LEAST_VOXELS:
        raise StudyError(f"The mask of the head holds {int(mask.sum())} voxels, too few to realign: check the reference volume.")
    if not np.isfinite(reference).all() or not float(reference[mask].mean()) > 0.0:
        raise StudyError("The reference volume holds no signal inside its mask, or values that are not numbers: choose another reference.")


def estimate(reference: Reference, coefficients: Image, start: RigidTransform) -> Estimate:
    """Where the head lies in the volume whose spline ``coefficients`` (X, Y, Z) are given, on the reference's grid.

    ``converged`` is false where the iteration did not come to rest, too little of the head lies within the volume or its signal is
    lost: the transform is then not to be used.

    Raises
    ------
    VolumeError : the volume is of another shape or holds values that are not numbers.
    """
    if coefficients.shape != reference.grid.shape:
        raise VolumeError(f"The volume is {coefficients.shape} voxels, the reference {reference.grid.shape}.")
    begin = _State(rotation_matrix(start.rot_rad), _translation_about(start, reference.centre_mm), np.zeros(COLUMNS - MOTION))
    state = _step(reference, reference.quick, coefficients, begin)
    if state.step_mm > _LARGE_MM:
        state = _descend(reference, reference.coarse, coefficients, begin, _NEAR_MM)
    state = _descend(reference, reference.quick, coefficients, state, _QUICK_MM)
    state = _descend(reference, reference.fine, coefficients, state, _FINE_MM)
    converged = state.step_mm < _FINE_MM and 1.0 + state.gain[0] > _LEAST_GAIN
    transform = RigidTransform(_triple(state.trans_mm), _angles(state.rotation), reference.centre_mm)
    return Estimate(transform, bool(converged), state.iterations, state.residual_percent)


def _descend(reference: Reference, level: Level, coefficients: Image, state: _State, end_mm: float) -> _State:
    """At least one step on ``level``, then more until one is shorter than ``end_mm``; steps that end in no solution end it too."""
    for _ in range(_MOST_STEPS):
        state = _step(reference, level, coefficients, state)
        if not end_mm <= state.step_mm < math.inf:
            break
    return state


def _step(reference: Reference, level: Level, coefficients: Image, state: _State) -> _State:
    """One Gauss-Newton step; its length is infinite, and nothing moves, where the equations have no solution."""
    values, within = np.empty(len(level.voxels)), np.empty(len(level.voxels), dtype=np.bool_)
    sample_moved(coefficients, level.voxels, _to_moving(reference, state), values, within)
    slices, _, size = level.normal.shape
    scale = (slices, reference.percent, reference.frame, state.gain)
    sums = step.slice_sums(level.voxels, level.values, level.basis, values, within, *scale)
    weights, residual_percent = step.slice_weights(sums, level.counts)
    delta = np.empty(size)
    if not step.solve(level.normal, sums, weights, delta):
        return replace(state, step_mm=math.inf, residual_percent=residual_percent, iterations=state.iterations + 1)
    rotation, trans = np.empty((3, 3)), np.empty(3)
    compose_inverse(state.rotation, state.trans_mm, rotation_matrix(_triple(delta[3:6])), delta[:3], rotation, trans)
    length = math.hypot(*_triple(delta[:3])) + RADIUS_MM * math.hypot(*_triple(delta[3:6]))
    if math.isnan(length):
        raise VolumeError("The volume holds values that are not numbers.")
    gain = state.gain.copy()
    gain[: size - MOTION] += delta[MOTION:]
    return _State(rotation, trans, gain, length, residual_percent, state.iterations + 1)


def _to_moving(reference: Reference, state: _State) -> Array:
    """(3, 4): reference voxel index -> moving voxel index at ``state``."""
    transform = RigidTransform(_triple(state.trans_mm), _angles(state.rotation), reference.centre_mm)
    return voxel_map(reference.grid.affine, transform.matrix, reference.grid.affine)


def _angles(rotation: Array) -> tuple[float, float, float]:
    """The three angles of R = Rx . Ry . Rz."""
    sine = min(1.0, max(-1.0, float(rotation[0, 2])))
    return math.atan2(-rotation[1, 2], rotation[2, 2]), math.asin(sine), math.atan2(-rotation[0, 1], rotation[0, 0])


def _translation_about(transform: RigidTransform, centre_mm: tuple[float, float, float]) -> Array:
    """The translation of the same motion about another centre: T(c) - c."""
    m = transform.matrix
    c = centre_mm
    return np.array([m[k, 0] * c[0] + m[k, 1] * c[1] + m[k, 2] * c[2] + m[k, 3] - c[k] for k in range(3)])


def _triple(values: Array) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])


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
