"""``rtfmri check`` as its users meet it: what it prints, its exit codes, its JSON."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from rtfmri.stream.ports import free_base

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"


def test_what_cannot_be_told_yet_is_no_failure_and_nothing_is_written(cli: Cli, tmp_path: Path) -> None:
    watched = tmp_path / "export"
    watched.mkdir()
    said = cli("check", SMALL, "--watch", watched, "--sub", "07", "--out", tmp_path / "out", "--port", free_base())
    assert said.returncode == 0, said.stdout + said.stderr
    assert "sub-07_ses-01_task-small_run-01 is free" in said.stdout
    assert "cannot be told yet" in said.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_a_failure_ends_with_1_and_says_what_to_do(cli: Cli, tmp_path: Path) -> None:
    said = cli("check", SMALL, "--watch", tmp_path / "gone", "--out", tmp_path, "--port", free_base())
    assert said.returncode == 1
    assert "✖ failed" in said.stdout
    assert "Mount the scanner's share, or correct the folder." in said.stdout


def test_a_study_file_with_mistakes_is_a_failed_check_and_no_traceback(cli: Cli, tmp_path: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text("[study]\nnam = 'x'\n")
    said = cli("check", study, "--watch", tmp_path)
    assert said.returncode == 1
    assert "study.nam: there is no such setting" in " ".join(said.stdout.split())
    assert len([line for line in said.stdout.splitlines() if "study.toml: " in line]) >= 2, "a line each"
    assert "Traceback" not in said.stdout + said.stderr


def test_programs_get_the_same_as_json(cli: Cli, tmp_path: Path) -> None:
    said = cli("check", SMALL, "--json", "--sub", "07", "--out", tmp_path, "--port", free_base())
    told = json.loads(said.stdout)
    assert (said.returncode, told["state"]) == (1, "failed")
    states = {check["name"]: check["state"] for check in told["checks"]}
    assert states["scanner"] == "failed"
    assert states["regions"] == "ok"


def test_it_fits_into_eighty_columns_and_needs_no_colour(cli: Cli, tmp_path: Path) -> None:
    said = cli("check", SMALL, "--watch", tmp_path, "--sub", "07", "--out", tmp_path, "--port", free_base(), COLUMNS="80")
    lines = said.stdout.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "\x1b" not in said.stdout
    assert all(line[0] in "✔?▲✖ " for line in lines if line)
