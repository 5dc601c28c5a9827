"""The truth about motion, against the project's own convention (the only thing shared with the code that it judges)."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from rtfmri.rigid import RigidTransform
from rtfmri.simulate import motion
from rtfmri.simulate.epi import measure
from rtfmri.simulate.scenario import Jump, MotionRule, Scenario
from rtfmri.simulate.setup import Setup

MOVED = np.array([0.8, -0.6, 1.1, *np.deg2rad([1.0, -0.7, 0.9])])

small_angle = st.floats(-0.5, 0.5)
few_mm = st.floats(-10, 10)


@given(st.tuples(few_mm, few_mm, few_mm), st.tuples(small_angle, small_angle, small_angle))
def test_matrices_are_those_of_the_project_about_the_isocentre(trans: tuple[float, float, float], rot: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(motion.rigid_matrix(np.array([*trans, *rot])), RigidTransform(trans, rot).matrix, atol=1e-12)


def test_the_reference_volume_has_not_moved_and_others_have(small: Scenario) -> None:
    matrices = motion.matrices(small, 64, 4)
    assert matrices.shape == (64, 4, 4)
    np.testing.assert_array_equal(matrices[4], np.eye(4))
    assert np.abs(matrices[60] - np.eye(4)).max() > 0.05


def test_a_cough_is_there_for_its_volumes_and_leaves_its_remains(small: Scenario) -> None:
    cough = Jump(volume=10, trans_mm=(0.0, 0.3, 0.8), volumes=2, remains=0.25)
    path = motion.trajectory(small.model_copy(update={"motion": MotionRule(jumps=(cough,))}), 20, 4)
    np.testing.assert_allclose(path[:, 2], [0.0] * 10 + [0.8] * 2 + [0.2] * 8)


def test_the_head_wanders_as_far_as_the_scenario_says(small: Scenario) -> None:
    path = motion.trajectory(small.model_copy(update={"motion": MotionRule(drift_mm=0.5, drift_deg=0.4)}), 100, 0)
    np.testing.assert_allclose(np.abs(path).max(axis=0), [0.5] * 3 + [np.deg2rad(0.4)] * 3)


def pulled_back(image: np.ndarray, matrix: np.ndarray, setup: Setup) -> np.ndarray:
    """``image`` sampled at ``matrix`` x for every voxel x of the reference."""
    affine = setup.epi.grid.affine
    to_moved = np.linalg.inv(affine) @ matrix @ affine
    return ndimage.affine_transform(image, to_moved[:3, :3], to_moved[:3, 3], order=3)


def test_the_moved_head_sampled_at_the_true_motion_is_the_reference(small_setup: Setup) -> None:
    matrix = motion.rigid_matrix(MOVED)
    moved = measure(small_setup.head.signal, small_setup.where, small_setup.head.to_scanner, matrix, small_setup.epi) * small_setup.gain
    inside = ndimage.binary_erosion(small_setup.brain, iterations=2)

    def rms_percent(image: np.ndarray) -> float:
        return 100 * float(np.sqrt(((image - small_setup.still)[inside] ** 2).mean()) / small_setup.still[inside].mean())

    right, wrong = rms_percent(pulled_back(moved, matrix, small_setup)), rms_percent(pulled_back(moved, np.linalg.inv(matrix), small_setup))
    assert right < 2.5  # interpolation of 5 mm voxels, and the receive field that stayed behind
    assert right < rms_percent(moved) / 2
    assert wrong > rms_percent(moved)


def test_the_receive_field_stays_with_the_scanner(small_setup: Setup) -> None:
    """So a moved head is not the reference resampled: tissue that comes nearer to a coil is brighter."""
    matrix = motion.rigid_matrix(np.array([8.0, 0, 0, 0, 0, 0]))
    moved = measure(small_setup.head.signal, small_setup.where, small_setup.head.to_scanner, matrix, small_setup.epi) * small_setup.gain
    x_mm = small_setup.epi.grid.affine[0, 0] * np.arange(44) + small_setup.epi.grid.affine[0, 3]
    change = pulled_back(moved, matrix, small_setup) / np.maximum(small_setup.still, 1)
    inside = ndimage.binary_erosion(small_setup.brain, iterations=2)
    right, left = ((inside & side[:, None, None]) for side in (x_mm > 30, x_mm < -30))
    assert change[right].mean() > 1.01
    assert change[left].mean() < 0.99
