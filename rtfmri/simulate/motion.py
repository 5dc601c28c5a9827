"""How the simulated head moves: a slow wander, breathing, a posture that goes with the task, and sudden jumps.

RAS+ mm. Rotations are right-handed, R = Rx . Ry . Rz, about the scanner's isocentre (0, 0, 0), not about the brain: real heads do not
turn about their centroid either. The matrix of volume i maps reference -> volume i (pull: what lies at x in the reference lies at
M x in volume i), and the reference volume's own matrix is the identity. Written apart from ``rtfmri.rigid``, which it judges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from rtfmri.paradigm import Block
from rtfmri.simulate.breathing import regulating, slowed_rad
from rtfmri.simulate.scenario import MotionRule, Scenario
from rtfmri.volume import Array

WANDER_S = 20.0  # time over which the slow wander is smooth
SETTLES_S = 4.0  # FWHM over which the head comes to lie as it does in a block
BREATHING_DIRECTION = np.array([0.1, 0.6, 1.0, 0.006, 0.0, 0.0])  # mm: mostly along the body; rad: a slight nod


def matrices(scenario: Scenario, n_volumes: int, reference: int, blocks: Sequence[Block] = ()) -> Array:
    """(N, 4, 4) rigid matrices, reference -> volume; ``blocks`` are those that motion may go with."""
    return np.stack([rigid_matrix(row) for row in trajectory(scenario, n_volumes, reference, blocks)])


def trajectory(scenario: Scenario, n_volumes: int, reference: int, blocks: Sequence[Block] = ()) -> Array:
    """(N, 6): x, y, z in mm, then rotations about x, y, z in rad; zero at the reference volume."""
    rng = np.random.default_rng([scenario.seed, 1])
    path = _wander(scenario.motion, n_volumes, WANDER_S / scenario.tr_s, rng)
    t_s = np.arange(n_volumes) * scenario.tr_s
    breath = np.sin(2 * np.pi * scenario.noise.respiratory_hz * t_s + 0.5 + slowed_rad(scenario, blocks, n_volumes))
    path += scenario.motion.breathing_mm * breath[:, None] * BREATHING_DIRECTION
    posture = gaussian_filter1d(regulating(blocks, n_volumes, scenario.tr_s), SETTLES_S / scenario.tr_s / 2.355)
    path += posture[:, None] * np.array([*scenario.motion.task_mm, *np.deg2rad(scenario.motion.task_deg)])
    for jump in scenario.motion.jumps:
        step = np.array([*jump.trans_mm, *np.deg2rad(jump.rot_deg)])
        path[jump.volume : jump.volume + jump.volumes] += step
        path[jump.volume + jump.volumes :] += jump.remains * step
    return path - path[reference]


def _wander(rule: MotionRule, n_volumes: int, smooth_volumes: float, rng: np.random.Generator) -> Array:
    """Smoothed random walks from zero, each scaled so that its farthest point is the rule's."""
    walk = np.cumsum(rng.standard_normal((n_volumes, 6)), axis=0)
    walk = gaussian_filter1d(walk, smooth_volumes / 2.355, axis=0)
    walk -= walk[0]
    farthest = np.abs(walk).max(axis=0)
    most = np.array([rule.drift_mm] * 3 + [np.deg2rad(rule.drift_deg)] * 3)
    scaled: Array = walk * most / np.where(farthest > 0, farthest, 1.0)
    return scaled


def rigid_matrix(six: Array) -> Array:
    """The 4x4 of (x, y, z mm, rx, ry, rz rad) about the isocentre."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(six[3:]), np.sin(six[3:])
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = about_x @ about_y @ about_z
    matrix[:3, 3] = six[:3]
    return matrix
