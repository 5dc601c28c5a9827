"""A record opens again wherever it was moved to, and gives the pipeline what it had."""

from __future__ import annotations

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from record_makers import AFFINE, ENTITIES, GRID, SHAPE, TR_S, a_study, a_volume, record_run, weights_of

from rtfmri.errors import StudyError
from rtfmri.record.recorded import NOT_RECORDED, RecordedRun
from rtfmri.record.references import load_image, save_image
from rtfmri.volume import Missing, Volume

ITEMS = (Missing(0, "it never came"), a_volume(1, acquired_s=43_000.5), a_volume(2), Missing(3, "late"), a_volume(4))


@pytest.fixture
def recorded(tmp_path):
    return record_run(tmp_path / "out", a_study(tmp_path / "lab"), ITEMS)


def cut_off(paths, lines_kept):
    """What a crash leaves: no run_stop, no tables."""
    lines = paths.journal.read_bytes().splitlines(keepends=True)
    paths.journal.write_bytes(b"".join(lines[:lines_kept]))


def test_the_volumes_are_those_of_the_run(recorded):
    again = list(RecordedRun.open(recorded.journal).volumes())
    assert [type(item) for item in again] == [Missing, Volume, Volume, Missing, Volume]
    assert (again[0], again[3]) == (ITEMS[0], ITEMS[3])
    for item, live in zip(again, ITEMS, strict=True):
        if isinstance(item, Volume):
            assert item.data.tobytes() == live.data.tobytes()
            assert not item.data.flags.writeable
            assert item.grid.affine.tobytes() == AFFINE.tobytes()
            assert (item.index, item.tr_s, item.slice_times_s) == (live.index, TR_S, live.slice_times_s)
            assert item.acquired_s == item.index * TR_S  # the journal's: since time zero
            assert item.arrival is None


def test_a_volume_that_was_declared_missing_stays_missing_although_it_came(tmp_path):
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0), a_volume(1), a_volume(2)])
    lines = paths.journal.read_text().splitlines(keepends=True)
    changed = json.loads(lines[3])
    changed["message"] |= {"validity": "missing", "why": "late"}
    paths.journal.write_text("".join([*lines[:3], json.dumps(changed) + "\n", *lines[4:]]))
    again = list(RecordedRun.open(paths.journal).volumes())
    assert again[1] == Missing(1, "late")
    assert [item.index for item in again] == [0, 1, 2]


def test_a_record_replays_from_a_folder_it_was_moved_to(recorded, tmp_path):
    moved = tmp_path / "elsewhere" / "laptop"
    shutil.move(recorded.out, moved)
    shutil.rmtree(tmp_path / "lab")
    run = RecordedRun.open(moved)
    assert run.entities == ENTITIES
    assert [roi.mask.parent for roi in run.study.roi] == [run.paths.folder] * 2
    assert all(roi.mask.is_file() for roi in run.study.roi)
    assert [item.index for item in run.volumes()] == [0, 1, 2, 3, 4]
    weights = run.weights()
    assert {name: (data.tobytes(), grid.affine.tobytes()) for name, (data, grid) in weights.items()} == {
        name: (data.tobytes(), AFFINE.tobytes()) for name, data in weights_of(run.study).items()
    }
    assert run.reference()[0].tobytes() == a_volume(0).data.tobytes()
    assert run.brain_mask()[0].all()


def test_the_resolved_study_holds_every_setting_and_no_path_of_the_computer(recorded, tmp_path):
    text = recorded.study.read_text()
    assert str(tmp_path) not in text
    study, live = RecordedRun.open(recorded.journal).study.resolved(), a_study(tmp_path / "lab").resolved()
    for plain in (study, live):
        for roi in plain["roi"]:
            roi.pop("mask")
    assert study == live


def test_a_reference_from_a_file_becomes_the_records_own(tmp_path):
    lab = tmp_path / "lab"
    lab.mkdir()
    save_image(lab / "reference.nii.gz", a_volume(9).data, GRID)
    paths = record_run(tmp_path / "out", a_study(lab, registration={"reference": "reference.nii.gz"}), ITEMS)
    shutil.rmtree(lab)
    assert RecordedRun.open(paths.journal).study.registration.file == paths.earlier.resolve()


def test_a_sphere_becomes_the_voxels_that_the_run_used(recorded):
    plain = json.loads(recorded.study.read_text())
    plain["roi"][0] |= {"mask": None, "sphere_mni_mm": [42, 36, 28]}
    recorded.study.write_text(json.dumps(plain))
    roi = RecordedRun.open(recorded.journal).study.roi[0]
    assert roi.mask == recorded.roi_masks(("dlpfc", "tpj"))["dlpfc"].resolve()
    assert roi.sphere_mni_mm is None


def test_a_run_that_was_cut_off_tells_which_voxels_were_not_saved(tmp_path):
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0), a_volume(1)])
    cut_off(paths, 4)
    paths.bold.unlink()
    assert list(RecordedRun.open(paths.out).volumes()) == [Missing(0, NOT_RECORDED), Missing(1, NOT_RECORDED)]


def test_a_finished_run_without_its_volumes_is_refused(recorded):
    recorded.bold.unlink()
    with pytest.raises(StudyError, match="recorded volumes"):
        list(RecordedRun.open(recorded.journal).volumes())


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(StudyError, match="no recorded run"):
        RecordedRun.open(tmp_path)


def test_a_folder_with_two_records_names_them(recorded):
    other = record_run(recorded.out, RecordedRun.open(recorded.journal).study, ITEMS, ENTITIES.model_copy(update={"run": 4}))
    with pytest.raises(StudyError) as refused:
        RecordedRun.open(recorded.out)
    assert str(recorded.journal) in str(refused.value)
    assert str(other.journal) in str(refused.value)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"roi": [{}]}', '{"roi": [{"name": 3}]}'])
def test_a_damaged_study_is_told_in_words(recorded, content):
    recorded.study.write_text(content)
    run = RecordedRun.open(recorded.journal)
    with pytest.raises(StudyError, match="back beside the journal"):
        _ = run.study


def test_an_image_from_elsewhere_is_read_as_it_stands(tmp_path):
    data = np.arange(60, dtype=np.int16).reshape(SHAPE)
    nib.save(nib.Nifti1Image(data[..., None], AFFINE), tmp_path / "mask.nii")
    image, grid = load_image(tmp_path / "mask.nii")
    assert np.array_equal(image, data)
    assert image.dtype == np.float32
    assert grid.shape == SHAPE
    assert np.array_equal(grid.affine, AFFINE.astype(np.float32))


def test_an_image_that_cannot_be_read_is_told_in_words(tmp_path):
    (tmp_path / "text.nii.gz").write_text("no NIfTI")
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 3), dtype=np.float32), np.eye(4)), tmp_path / "four.nii")
    nib.save(nib.Nifti1Image(np.zeros((9, 9, 9), dtype=np.float32), np.eye(4)), tmp_path / "cut.nii")
    (tmp_path / "cut.nii").write_bytes((tmp_path / "cut.nii").read_bytes()[:1000])
    for name, words in (
        ("absent.nii", "cannot be read"),
        ("text.nii.gz", "cannot be read"),
        ("cut.nii", "cannot be read"),
        ("four.nii", "2 x 2 x 2 x 3"),
    ):
        with pytest.raises(StudyError, match=words):
            load_image(tmp_path / name)
