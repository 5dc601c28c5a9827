"""Gauss-Newton in the reference's frame, step by step on one level after another.

The displacement that the residual tells is composed inversely onto the transform (Baker and Matthews 2004, Int J Comput Vis 56:221),
so that the equations stay those of the reference, computed once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from rtfmri.errors import VolumeError
from rtfmri.registration import step
from rtfmri.registration.basis import COLUMNS, MOTION, Level
from rtfmri.registration.geometry import compose_inverse, voxel_map
from rtfmri.registration.interpolation import sample_moved
from rtfmri.registration.prepared import Reference
from rtfmri.rigid import RigidTransform, rotation_matrix
from rtfmri.volume import Array, Grid, Image

RADIUS_MM = 50.0  # steps are told as displacement of the head: |translation| + 50 mm |rotation|

_MOST_STEPS = 15  # on each level


@dataclass(frozen=True, eq=False)
class Moving:
    """The volume that is realigned: its spline coefficients, read-only, and where they lie."""

    coefficients: Image
    grid: Grid

    @staticmethod
    def of(coefficients: Image, grid: Grid) -> Moving:
        """Seen read-only, as `prefilter` gives them: for an array that can be written the kernels would be compiled once more."""
        view = coefficients[...]
        view.setflags(write=False)
        return Moving(view, grid)


@dataclass(frozen=True, eq=False)
class State:
    """Where the iteration stands: rotation (3, 3) and translation (3,) about the centre, gain coefficients, the last step.

    ``pieces`` and ``weights``: the sums and slice weights that the last step was solved from (empty before the first).
    """

    rotation: Array
    trans_mm: Array
    gain: Array
    pieces: Array
    weights: Array
    step_mm: float = math.inf
    residual_percent: float = math.inf
    iterations: int = 0

    def transform(self, centre_mm: tuple[float, float, float]) -> RigidTransform:
        """The six parameters about ``centre_mm``, the reference's centre."""
        return RigidTransform(_triple(self.trans_mm), _angles(self.rotation), centre_mm)


def begin(reference: Reference, start: RigidTransform) -> State:
    """At ``start``, with the reference's own gain."""
    trans = _translation_about(start, reference.centre_mm)
    return State(rotation_matrix(start.rot_rad), trans, np.zeros(COLUMNS - MOTION), np.empty((0, 0)), np.empty(0))


def descend(reference: Reference, level: Level, moving: Moving, state: State, end_mm: float) -> State:
    """At least one step on ``level``, then more until one is shorter than ``end_mm``; steps that end in no solution end it too."""
    for _ in range(_MOST_STEPS):
        state = take_step(reference, level, moving, state)
        if not end_mm <= state.step_mm < math.inf:
            break
    return state


def take_step(reference: Reference, level: Level, moving: Moving, state: State) -> State:
    """One Gauss-Newton step; its length is infinite, and nothing moves, where the equations have no solution."""
    values, within = look(reference, level, moving, state)
    slices, _, size = level.normal.shape
    scale = (reference.percent, reference.frame, state.gain)
    cells = level.cells
    pieces = step.piece_sums(level.voxels, cells.piece, cells.tiles * slices, level.values, level.basis, values, within, *scale)
    sums = step.slice_sums(pieces, slices)
    weights, residual_percent = step.slice_weights(sums, level.counts)
    state = replace(state, pieces=pieces, weights=weights, residual_percent=residual_percent, iterations=state.iterations + 1)
    delta = np.empty(size)
    if not step.solve(level.normal, sums, weights, delta):
        return replace(state, step_mm=math.inf)
    rotation, trans = np.empty((3, 3)), np.empty(3)
    compose_inverse(state.rotation, state.trans_mm, rotation_matrix(_triple(delta[3:6])), delta[:3], rotation, trans)
    length = math.hypot(*_triple(delta[:3])) + RADIUS_MM * math.hypot(*_triple(delta[3:6]))
    if math.isnan(length):
        raise VolumeError("The volume holds values that are not numbers.")
    gain = state.gain.copy()
    gain[: size - MOTION] += delta[MOTION:]
    return replace(state, rotation=rotation, trans_mm=trans, gain=gain, step_mm=length)


def look(reference: Reference, level: Level, moving: Moving, state: State) -> tuple[Array, npt.NDArray[np.bool_]]:
    """What the volume shows at the level's voxels, (N,), and which of them lie within it."""
    values, within = np.empty(len(level.voxels)), np.empty(len(level.voxels), dtype=np.bool_)
    to_moving = voxel_map(reference.grid.affine, state.transform(reference.centre_mm).matrix, moving.grid.affine)
    sample_moved(moving.coefficients, level.voxels, to_moving, values, within)
    return values, within


def likeness(reference: Reference, level: Level, moving: Moving, state: State) -> float:
    """Correlation of the volume with the reference over the level's voxels, times the share of them within the volume."""
    values, within = look(reference, level, moving, state)
    if within.sum() < 2:
        return 0.0
    one, other = values[within] - values[within].mean(), level.values[within] - level.values[within].mean()
    power = float((one * one).sum() * (other * other).sum())
    return float((one * other).sum()) / math.sqrt(power) * float(within.mean()) if power > 0.0 else 0.0


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
