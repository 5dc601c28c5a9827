"""A record is a BIDS dataset, and its derivatives are one of their own: by the community's own validator."""

from __future__ import annotations

from pathlib import Path

from bids_validator import bids_errors
from record_makers import a_study, a_volume, record_run
from report_makers import a_run

from rtfmri.record.layout import DERIVATIVES
from rtfmri.record.outputs import write_outputs, write_setting
from rtfmri.record.stim import stim


def test_the_validator_finds_what_is_no_bids(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    (tmp_path / "notes.txt").write_text("x")
    assert any("notes.txt" in error for error in bids_errors(tmp_path))


def test_a_run_with_questions_trials_pictures_and_a_stimulus_file_is_bids(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "alone.png").write_bytes(b"a picture")
    study = a_study(lab, trial=[{"block": "rest", "image": "alone.png"}], rating=[{"name": "pain", "blocks": ["rest"]}])
    paths = record_run(tmp_path / "out", study, [a_volume(index) for index in range(3)])
    write_setting(paths, study)
    said = a_run()
    assert stim(said) is not None
    write_outputs(paths, said)
    assert bids_errors(paths.out) == []
    assert bids_errors(paths.out / DERIVATIVES) == []
