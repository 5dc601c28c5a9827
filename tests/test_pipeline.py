"""The critical path on the phantom: the head's true motion is found, the true signal comes out, and nothing impure happens."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.engine.materials import read_materials
from rtfmri.errors import StudyError, VolumeError
from rtfmri.messages import VolumeMessage
from rtfmri.pipeline import begin, step
from rtfmri.simulate.render import Rendering
from rtfmri.study import Study
from rtfmri.volume import Grid, Missing, Volume

Items = list[Any]


def messages_of(study: Study, items: Items) -> list[VolumeMessage]:
    """Step through ``items`` with a clock that counts."""
    ticks = itertools.count()
    first = next(item for item in items if isinstance(item, Volume))
    setup, state = begin(study, "feedback", read_materials(study), first)
    messages = []
    for item in items:
        state, message = step(setup, state, item, False, lambda: float(next(ticks)))
        messages.append(message)
    return messages


@pytest.fixture(scope="module")
def messages(small_study: Study, small_volumes: tuple[Volume, ...]) -> list[VolumeMessage]:
    return messages_of(small_study, list(small_volumes))


def test_the_regulation_value_follows_the_truth(messages: list[VolumeMessage], small_run: Rendering) -> None:
    sound = [(m.regulation, small_run.truth.regulation[m.index]) for m in messages if m.validity == "ok" and m.regulation is not None]
    assert len(sound) > 15
    assert np.corrcoef(np.array(sound).T)[0, 1] > 0.6


def test_dummies_and_the_first_rest_are_settling_and_give_no_feedback(messages: list[VolumeMessage]) -> None:
    assert {m.validity for m in messages[:16]} == {"settling"}
    assert all(m.feedback is None for m in messages[:16])


def test_a_cough_is_held_with_its_reason_and_so_is_the_volume_after_it(messages: list[VolumeMessage]) -> None:
    held = [m for m in messages if m.validity == "held"]
    assert held
    assert all(m.flagged and m.feedback is None for m in held)
    assert "mm" in held[0].why
    assert any("before this one moved" in m.why or "mm" in m.why for m in held if m.index == held[0].index + 1)


def test_the_same_volumes_give_the_same_messages(
    small_study: Study, small_volumes: tuple[Volume, ...], messages: list[VolumeMessage]
) -> None:
    again = messages_of(small_study, list(small_volumes))
    assert [m.model_copy(update={"timing": n.timing}) for m, n in zip(again, messages, strict=True)] == messages


def test_missing_volumes_leave_their_neighbours_in_place(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    items: Items = list(small_volumes)
    for index in (0, 5, 30):
        items[index] = Missing(index, "lost")
    messages = messages_of(small_study, items)
    assert [m.index for m in messages if m.validity == "missing"] == [0, 5, 30]
    assert [m.acquired_s for m in messages if m.index in (1, 6, 31)] == pytest.approx([1.0, 6.0, 31.0], abs=1e-3)


def test_a_volume_on_another_grid_is_refused_and_leaves_the_state_as_it_was(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    first = small_volumes[0]
    setup, state = begin(small_study, "feedback", read_materials(small_study), first)
    shifted = first.grid.affine.copy()
    shifted[2, 3] += 1.0
    odd = Volume(0, first.data, Grid(first.grid.shape, shifted), first.tr_s)
    with pytest.raises(VolumeError, match="grid"):
        step(setup, state, odd, False, lambda: 0.0)
    state, message = step(setup, state, first, False, lambda: 0.0)
    assert message.index == 0


def test_a_volume_without_signal_is_refused_and_the_next_one_is_measured(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    setup, state = begin(small_study, "feedback", read_materials(small_study), small_volumes[0])
    for volume in small_volumes[:8]:
        state, _ = step(setup, state, volume, False, lambda: 0.0)
    dead = Volume(8, np.full(setup.grid.shape, np.nan, np.float32), setup.grid, setup.tr_s)
    with pytest.raises(VolumeError):
        step(setup, state, dead, False, lambda: 0.0)
    state, missing = step(setup, state, Missing(8, "no signal"), False, lambda: 0.0)
    state, message = step(setup, state, small_volumes[9], False, lambda: 0.0)
    assert (missing.validity, message.index) == ("missing", 9)
    assert message.motion is not None
    assert message.motion.converged


def test_a_reference_on_another_grid_is_refused(small_study: Study, small_volumes: tuple[Volume, ...], tmp_path: Path) -> None:
    other = tmp_path / "reference.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 8, 8), np.float32), np.eye(4)), other)
    study = small_study.model_copy(update={"registration": small_study.registration.model_copy(update={"reference": other})})
    with pytest.raises(StudyError, match="reference file has the grid 8x8x8"):
        begin(study, "feedback", read_materials(study), small_volumes[0])


def test_only_feedback_runs_have_feedback(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    setup, state = begin(small_study, "transfer", read_materials(small_study), small_volumes[0])
    for volume in small_volumes:
        state, message = step(setup, state, volume, False, lambda: 0.0)
        assert message.feedback is None
