"""Framewise displacement, by hand and against the sphere that it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.quality.displacement import framewise_displacement_mm, rms_displacement_mm
from rtfmri.rigid import RigidTransform

CENTRE = (4.0, -10.0, 20.0)
small = st.tuples(*[st.floats(-0.3, 0.3)] * 3)
transforms = st.builds(lambda t, r: RigidTransform(t, r, CENTRE), small, small)


def test_power_adds_six_absolute_changes_with_rotations_on_50_mm() -> None:
    before = RigidTransform((0.1, 0.2, -0.3), (0.001, 0.0, 0.002), CENTRE)
    after = RigidTransform((0.2, 0.0, -0.3), (0.001, -0.004, 0.004), CENTRE)
    assert framewise_displacement_mm(before, after) == pytest.approx(0.1 + 0.2 + 50 * 0.006)


@given(transforms, transforms)
@settings(max_examples=20)
def test_jenkinson_is_the_root_mean_square_over_a_ball_of_80_mm(before: RigidTransform, after: RigidTransform) -> None:
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(40_000, 3))
    directions = np.concatenate([directions, -directions])  # a ball without a lean
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True) * (80 * rng.random((40_000, 1)) ** (1 / 3)).repeat(2, 0)
    change = after.matrix - before.matrix
    moved = (points + CENTRE) @ change[:3, :3].T + change[:3, 3]
    oracle = np.sqrt((moved**2).sum(axis=1).mean())
    assert rms_displacement_mm(before, after) == pytest.approx(oracle, rel=0.02, abs=1e-9)


@given(transforms, transforms)
def test_both_are_the_same_in_either_direction_and_zero_for_no_change(one: RigidTransform, other: RigidTransform) -> None:
    for measure in (framewise_displacement_mm, rms_displacement_mm):
        assert measure(one, other) == measure(other, one)
        assert measure(one, one) == 0.0


@pytest.mark.parametrize("measure", [framewise_displacement_mm, rms_displacement_mm])
def test_transforms_about_different_centres_are_not_compared(measure: object) -> None:
    with pytest.raises(ValueError, match="centres"):
        measure(RigidTransform(), RigidTransform(centre_mm=CENTRE))  # type: ignore[operator]
