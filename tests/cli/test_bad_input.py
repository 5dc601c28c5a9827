"""A user's mistake is one clear sentence and exit code 2; never a traceback, and nothing recorded is lost."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.simulate.render import Rendering
from rtfmri.stream.ports import free_base

Cli = Any
SIM_DATA = Path(__file__).parents[2] / "sim_data"
SMALL = SIM_DATA / "small_study.toml"


def refused(done: Any, *said: str) -> None:
    """Exit code 2, the words on stderr, and no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for words in said:
        assert words in done.stderr, done.stderr


def test_a_missing_folder(cli: Cli, tmp_path: Path) -> None:
    refused(cli("run", SMALL, "--watch", tmp_path / "nowhere", "--sub", "01"), "nowhere", "is not there")
    refused(cli("replay", tmp_path / "nowhere", "--study", SMALL), "nowhere is not there")
    refused(cli("inspect", tmp_path / "nowhere"), "is not there")


def test_all_mistakes_of_a_study_at_once(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text('[study]\nname = ""\n[acquisition]\ndummies = -1\n[[roi]]\nname = "tpj"\nweight = 1\n[paradigm]\ncycle = []\n')
    done = cli("replay", small_run.folder / "dicoms", "--study", study)
    refused(done, "study.name", "acquisition.dummies", "roi.1", "paradigm.cycle")
    assert len(done.stderr.strip().splitlines()) == 4


def test_a_study_that_is_no_toml_tells_the_line(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text("[study]\nname = \n")
    refused(cli("replay", small_run.folder / "dicoms", "--study", study), "not valid TOML", "line 2")


def test_a_sphere_in_mni_space_asks_for_prepare(cli: Cli, small_run: Rendering) -> None:
    refused(cli("replay", small_run.folder / "dicoms", "--study", SIM_DATA / "example_study.toml"), "rtfmri prepare")


def test_masks_on_another_grid(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(SMALL.read_text())
    (tmp_path / "small").mkdir()
    for name in ("dlpfc", "tpj"):
        nibabel.save(nibabel.Nifti1Image(np.ones((10, 10, 10), np.uint8), np.eye(4)), tmp_path / "small" / f"roi_{name}.nii.gz")
    done = cli("replay", small_run.folder / "dicoms", "--study", study, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "10 x 10 x 10" in done.stdout


def test_a_folder_without_dicoms(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM\n" * 200)
    refused(cli("replay", tmp_path, "--study", SMALL), "No series in")


def test_a_source_that_is_neither(cli: Cli, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no volumes\n")
    refused(cli("replay", text, "--study", SMALL), "cannot be read as a NIfTI")


def test_a_recording_without_a_study(cli: Cli, small_run: Rendering) -> None:
    refused(cli("replay", small_run.folder / "dicoms"), "--study")


def test_a_truncated_and_a_foreign_file_among_the_run_are_told_and_cost_one_volume(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    folder = tmp_path / "dicoms"
    shutil.copytree(small_run.folder / "dicoms", folder)
    cut = sorted(folder.iterdir())[40]
    cut.write_bytes(cut.read_bytes()[:20_000])
    (folder / "notes.txt").write_text("no DICOM\n" * 200)
    done = cli("replay", folder, "--study", SMALL, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "missing 1" in done.stdout


def test_a_port_in_use(cli: Cli, tmp_path: Path) -> None:
    base = free_base()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", base))
        taken.listen()
        refused(cli("run", SMALL, "--watch", tmp_path, "--sub", "01", "--port", base, "--no-status"), str(base))


def test_a_dicom_port_in_use_and_a_title_that_is_none(cli: Cli) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ("--sub", "01", "--port", free_base(), "--no-status", "--listen-address", "127.0.0.1")
        refused(cli("run", SMALL, "--listen", port, *options), f"port {port}", "choose another port with --listen")
        refused(cli("run", SMALL, "--listen", port, "--ae-title", "SEVENTEEN_LETTERS", *options), "1 to 16 characters")


def test_a_live_run_without_any_source(cli: Cli) -> None:
    refused(cli("run", SMALL, "--sub", "01", "--no-status"), "--watch FOLDER, --listen PORT, or both")


def test_nobody_to_arm(cli: Cli) -> None:
    refused(cli("arm", "--sub", "01", "--port", free_base()), "No rtfmri session answers")


def test_a_run_is_never_overwritten(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    arguments = ("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", tmp_path, "--sub", "07", "--run", "1")
    assert cli(*arguments).returncode == 0
    refused(cli(*arguments), "already holds a record of sub-07_ses-01_task-small_run-01")


@pytest.mark.parametrize("label", ["Jane Doe", "../07"])
def test_a_label_that_is_no_bids_label(cli: Cli, small_run: Rendering, tmp_path: Path, label: str) -> None:
    refused(cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", tmp_path, "--sub", label), "letters and digits")


def test_a_speed_that_is_none(cli: Cli, small_run: Rendering) -> None:
    refused(cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--speed", "fast"), "--speed")


def test_an_output_folder_that_cannot_be_made(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file stands here")
    refused(cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", tmp_path / "out"), "cannot be written")


def test_a_home_that_cannot_be_written_is_no_reason_to_fail(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    locked = tmp_path / "home"
    locked.mkdir(mode=0o500)
    done = cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--verify", HOME=str(locked), XDG_CACHE_HOME=os.devnull)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_demo_without_any_screen_names_the_packages(cli: Cli, tmp_path: Path) -> None:
    done = cli("demo", "--out", tmp_path, PATH="", DISPLAY="", WAYLAND_DISPLAY="")
    refused(done, "xvfb", "--no-display")
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("verb", ["run", "arm", "tell", "replay", "simulate", "inspect", "demo"])
def test_every_verb_explains_itself(cli: Cli, verb: str) -> None:
    done = cli(verb, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
