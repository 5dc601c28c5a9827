"""What goes with the task and is no regulation: a posture, slower breathing and what it does to the vessels."""

from __future__ import annotations

import numpy as np
import pytest

from rtfmri.paradigm import Block
from rtfmri.simulate import motion, noise
from rtfmri.simulate.breathing import LATE_S, dilation_percent, slowed_rad
from rtfmri.simulate.scenario import MotionRule, NoiseRule, Scenario

BLOCKS = (Block("rest", 0.0, 30.0, "rest"), Block("try", 30.0, 40.0, "regulate"), Block("rest", 70.0, 30.0, "rest"))
N = 100


def with_noise(scenario: Scenario, **rule: float) -> Scenario:
    return scenario.model_copy(update={"noise": NoiseRule(**rule)})


def test_the_head_lies_elsewhere_in_a_block_and_comes_back(quick: Scenario) -> None:
    nods = quick.model_copy(update={"motion": MotionRule(task_mm=(0.0, 0.0, 0.5), task_deg=(1.0, 0.0, 0.0))})
    path = motion.trajectory(nods, N, 5, BLOCKS)
    np.testing.assert_allclose(path[40:60, 2], 0.5, atol=1e-3)
    np.testing.assert_allclose(path[40:60, 3], np.deg2rad(1.0), atol=1e-4)
    np.testing.assert_allclose(path[np.r_[0:20, 80:N]], 0.0, atol=1e-3)


def test_breathing_is_slower_in_a_block(quick: Scenario) -> None:
    slow = with_noise(quick, respiratory_hz=0.26, task_respiratory_hz=0.1)
    ahead = slowed_rad(slow, BLOCKS, N)
    np.testing.assert_allclose(np.diff(ahead)[30:69], 2 * np.pi * (0.1 - 0.26))
    np.testing.assert_allclose(np.diff(ahead)[np.r_[0:29, 70 : N - 1]], 0.0)


def test_vessels_widen_late_by_about_what_is_asked_and_are_as_before_after_it(quick: Scenario) -> None:
    sizes = [dilation_percent(with_noise(quick, task_breathing_percent=0.5).model_copy(update={"seed": s}), BLOCKS, N) for s in range(40)]
    mean = np.mean(sizes, axis=0)
    assert mean[60:70].mean() == pytest.approx(0.5, rel=0.15)
    assert np.abs(mean[: 30 + int(LATE_S)]).max() < 1e-6
    assert np.std([one[65] for one in sizes]) > 0.05  # blocks differ


def test_the_brain_brightens_everywhere_but_not_alike(quick: Scenario) -> None:
    fluid = np.zeros(quick.shape, np.float32)
    fractions = list(noise.physiology(with_noise(quick, task_breathing_percent=0.5), N, fluid, BLOCKS))
    assert np.abs(fractions[20]).max() == 0.0
    assert (fractions[65] > 0).mean() > 0.99
    assert 0.1 < fractions[65].std() / fractions[65].mean() < 0.3


def test_without_blocks_or_settings_nothing_goes_with_the_task(quick: Scenario) -> None:
    np.testing.assert_array_equal(motion.trajectory(quick, N, 5, BLOCKS), motion.trajectory(quick, N, 5))
    assert not dilation_percent(quick, BLOCKS, N).any()
    assert not slowed_rad(quick, BLOCKS, N).any()
