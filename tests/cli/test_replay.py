"""`rtfmri replay`: any recording, the same values, the whole record."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.messages import RunStop, VolumeMessage, comparable
from rtfmri.record.journal import read_journal
from rtfmri.simulate.render import Rendering
from rtfmri.stream.ports import Ports, free_base
from rtfmri.stream.subscriber import Subscriber

Cli = Any
SIM_DATA = Path(__file__).parents[2] / "sim_data"
SMALL = SIM_DATA / "small_study.toml"
IDENTICAL = "All values of all {} volumes are bit-identical."


@pytest.fixture(scope="module")
def recorded(cli: Cli, small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run, replayed once from its DICOMs: the dataset with its record."""
    out = tmp_path_factory.mktemp("dataset")
    done = cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", out, "--sub", "07")
    assert done.returncode == 0, done.stderr
    return out


def journal_of(out: Path) -> Path:
    (journal,) = out.rglob("*_journal.jsonl")
    return journal


MAPS = ("desc-regulate_stat-t", "desc-regulate_stat-effect", "desc-brain_stat-tsnr")


def test_the_record_holds_what_is_needed_under_bids_names(recorded: Path) -> None:
    label = "sub-07_ses-01_task-small_run-01"
    raw = {path.name.removeprefix(label + "_") for path in (recorded / "sub-07/ses-01/func").iterdir()}
    derived = {path.name.removeprefix(label + "_") for path in journal_of(recorded).parent.iterdir()}
    assert raw == {"bold.nii.gz", "bold.json", "events.tsv", "events.json"}
    assert derived == {
        "journal.jsonl",
        "desc-confounds_timeseries.tsv",
        "desc-confounds_timeseries.json",
        "desc-nf_timeseries.tsv",
        "desc-nf_timeseries.json",
        "desc-resolved_study.json",
        "desc-reference_boldref.nii.gz",
        "desc-brain_mask.nii.gz",
        "desc-dlpfc_mask.nii.gz",
        "desc-tpj_mask.nii.gz",
        "desc-versions.json",
        *(f"{desc}_statmap{ending}" for desc in MAPS for ending in (".nii.gz", ".json")),
        "figures",
    }


def test_every_raw_volume_is_kept_bit_for_bit(recorded: Path, small_run: Rendering, cli: Cli, tmp_path: Path) -> None:
    converted = tmp_path / "inspected.nii"
    assert cli("inspect", small_run.folder / "dicoms", "--nifti", converted).returncode == 0
    kept = nibabel.load(next(recorded.rglob("*_bold.nii.gz")))
    assert np.array_equal(np.asarray(kept.dataobj), np.asarray(nibabel.load(converted).dataobj))


def test_a_record_replays_to_the_same_bits_from_anywhere(recorded: Path, cli: Cli, tmp_path: Path) -> None:
    moved = tmp_path / "somewhere else"
    shutil.copytree(recorded, moved)
    done = cli("replay", moved, "--verify", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert IDENTICAL.format(64) in done.stdout
    assert not (tmp_path / "rtfmri_replay").exists(), "a check leaves nothing behind"


@pytest.mark.parametrize("threads", ["1", "2"])
def test_shuffled_dicoms_give_the_same_bits_on_any_number_of_threads(recorded: Path, small_run: Rendering, cli: Cli, threads: str) -> None:
    done = cli(
        "replay",
        small_run.folder / "dicoms",
        "--against",
        journal_of(recorded),
        "--verify",
        "--shuffle",
        threads,
        NUMBA_NUM_THREADS=threads,
        OMP_NUM_THREADS=threads,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert IDENTICAL.format(64) in done.stdout


def test_verify_without_a_record_goes_through_the_files_twice(small_run: Rendering, cli: Cli) -> None:
    done = cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert IDENTICAL.format(64) in done.stdout


def test_one_changed_bit_is_found(recorded: Path, cli: Cli, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(recorded, changed)
    journal = journal_of(changed)
    lines = journal.read_text().splitlines()
    for number, line in enumerate(lines):
        message = json.loads(line)["message"]
        if message["kind"] == "volume" and message["validity"] == "ok":
            old = message["regulation"]
            lines[number] = line.replace(f'"regulation":{old}', f'"regulation":{np.nextafter(old, 9.0)}')
            break
    journal.write_text("\n".join(lines) + "\n")
    done = cli("replay", changed, "--verify")
    assert done.returncode == 1
    assert "1 of 64 volumes differ" in done.stdout


def test_a_4d_nifti_gives_the_values_of_its_dicoms(recorded: Path, small_run: Rendering, cli: Cli, tmp_path: Path) -> None:
    series = tmp_path / "run.nii.gz"
    assert cli("inspect", small_run.folder / "dicoms", "--nifti", series).returncode == 0
    done = cli("replay", series, "--study", SMALL, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    first, second = (_regulation(journal_of(out)) for out in (recorded, tmp_path / "out"))
    assert np.allclose(first, second, atol=1e-4, equal_nan=True), "the NIfTI's affine is float32, the rest is the same"


def _regulation(journal: Path) -> list[float]:
    volumes = [e.message for e in read_journal(journal) if isinstance(e.message, VolumeMessage)]
    return [np.nan if v.regulation is None else v.regulation for v in volumes]


def test_a_number_given_up_live_stays_missing_when_its_file_is_there(
    recorded: Path, small_run: Rendering, cli: Cli, tmp_path: Path
) -> None:
    some = tmp_path / "dicoms"
    shutil.copytree(small_run.folder / "dicoms", some)
    lost = sorted(some.iterdir())[30]
    lost.unlink()
    assert cli("replay", some, "--study", SMALL, "--out", tmp_path / "out").returncode == 0
    live = journal_of(tmp_path / "out")
    missing = [e.message.index for e in read_journal(live) if isinstance(e.message, VolumeMessage) and e.message.validity == "missing"]
    assert missing == [30]
    done = cli("replay", small_run.folder / "dicoms", "--against", live, "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert IDENTICAL.format(64) in done.stdout


@pytest.mark.real_data
def test_the_155_volumes_of_a_real_scanner_replay_and_verify(real_data: Path, cli: Cli, tmp_path: Path) -> None:
    dicoms = real_data / "siemens_mosaic_bold" / "dicoms"
    out = tmp_path / "out"
    done = cli("replay", dicoms, "--study", SIM_DATA / "siemens_mosaic_bold_study.toml", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    volumes = [e.message for e in read_journal(journal_of(out)) if isinstance(e.message, VolumeMessage)]
    assert [v.index for v in volumes] == list(range(155))
    assert {v.validity for v in volumes} <= {"ok", "settling"}
    assert [v.condition for v in volumes[8:13]] == ["rest", "rest", "regulate", "regulate", "regulate"]
    assert all(v.motion is not None and v.motion.converged for v in volumes)
    again = cli("replay", out, "--verify")
    assert IDENTICAL.format(155) in again.stdout, again.stdout + again.stderr
    shuffled = cli("replay", dicoms, "--against", out, "--verify", "--shuffle", "5")
    assert IDENTICAL.format(155) in shuffled.stdout, shuffled.stdout + shuffled.stderr


def test_nothing_but_timing_differs_between_two_journals(recorded: Path, cli: Cli, tmp_path: Path) -> None:
    assert cli("replay", recorded, "--out", tmp_path / "again").returncode == 0
    first, second = (
        [comparable(e.message) for e in read_journal(journal_of(out)) if isinstance(e.message, VolumeMessage)]
        for out in (recorded, tmp_path / "again")
    )
    assert first == second


def test_a_replay_at_a_speed_is_published_and_can_be_watched(recorded: Path, tmp_path: Path) -> None:
    ports = Ports("127.0.0.1", free_base())
    command = [sys.executable, "-m", "rtfmri", "replay", str(recorded), "--speed", "16", "--port", str(ports.base), "--out", str(tmp_path)]
    heard: list[Any] = []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process, Subscriber(ports.messages) as subscriber:
        end_s = time.monotonic() + 60.0
        while not any(isinstance(message, RunStop) for message in heard) and time.monotonic() < end_s:
            heard += [envelope.message for envelope in subscriber.receive(0.2)]
        assert process.wait(60) == 0
    live = [e.message for e in read_journal(journal_of(recorded)) if isinstance(e.message, VolumeMessage)]
    watched = [message for message in heard if isinstance(message, VolumeMessage)]
    assert [comparable(message) for message in watched] == [comparable(message) for message in live]
