"""BIDS physio files: read from anybody, written so that the numbers give back the same bits."""

import gzip
import json
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rtfmri.errors import StudyError
from rtfmri.record.physio import PhysioRecord, PhysioWriter, merged, read_growing, read_physio, write_physio

NAMES = ("cardiac", "respiratory", "trigger")
FILE = "sub-01_ses-01_task-nf_run-01_recording-live_physio.tsv.gz"
FLOATS = st.floats(allow_nan=True, allow_infinity=False)


def a_file(folder, text="1\t2.5\n3\tn/a\n", **said):
    path = folder / FILE
    path.write_bytes(gzip.compress(text.encode()))
    sidecar = {"SamplingFrequency": 50, "StartTime": -2.5, "Columns": ["cardiac", "respiratory"]} | said
    (folder / FILE.replace(".tsv.gz", ".json")).write_text(json.dumps({k: v for k, v in sidecar.items() if v is not None}))
    return path


@settings(max_examples=50)
@given(arrays(np.float64, st.tuples(st.integers(0, 40), st.just(3)), elements=FLOATS), st.floats(-1e5, 1e5))
def test_what_is_written_is_read_with_the_same_bits(tmp_path_factory, samples, start_s):
    path = tmp_path_factory.mktemp("physio") / FILE
    write_physio(path, PhysioRecord(400.0, start_s, NAMES, samples))
    record = read_physio(path)
    assert (record.rate_hz, record.start_s, record.columns) == (400.0, start_s, NAMES)
    np.testing.assert_array_equal(record.samples, samples)
    assert np.array_equal(np.signbit(record.samples), np.signbit(samples) & ~np.isnan(samples))


def test_the_file_is_as_bids_has_it_and_tells_nothing_else(tmp_path):
    path = tmp_path / FILE
    write_physio(path, PhysioRecord(400.0, -30.0, NAMES, np.array([[1.0, 2.5, 0.0], [np.nan, -1e-9, 1.0]])))
    assert gzip.decompress(path.read_bytes()).decode() == "1\t2.5\t0\nn/a\t-1e-09\t1\n"
    said = json.loads((tmp_path / FILE.replace(".tsv.gz", ".json")).read_text())
    assert {name: said[name] for name in ("SamplingFrequency", "StartTime", "Columns")} == {
        "SamplingFrequency": 400.0,
        "StartTime": -30.0,
        "Columns": list(NAMES),
    }
    assert path.read_bytes()[3:8] == bytes(5), "neither a name nor a time in the gzip's head"


def test_the_same_record_is_the_same_bytes(tmp_path):
    record = PhysioRecord(400.0, 0.0, NAMES, np.random.default_rng(0).standard_normal((30_000, 3)))
    for name in ("a_physio.tsv.gz", "b_physio.tsv.gz"):
        write_physio(tmp_path / name, record)
    assert (tmp_path / "a_physio.tsv.gz").read_bytes() == (tmp_path / "b_physio.tsv.gz").read_bytes()
    np.testing.assert_array_equal(read_physio(tmp_path / "a_physio.tsv.gz").samples, record.samples)


def test_a_file_of_another_lab_is_read(tmp_path):
    record = read_physio(a_file(tmp_path))
    np.testing.assert_array_equal(record.column("cardiac"), [1.0, 3.0])
    np.testing.assert_array_equal(record.column("respiratory"), [2.5, np.nan])
    assert np.isnan(record.column("trigger")).all()
    assert (record.rate_hz, record.start_s) == (50.0, -2.5)
    plain = tmp_path / FILE.removesuffix(".gz")
    plain.write_text("1 2\n")
    assert read_physio(plain).samples.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (lambda folder: a_file(folder, "cardiac\trespiratory\n1\t2\n"), "no head line"),
        (lambda folder: a_file(folder, "1\t2\n1\n"), "line 2"),
        (lambda folder: a_file(folder, Columns=None), "must give SamplingFrequency"),
        (lambda folder: a_file(folder, SamplingFrequency="fast"), "must give SamplingFrequency"),
        (lambda folder: a_file(folder, SamplingFrequency=0), "above 0"),
        (lambda folder: a_file(folder, Columns=["a", "a"]), "different names"),
        (lambda folder: folder / "absent_physio.tsv.gz", "cannot be read"),
    ],
)
def test_a_file_that_is_not_as_it_must_be_is_refused_in_a_sentence(tmp_path, trouble, words):
    with pytest.raises(StudyError, match=words):
        read_physio(trouble(tmp_path))


@pytest.mark.parametrize("spoil", [lambda content: content[: len(content) // 2], lambda content: b"no gzip", lambda content: b""])
def test_a_damaged_file_is_refused_or_empty_and_never_a_traceback(tmp_path, spoil):
    path = a_file(tmp_path, "1.25\t2.5\n" * 5000)
    path.write_bytes(spoil(path.read_bytes()))
    if path.stat().st_size:
        with pytest.raises(StudyError, match="cannot be read"):
            read_physio(path)
    else:
        assert len(read_physio(path).samples) == 0


def test_rows_grow_on_the_disk_as_they_come_and_go_on_after_a_crash(tmp_path):
    growing = tmp_path / "run" / "growing.f64"
    rows = np.random.default_rng(1).standard_normal((100, 3))
    with PhysioWriter(growing, NAMES) as writer:
        for place in range(0, 60, 7):
            writer.append(rows[place : min(place + 7, 60)])
            np.testing.assert_array_equal(read_growing(growing, NAMES), rows[: min(place + 7, 60)])
    with growing.open("ab") as stream:
        stream.write(b"half a row")
    with PhysioWriter(growing, NAMES) as writer:
        writer.append(rows[60:])
    np.testing.assert_array_equal(read_growing(growing, NAMES), rows)


def test_a_disk_that_fails_is_noted_and_nothing_is_lost_when_it_is_back(tmp_path, monkeypatch):
    growing, rows = tmp_path / "growing.f64", np.arange(30.0).reshape(10, 3)

    def full(descriptor, content, offset):
        raise OSError(28, "No space left on device")

    with PhysioWriter(growing, NAMES) as writer:
        writer.append(rows[:3])
        monkeypatch.setattr(os, "pwrite", full)
        writer.append(rows[3:5])
        assert writer.failed is not None
        monkeypatch.undo()
        writer.append(rows[5:])
        assert writer.failed is None
    np.testing.assert_array_equal(read_growing(growing, NAMES), rows)


def test_a_run_without_a_belt_leaves_no_file(tmp_path):
    growing = tmp_path / "growing.f64"
    with PhysioWriter(growing, NAMES) as writer:
        writer.append(np.empty((0, 3)))
    assert not growing.exists()
    assert read_growing(growing, NAMES).shape == (0, 3)


def test_pulse_and_breathing_of_two_files_are_one_record_with_every_sample_at_its_time():
    pulse = PhysioRecord(100.0, -1.0, ("cardiac",), np.arange(400.0)[:, None])
    belt = PhysioRecord(25.0, -1.5, ("respiratory",), np.arange(50.0)[:, None])
    both = merged([pulse, belt])
    assert (both.rate_hz, both.start_s, both.columns) == (100.0, -1.5, ("cardiac", "respiratory"))
    np.testing.assert_array_equal(both.column("cardiac"), [*[np.nan] * 50, *range(400)])
    np.testing.assert_array_equal(both.column("respiratory")[:200:4], np.arange(50.0))
    assert np.isfinite(both.column("respiratory")).sum() == 50
    assert merged([pulse]).samples.tobytes() == pulse.samples.tobytes()


def test_two_files_with_the_same_column_are_refused():
    pulse = PhysioRecord(100.0, 0.0, ("cardiac",), np.ones((3, 1)))
    with pytest.raises(StudyError, match="cardiac twice"):
        merged([pulse, pulse])
