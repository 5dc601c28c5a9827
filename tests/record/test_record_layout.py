"""Names are as BIDS wants them, and nothing recorded is overwritten."""

from __future__ import annotations

import pytest
from record_makers import ENTITIES, a_study, a_volume, record_run

from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.record.layout import RunPaths, claim, next_run, paths_of


@pytest.fixture
def recorded(tmp_path):
    return record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0), a_volume(1)])


def test_a_finished_record_holds_these_files_and_no_other(recorded):
    label = "sub-07_ses-02_task-selfcompassion_run-03"
    raw = {f"{label}_{ending}" for ending in ("bold.nii.gz", "bold.json", "events.tsv", "events.json")}
    series = {f"{label}_desc-{desc}_timeseries.{kind}" for desc in ("confounds", "nf") for kind in ("tsv", "json")}
    masks = {f"{label}_desc-{desc}_mask.nii.gz" for desc in ("brain", "dlpfc", "tpj")}
    rest = {
        f"{label}_{ending}"
        for ending in ("journal.jsonl", "desc-reference_boldref.nii.gz", "desc-resolved_study.json", "desc-versions.json")
    }
    assert {file.name for file in recorded.raw_folder.iterdir()} == raw
    assert {file.name for file in recorded.folder.iterdir()} == series | masks | rest
    assert recorded.raw_folder == recorded.out / "sub-07" / "ses-02" / "func"
    assert recorded.folder == recorded.out / "derivatives" / "rtfmri" / "sub-07" / "ses-02" / "func"
    top = {file.name for file in recorded.out.iterdir() if file.is_file()}
    assert top == {"dataset_description.json", "README"}


def test_a_finished_record_is_never_overwritten_and_the_free_number_is_told(recorded):
    with pytest.raises(StudyError, match=r"already recorded.*next free run number is 4"):
        claim(recorded.out, ENTITIES)


def test_a_record_that_was_cut_off_may_be_resumed(recorded):
    lines = recorded.journal.read_bytes().splitlines(keepends=True)
    recorded.journal.write_bytes(b"".join(lines[:-1]))  # no run_stop
    recorded.bold.unlink()
    assert claim(recorded.out, ENTITIES) == recorded


def test_a_record_without_its_volumes_is_still_finished(recorded):
    recorded.bold.unlink()
    assert recorded.finished


def test_the_next_run_follows_the_highest_of_the_same_task_session_and_participant(tmp_path):
    assert next_run(tmp_path, "07", "01", "nf") == 1
    for task, run in (("nf", 2), ("nf", 11), ("rest", 40)):
        folder = claim(tmp_path, Entities(sub="07", ses="01", task=task, run=run)).folder
        (folder / f"sub-07_ses-01_task-{task}_run-{run:02d}_journal.jsonl").touch()
    assert next_run(tmp_path, "07", "01", "nf") == 12
    assert next_run(tmp_path, "07", "02", "nf") == 1
    assert next_run(tmp_path, "08", "01", "nf") == 1


def test_an_output_folder_that_cannot_be_written_is_refused_in_words(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(StudyError, match="cannot be written"):
        claim(tmp_path / "out", ENTITIES)


def test_paths_are_found_from_the_journal_alone(tmp_path):
    paths = RunPaths(tmp_path, ENTITIES)
    assert paths_of(paths.journal) == paths


@pytest.mark.parametrize("name", ["run_journal.jsonl", "sub-07_ses-02_task-nf_run-03_journal.jsonl"])
def test_a_journal_that_lies_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(StudyError, match="put it back"):
        paths_of(tmp_path / name)


def test_regions_have_bids_labels(tmp_path):
    masks = RunPaths(tmp_path, ENTITIES).roi_masks(("left_tpj", "dlpfc"))
    assert [path.name.split("_")[-2] for path in masks.values()] == ["desc-leftTpj", "desc-dlpfc"]


@pytest.mark.parametrize("names", [("left_tpj", "leftTpj"), ("brain",), ("tpj", "TPJ")])
def test_two_regions_never_share_a_file(tmp_path, names):
    with pytest.raises(StudyError, match="another name"):
        RunPaths(tmp_path, ENTITIES).roi_masks(names)
