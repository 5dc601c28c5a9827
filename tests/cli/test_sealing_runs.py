"""A blind study through the engine: refused at arm in the same words for everybody, run blind, replayed, verified, opened."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from rtfmri.messages import RunStart, VolumeMessage
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.blinding import all_opened
from rtfmri.sham.boxes import KEY_VARIABLE, load_key
from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import load_scenario

Cli = Any
SIM_DATA = Path(__file__).parents[2] / "sim_data"
SMALL = SIM_DATA / "small_study.toml"
CONTROL = '\n[control]\nallocation = "allocation.sealed"\nconsent = "sheet v3"\nregions = { tpj_alone = { tpj = 1.0 } }\n'
TABLE = "sub,condition,source,region\n07,own,,\n08,yoked,source,\n09,control_roi,,tpj_alone\n"
AMPLITUDES = {"dlpfc": (-0.2, 0.9), "tpj": (0.8, -0.3)}
SUBS = {"07": "own", "08": "yoked", "09": "control_roi"}


@pytest.fixture(scope="module")
def blind(cli: Cli, small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lab's folder: the study, its sealed allocation and key, and one dataset with a run under each condition."""
    folder = tmp_path_factory.mktemp("blind")
    scenario = load_scenario(SIM_DATA / "small_scenario.toml").model_copy(update={"seed": 6, "amplitudes_percent": AMPLITUDES})
    other = render(scenario, folder / "other")
    shutil.copytree(SIM_DATA / "small", folder / "small")
    (folder / "study.toml").write_text(SMALL.read_text() + CONTROL)
    (folder / "allocation.csv").write_text(TABLE)
    assert cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", folder / "source", "--sub", "01").returncode == 0
    sealed = cli(
        "seal",
        folder / "allocation.csv",
        "--out",
        folder / "allocation.sealed",
        "--key-out",
        folder / "lab.key",
        "--study",
        folder / "study.toml",
    )
    assert sealed.returncode == 0, sealed.stderr
    for sub in SUBS:
        done = replay(cli, folder, "--sub", sub, dicoms=other.folder / "dicoms")
        assert done.returncode == 0, done.stderr
        (folder / f"said_{sub}.txt").write_text(done.stdout + done.stderr)
    return folder


def replay(cli: Cli, folder: Path, *options: object, dicoms: Path | None = None, key: bool = True) -> Any:
    environment = {KEY_VARIABLE: str(folder / "lab.key") if key else ""}
    source = dicoms or folder / "other" / "dicoms"
    return cli("replay", source, "--study", folder / "study.toml", "--out", folder / "out", *options, **environment)


def run_of(folder: Path, sub: str) -> RecordedRun:
    return RecordedRun.open(next((folder / "out").rglob(f"sub-{sub}_*_journal.jsonl")))


def test_what_is_said_is_the_same_in_every_condition(blind: Path) -> None:
    """But for the participant's number, latencies, and how many volumes had settled values to show."""
    said = {re.sub(r"sub-\d\d|[\d.]+|─+|\s+", "", (blind / f"said_{sub}.txt").read_text()) for sub in SUBS}
    assert len(said) == 1


def test_every_run_keeps_the_same_own_values_and_shows_its_own_condition(blind: Path) -> None:
    key = load_key(blind / "lab.key")
    runs = {sub: [e.message for e in all_opened(run_of(blind, sub).envelopes, key) if isinstance(e.message, VolumeMessage)] for sub in SUBS}
    assert {sub: {message.control for message in run} for sub, run in runs.items()} == {sub: {condition} for sub, condition in SUBS.items()}
    own = [[(m.regulation, m.own_feedback, m.own_validity, m.rois) for m in run] for run in runs.values()]
    assert own[0] == own[1] == own[2]
    shown = [[m.feedback for m in run if m.feedback is not None] for run in runs.values()]
    assert min(map(len, shown)) > 5
    assert shown[0] != shown[1] != shown[2] != shown[0]


def test_run_start_says_blind_and_no_volume_says_more_than_is_clear(blind: Path) -> None:
    for sub in SUBS:
        messages = [envelope.message for envelope in run_of(blind, sub).envelopes]
        assert [m.blind for m in messages if isinstance(m, RunStart)] == [True]
        volumes = [m for m in messages if isinstance(m, VolumeMessage)]
        assert all(m.sealed and not m.rois and m.regulation is None and m.score is None and m.control is None for m in volumes)


def test_nothing_of_the_record_tells_the_condition(blind: Path) -> None:
    for path in (blind / "out").rglob("*"):
        if path.is_file() and path.suffix in (".json", ".jsonl", ".tsv"):
            content = path.read_text()
            assert not [word for word in ("yoked", "control_roi", "sub-01", str(blind)) if word in content], path
    lengths = {tuple(len(message.sealed or "") for message in run_of(blind, sub).messages) for sub in SUBS}
    assert len(lengths) == 1


@pytest.mark.parametrize("sub", ["08", "09"])
def test_a_blind_run_verifies_whole_with_the_key(cli: Cli, blind: Path, sub: str) -> None:
    done = cli("replay", run_of(blind, sub).paths.journal, "--verify", **{KEY_VARIABLE: str(blind / "lab.key")})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All values of all 64 volumes are bit-identical." in done.stdout


def test_without_the_key_it_verifies_what_is_clear_and_says_so(cli: Cli, blind: Path, tmp_path: Path) -> None:
    done = cli("replay", run_of(blind, "08").paths.journal, "--verify", "--out", tmp_path / "again", **{KEY_VARIABLE: ""})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What is in the clear of all 64 volumes is bit-identical." in done.stdout
    assert "were not compared" in done.stdout
    again = RecordedRun.open(tmp_path / "again")
    assert [m.feedback for m in again.messages] == [m.feedback for m in run_of(blind, "08").messages]
    assert all(m.sealed and m.regulation is None for m in again.messages), "a replay without the key prints no own value either"


def test_what_is_refused_at_arm_is_said_in_the_same_words(cli: Cli, blind: Path) -> None:
    keyless = {replay(cli, blind, "--sub", sub, "--run", 9, key=False).stderr for sub in ("07", "08")}
    assert len(keyless) == 1
    assert "There is no key to open the sealed allocation" in keyless.pop()
    assert "sub-55_ses-01_task-small_run-09 is not in the sealed allocation" in replay(cli, blind, "--sub", "55", "--run", 9).stderr
