"""The rigid transform: its convention against nibabel's, and the algebra on random parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.eulerangles import euler2mat

from rtfmri.rigid import RigidTransform, rotation_matrix

mm = st.tuples(*[st.floats(-200, 200)] * 3)
angles = st.tuples(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1))  # y short of a right angle, where x and z merge
transforms = st.builds(RigidTransform, trans_mm=mm, rot_rad=angles, centre_mm=mm)


@given(angles)
def test_rotations_are_nibabels(rot_rad: tuple[float, float, float]) -> None:
    x, y, z = rot_rad
    np.testing.assert_allclose(rotation_matrix(rot_rad), euler2mat(z=z, y=y, x=x), atol=1e-12)


def test_a_positive_turn_about_z_takes_x_towards_y_about_the_centre() -> None:
    quarter = RigidTransform((0.0, 0.0, 5.0), (0.0, 0.0, math.pi / 2), (10.0, 0.0, 0.0))
    np.testing.assert_allclose(quarter.matrix @ [11.0, 0.0, 0.0, 1.0], [10.0, 1.0, 5.0, 1.0], atol=1e-12)


@given(transforms)
def test_the_centre_moves_by_the_translation_alone(transform: RigidTransform) -> None:
    moved = transform.matrix @ [*transform.centre_mm, 1.0]
    np.testing.assert_allclose(moved[:3], np.add(transform.centre_mm, transform.trans_mm), atol=1e-9)


@given(transforms)
def test_parameters_come_back_from_the_matrix(transform: RigidTransform) -> None:
    back = RigidTransform.from_matrix(transform.matrix, transform.centre_mm)
    np.testing.assert_allclose(back.trans_mm, transform.trans_mm, atol=1e-9)
    np.testing.assert_allclose(back.rot_rad, transform.rot_rad, atol=1e-9)


@given(transforms, mm)
def test_the_same_motion_about_another_centre_is_the_same_matrix(transform: RigidTransform, centre_mm: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(RigidTransform.from_matrix(transform.matrix, centre_mm).matrix, transform.matrix, atol=1e-9)


@given(transforms)
def test_there_and_back_is_nowhere(transform: RigidTransform) -> None:
    np.testing.assert_allclose(transform.inverse().matrix @ transform.matrix, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(transform.after(transform.inverse()).matrix, np.eye(4), atol=1e-9)


@given(transforms, transforms)
def test_after_applies_the_first_one_first(second: RigidTransform, first: RigidTransform) -> None:
    composed = second.after(first)
    assert composed.centre_mm == first.centre_mm
    point = np.array([12.0, -7.0, 30.0, 1.0])
    np.testing.assert_allclose(composed.matrix @ point, second.matrix @ (first.matrix @ point), atol=1e-8)


@given(transforms)
def test_distances_are_kept_and_nothing_is_mirrored(transform: RigidTransform) -> None:
    rotation = transform.matrix[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


@pytest.mark.parametrize("matrix", [np.diag([1.0, 1.0, 1.1, 1.0]), np.diag([-1.0, 1.0, 1.0, 1.0])], ids=["stretched", "mirrored"])
def test_a_matrix_that_is_not_rigid_is_refused(matrix: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not rigid"):
        RigidTransform.from_matrix(matrix)
