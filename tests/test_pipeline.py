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
    assert all(m.flagged and m.feedback is None for m in held)
    first = next(m for m in held if "moved" in m.why)
    assert any("moved" in m.why for m in held if m.index == first.index + 1)


def test_a_spike_is_held_and_the_volume_after_it_is_not(messages: list[VolumeMessage]) -> None:
    spikes = [m.index for m in messages if "spike" in m.why]
    assert spikes == [30]
    assert messages[31].validity == "ok"


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


def with_registration(study: Study, **settings: Any) -> Study:
    return study.model_copy(update={"registration": study.registration.model_copy(update=settings)})


def motion_of(messages: list[VolumeMessage]) -> np.ndarray:
    """trans_mm and 50 mm times rot_rad of each measured volume, (N, 6)."""
    return np.array([[*m.motion.trans_mm, *(50 * r for r in m.motion.rot_rad)] for m in messages if m.motion is not None])


def test_a_mean_takes_the_references_place_without_a_jump(
    small_study: Study, small_volumes: tuple[Volume, ...], messages: list[VolumeMessage]
) -> None:
    study = with_registration(small_study, reference="mean:6")
    setup, state = begin(study, "feedback", read_materials(study), small_volumes[0])
    references = []
    averaged = []
    for volume in small_volumes:
        state, message = step(setup, state, volume, False, lambda: 0.0)
        averaged.append(message)
        references.append(state.standing.image.data if state.standing else None)
    dummies = sum(reference is None for reference in references)
    first, last = references[dummies], references[-1]
    assert first is small_volumes[dummies].data
    assert last is not first
    assert last is not None
    assert all(reference is first for reference in references[dummies : dummies + 5])
    assert np.abs(motion_of(averaged) - motion_of(messages)).max() < 0.05


def test_higher_orders_give_nearly_the_same_values(
    small_study: Study, small_volumes: tuple[Volume, ...], messages: list[VolumeMessage]
) -> None:
    seventh = messages_of(with_registration(small_study, order=7), list(small_volumes))
    ratio = [a.rois["tpj"].raw / b.rois["tpj"].raw for a, b in zip(seventh, messages, strict=True) if a.rois]
    assert 0.0 < np.abs(np.array(ratio) - 1.0).max() < 0.01


def test_an_uncertain_position_is_held(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    strict = messages_of(with_registration(small_study, uncertain_mm=0.001), list(small_volumes))
    held = [m for m in strict if m.motion is not None]
    assert all(m.validity == "held" and "only known to" in m.why and m.feedback is None for m in held if m.motion.uncertainty_mm > 0.001)
    assert len(held) > 40


def test_a_region_in_a_spoiled_slice_is_held_with_the_slices_number(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    setup, state = begin(small_study, "feedback", read_materials(small_study), small_volumes[0])
    for volume in small_volumes[:25]:
        state, _ = step(setup, state, volume, False, lambda: 0.0)
    assert state.standing is not None
    z = sorted(state.standing.roi_slices)[1]
    spoiled = small_volumes[25].data.copy()
    spoiled[:, :, z] *= 0.3
    state, message = step(setup, state, Volume(25, spoiled, setup.grid, setup.tr_s), False, lambda: 0.0)
    assert z in message.bad_slices
    assert message.validity == "held"
    assert f"{z + 1}" in message.why
    state, message = step(setup, state, small_volumes[26], False, lambda: 0.0)
    assert not message.bad_slices


def test_slice_timing_brings_every_slice_to_the_volumes_start(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    """A slow rise of the whole image: measured with slice times it is the same everywhere once it is brought to one time."""
    times_s = tuple(0.8 * small_volumes[0].tr_s * z / (small_volumes[0].grid.shape[2] - 1) for z in range(small_volumes[0].grid.shape[2]))
    still = small_volumes[6].data

    def rising(index: int) -> Volume:
        at_s = index * small_volumes[0].tr_s + np.array(times_s)
        data = (still * (1.0 + 0.001 * at_s)).astype(np.float32)
        return Volume(index, data, small_volumes[0].grid, small_volumes[0].tr_s, slice_times_s=times_s)

    constant: Items = [Volume(index, still, small_volumes[0].grid, small_volumes[0].tr_s) for index in range(8)]
    level = {name: roi.raw for name, roi in messages_of(small_study, constant)[7].rois.items()}
    items: Items = [rising(index) for index in range(20)]
    corrected = messages_of(with_registration(small_study, slice_timing=True), items)[8:]
    plain = messages_of(small_study, items)[8:]
    expected = 1.0 + 0.001 * small_volumes[0].tr_s * np.arange(8, 20)
    for name, start in level.items():
        assert np.abs(np.array([m.rois[name].raw for m in corrected]) / start - expected).max() < 2e-5
        assert (np.array([m.rois[name].raw for m in plain]) / start - expected).min() > 2e-4  # the region's own slices are later


def test_only_feedback_runs_have_feedback(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    setup, state = begin(small_study, "transfer", read_materials(small_study), small_volumes[0])
    for volume in small_volumes:
        state, message = step(setup, state, volume, False, lambda: 0.0)
        assert message.feedback is None


def test_a_volume_that_does_not_fit_the_reference_is_held(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    """A third of the head is dark: the estimate converges, a little off, and is sure of itself; the residual tells."""
    setup, state = begin(small_study, "feedback", read_materials(small_study), small_volumes[0])
    for volume in small_volumes[:28]:
        state, _ = step(setup, state, volume, False, lambda: 0.0)
    dark = small_volumes[28].data.copy()
    dark[: dark.shape[0] * 2 // 5] *= 0.75
    before = state.head.transform
    state, message = step(setup, state, Volume(28, dark, setup.grid, setup.tr_s), False, lambda: 0.0)
    assert message.validity == "held"
    assert state.head.transform == before  # it is no start for the next volume
    state, message = step(setup, state, small_volumes[29], False, lambda: 0.0)
    assert message.validity == "ok"


def test_a_head_that_moved_for_good_is_held_for_two_volumes_only(small_study: Study, small_volumes: tuple[Volume, ...]) -> None:
    setup, state = begin(small_study, "feedback", read_materials(small_study), small_volumes[0])
    messages = []
    for volume in small_volumes[:40]:
        data = volume.data if volume.index < 20 else np.roll(volume.data, 1, axis=1)  # one voxel, 5 mm
        state, message = step(setup, state, Volume(volume.index, data, setup.grid, setup.tr_s), False, lambda: 0.0)
        messages.append(message)
    assert [m.index for m in messages if m.validity == "held" and "spike" not in m.why] == [20, 21]
    assert messages[39].motion is not None
    assert messages[39].motion.trans_mm[1] == pytest.approx(5.0, abs=0.6)


def earlier_image(folder: Path, volume: Volume, shift_mm: float, masks: dict[str, Path]) -> tuple[Path, dict[str, Path]]:
    """``volume`` and the regions' masks as they would lie in a session whose slices were planned ``shift_mm`` further along y."""
    affine = volume.grid.affine.copy()
    affine[1, 3] += shift_mm
    nibabel.save(nibabel.Nifti1Image(volume.data, affine), folder / "earlier.nii.gz")
    moved = {name: folder / f"{name}.nii.gz" for name in masks}
    for name, path in masks.items():
        nibabel.save(nibabel.Nifti1Image(np.asarray(nibabel.load(path).dataobj), affine), moved[name])
    return folder / "earlier.nii.gz", moved


def test_regions_of_an_earlier_session_are_found_where_the_head_lies_now(
    small_study: Study, small_volumes: tuple[Volume, ...], messages: list[VolumeMessage], tmp_path: Path
) -> None:
    given = {roi.name: roi.mask for roi in small_study.roi if roi.mask}
    image, masks = earlier_image(tmp_path, small_volumes[5], 12.0, given)
    rois = tuple(roi.model_copy(update={"mask": masks[roi.name]}) for roi in small_study.roi)
    study = with_registration(small_study.model_copy(update={"roi": rois}), reference=image)
    again = messages_of(study, list(small_volumes))
    pairs = [(a.rois["tpj"].raw, b.rois["tpj"].raw) for a, b in zip(again, messages, strict=True) if a.rois]
    assert len(pairs) > 50
    assert max(abs(a / b - 1.0) for a, b in pairs) < 0.01


def test_another_head_is_refused_after_a_few_volumes(small_study: Study, small_volumes: tuple[Volume, ...], tmp_path: Path) -> None:
    given = {roi.name: roi.mask for roi in small_study.roi if roi.mask}
    noise = np.random.default_rng(1).normal(500, 100, small_volumes[5].grid.shape).astype(np.float32) * (small_volumes[5].data > 200)
    image, masks = earlier_image(tmp_path, Volume(5, noise.astype(np.float32), small_volumes[5].grid, 1.0), 0.0, given)
    rois = tuple(roi.model_copy(update={"mask": masks[roi.name]}) for roi in small_study.roi)
    study = with_registration(small_study.model_copy(update={"roi": rois}), reference=image)
    setup, state = begin(study, "feedback", read_materials(study), small_volumes[0])
    for volume in small_volumes[:4]:
        state, _ = step(setup, state, volume, False, lambda: 0.0)  # dummies
    for volume in small_volumes[4:8]:
        with pytest.raises(VolumeError, match="cannot be the reference"):
            step(setup, state, volume, False, lambda: 0.0)
        state, _ = step(setup, state, Missing(volume.index, "no reference"), False, lambda: 0.0)
    with pytest.raises(StudyError, match="earlier image"):
        step(setup, state, small_volumes[8], False, lambda: 0.0)
