"""The three tables: fMRIPrep's names, n/a for what is not known, and a sidecar that explains every column."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from record_makers import (
    TR_S,
    a_study,
    a_volume,
    confirmed,
    enveloped,
    missing_message,
    published,
    record_run,
    run_start,
    run_stop,
    volume_message,
)

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, Fault, Operator, Pause, Rating, Shown
from rtfmri.record.confounds import confounds
from rtfmri.record.events import events
from rtfmri.record.nf_series import nf_series
from rtfmri.record.outputs import finish_record, write_outputs, write_setting
from rtfmri.record.tables import text_of, to_tsv

PREP_NAMES = ["trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z", "framewise_displacement", "dvars"]


def rows_of(table) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(to_tsv(table)), delimiter="\t"))
    assert list(table.sidecar)[: len(table.names)] == list(table.names)
    assert all(table.sidecar[name]["Description"] for name in table.names)
    return rows


def shown(index, display="participant", value=0.25, flip=2.0, offset=None, error=None) -> Shown:
    return Shown(display=display, index=index, state="feedback", value=value, flip_unix_s=flip, clock_offset_s=offset, clock_error_s=error)


def test_confounds_have_fmripreps_columns_and_one_per_flagged_volume():
    messages = [volume_message(0), volume_message(1, flagged=True), missing_message(2), volume_message(3, flagged=True)]
    rows = rows_of(confounds(enveloped([run_start(), *messages, run_stop()])))
    assert list(rows[0]) == [*PREP_NAMES[:7], "rmsd", "realign_se", "dvars", "motion_outlier00", "motion_outlier01", "missing_outlier00"]
    assert [row["motion_outlier00"] for row in rows] == ["0", "1", "0", "0"]
    assert [row["motion_outlier01"] for row in rows] == ["0", "0", "0", "1"]
    assert [row["missing_outlier00"] for row in rows] == ["0", "0", "1", "0"]
    assert rows[0]["framewise_displacement"] == "n/a"
    assert {rows[2][name] for name in PREP_NAMES} == {"n/a"}
    assert [float(rows[3][name]) for name in PREP_NAMES] == [0.1, 0.2, 3 / 7, 0.001, -0.002, 0.003, 0.3, 1.5]


def test_the_nf_series_has_a_row_for_every_volume_and_a_column_for_everything():
    messages = [
        volume_message(0),
        published(0),
        volume_message(1, score=0.4, score_block=2, why="a\ttab"),
        published(1, 77.5),
        missing_message(2),
    ]
    rows = rows_of(nf_series(enveloped(messages)))
    assert [row["number"] for row in rows] == ["1", "2", "3"]
    assert [row["validity"] for row in rows] == ["ok", "ok", "missing"]
    for name in ("dlpfc", "tpj"):
        assert [rows[1][f"{name}_{field}"] for field in ("raw", "cleaned", "psc", "se")] == ["801.1", "799.9", "0.1", "0.05"]
        assert {rows[2][f"{name}_{field}"] for field in ("raw", "cleaned", "psc", "se")} == {"n/a"}
    assert (rows[1]["score"], rows[1]["score_block"], rows[0]["score"]) == ("0.4", "2", "n/a")
    assert rows[1]["why"] == "a tab"
    assert [rows[1][f"latency_{stage}_ms"] for stage in ("decode", "realign", "journal", "publish", "total")] == [
        "6.0",
        "20.0",
        "4.0",
        "0.1",
        "77.5",
    ]
    assert rows[2]["latency_total_ms"] == rows[2]["acquired_s"] == rows[2]["published_unix_s"] == "n/a"
    assert float(rows[1]["acquired_s"]) == TR_S
    assert rows[0]["flagged"] == "false"


def test_what_was_on_the_glass_stands_beside_the_volume_behind_it():
    messages = [
        volume_message(0),
        shown(None, value=None, flip=1.0),
        volume_message(1),
        volume_message(2),
        shown(1, value=0.5, flip=10.25, offset=-2.0, error=0.001),
        shown(1, value=0.6, flip=11.0, offset=-2.0),
        shown(1, display="observer", value=0.9, flip=9.0),
        shown(2, value=-0.125, flip=12.0),
    ]
    rows = rows_of(nf_series(enveloped(messages)))
    assert [row["shown"] for row in rows] == ["n/a", "0.5", "-0.125"]
    assert [row["shown_flip_unix_s"] for row in rows] == ["n/a", "10.25", "12.0"]
    assert [row["shown_unix_s"] for row in rows] == ["n/a", "8.25", "n/a"]  # no offset measured: no time on this clock
    assert (rows[1]["shown_clock_error_s"], rows[1]["shown_by"], rows[1]["shown_state"]) == ("0.001", "participant", "feedback")


def test_events_are_the_blocks_that_were_run():
    messages = [run_start(), confirmed(), *(volume_message(index) for index in range(7))]  # stopped in the regulation block
    rows = rows_of(events(enveloped(messages)))
    assert [(row["trial_type"], row["role"]) for row in rows] == [("dummy", "dummy"), ("rest", "rest"), ("self_compassion", "regulate")]
    assert [float(row["onset"]) for row in rows] == [0.0, 3.94, 9.85]
    assert [float(row["duration"]) for row in rows] == pytest.approx([3.94, 5.91, 7 * TR_S - 9.85])
    assert rows[0]["value"] == "n/a"


def test_ratings_pauses_faults_and_marks_are_events():
    zero = 1_700_000_000.1  # what volume_message's arrival times say
    said = [
        (5.0, Pause(display="participant", paused=True, pressed_unix_s=99.0)),
        (7.5, Pause(display="participant", paused=False, pressed_unix_s=99.0)),
        (8.0, Operator(action="mark", note="coughed")),
        (8.5, Operator(action="arm")),
        (9.0, Fault(code="stalled", severity="warning", text="No volume for 3 s.")),
        (9.1, Fault(code="bad_file", severity="warning", text="A file is no DICOM.", index=1)),
        (12.0, Rating(display="participant", scale="pain", value=3.0, start=5.0, response_s=2.5, asked_unix_s=99.0)),
        (13.0, Rating(display="participant", scale="pain", value=None, start=5.0, response_s=None, asked_unix_s=99.0)),
        (14.0, Pause(display="participant", paused=True, pressed_unix_s=99.0)),
    ]
    envelopes = [*enveloped([run_start(), confirmed(), *(volume_message(index) for index in range(9))])]
    envelopes += [Envelope(run_uid="u", seq=100 + n, sent_unix_s=zero + t, message=m) for n, (t, m) in enumerate(said)]
    rows = [row for row in rows_of(events(envelopes)) if row["role"] not in ("dummy", "rest", "regulate")]
    assert [row["trial_type"] for row in rows] == [
        "fault_bad_file", "pause", "operator_mark", "fault_stalled", "rating_pain", "rating_pain", "pause",
    ]  # fmt: skip
    assert [float(row["onset"]) for row in rows] == pytest.approx([TR_S, 5.0, 8.0, 9.0, 9.5, 13.0, 14.0], abs=1e-6)
    assert [row["value"] for row in rows][4:6] == ["3.0", "n/a"]
    assert float(rows[1]["duration"]) == pytest.approx(2.5, abs=1e-6)
    assert rows[-1]["duration"] == "n/a"
    assert rows[2]["note"] == "coughed"
    onsets = [float(row["onset"]) for row in rows_of(events(envelopes))]
    assert onsets == sorted(onsets)


@pytest.mark.parametrize("messages", [[], [run_start()], [run_start(), confirmed()], [run_start(), confirmed(), missing_message(0)]])
def test_a_run_of_nothing_still_gives_tables(messages):
    envelopes = enveloped(messages)
    for table in (confounds(envelopes), nf_series(envelopes), events(envelopes)):
        assert to_tsv(table).startswith(table.names[0])


@given(st.floats(allow_nan=False))
def test_floats_are_written_with_all_their_bits(number):
    assert float(text_of(number)).hex() == number.hex()


@given(st.text())
def test_no_text_breaks_a_table(text):
    cell = text_of(text)
    assert cell
    assert cell.splitlines() == [cell]
    assert "\t" not in cell


def test_the_files_are_tables_with_their_sidecars(tmp_path):
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0), a_volume(1)])
    for path in (paths.confounds, paths.nf, paths.events):
        header = path.read_text().split("\n")[0].split("\t")
        assert list(json.loads(path.with_suffix(".json").read_text())) == header
    for dataset, kind in ((paths.out, "raw"), (paths.out / "derivatives" / "rtfmri", "derivative")):
        description = json.loads((dataset / "dataset_description.json").read_text())
        assert description["DatasetType"] == kind
        assert description["GeneratedBy"][0]["Name"] == "rtfmri"
        assert {"Name", "BIDSVersion"} <= description.keys()
    assert json.loads(paths.versions.read_text())["packages"]["numpy"]


def test_finishing_twice_changes_nothing(tmp_path):
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0), a_volume(1)])
    before = {file: file.read_bytes() for file in paths.out.rglob("*") if file.is_file()}
    finish_record(paths)
    assert {file: file.read_bytes() for file in paths.out.rglob("*") if file.is_file()} == before


def test_a_labs_own_description_is_not_overwritten(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "dataset_description.json").write_text("{}")
    (tmp_path / "out" / "README.md").write_text("ours")
    paths = record_run(tmp_path / "out", a_study(tmp_path / "lab"), [a_volume(0)])
    assert (paths.out / "dataset_description.json").read_text() == "{}"
    assert not (paths.out / "README").exists()


def test_tables_that_cannot_be_written_are_told_in_words(tmp_path):
    study = a_study(tmp_path / "lab")
    paths = record_run(tmp_path / "out", study, [a_volume(0)])
    for path in (paths.nf, paths.versions):
        path.unlink()
        path.mkdir()
    with pytest.raises(StudyError, match="cannot be written"):
        write_outputs(paths, enveloped([volume_message(0)]))
    with pytest.raises(StudyError, match="cannot be written"):
        write_setting(paths, study)
    assert not list(paths.folder.glob(".*.part"))
