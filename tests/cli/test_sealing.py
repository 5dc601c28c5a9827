"""`rtfmri seal` and `rtfmri unblind`, as the person who keeps the key meets them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from rtfmri.cli.sealing import seal_allocation, unblind_runs
from rtfmri.errors import StudyError
from rtfmri.messages import Entities, VolumeMessage
from rtfmri.record.journal import Journal
from rtfmri.record.outputs import finish_record
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allot import allot
from rtfmri.sham.boxes import load_key
from rtfmri.sham.keeping import keep
from rtfmri.simulate.render import Rendering
from rtfmri.study import load_study

Cli = Any
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
CONTROL = """
[control]
allocation = "allocation.sealed"
consent = "information sheet v3, section 4"
regions = { tpj_alone = { tpj = 1.0 } }
"""
TABLE = "sub,condition,source,region\n07,own,,\n08,yoked,source,\n09,control_roi,,tpj_alone\n"


@pytest.fixture(scope="module")
def lab(cli: Cli, small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a recorded source, a study that names a sealed allocation, and the sealed allocation."""
    folder = tmp_path_factory.mktemp("lab")
    done = cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", folder / "source", "--sub", "01")
    assert done.returncode == 0, done.stderr
    shutil.copytree(SMALL.parent / "small", folder / "small")
    (folder / "study.toml").write_text(SMALL.read_text() + CONTROL)
    (folder / "allocation.csv").write_text(TABLE)
    done = seal(cli, folder, "--key-out", folder / "lab.key", "--study", folder / "study.toml")
    assert done.returncode == 0, done.stderr
    assert "3 rows are sealed" in done.stdout
    return folder


def seal(cli: Cli, folder: Path, *options: object, out: str = "allocation.sealed") -> Any:
    return cli("seal", folder / "allocation.csv", "--out", folder / out, *options)


@pytest.fixture
def dataset(lab: Path, tmp_path: Path) -> Path:
    """The source's run as participant 08 would have it recorded in the blind study."""
    out, entities = tmp_path / "out", Entities(sub="08", task="small")
    study = load_study(lab / "study.toml")
    allotted = allot(study, entities, load_key(lab / "lab.key"))
    shutil.copytree(lab / "source", out)
    for path in sorted(out.rglob("*"), key=lambda path: len(path.parts), reverse=True):
        if "sub-01" in path.name:
            path.rename(path.with_name(path.name.replace("sub-01", "sub-08")))
    (journal,) = out.rglob("*_journal.jsonl")
    recorded = RecordedRun.open(journal)
    journal.unlink()
    with Journal(journal) as again:
        for envelope in recorded.envelopes:
            message = envelope.message
            again.append(
                envelope.model_copy(update={"message": allotted.to_wire(message) if isinstance(message, VolumeMessage) else message})
            )
    keep(recorded.paths, allotted)
    finish_record(recorded.paths)
    return out


def test_the_key_is_its_owners_only_and_the_sealed_file_says_nothing(lab: Path) -> None:
    assert (lab / "lab.key").stat().st_mode & 0o777 == 0o600
    assert set(json.loads((lab / "allocation.sealed").read_text())) == {"rtfmri_allocation", "public_key", "sealed"}


def test_sealing_again_takes_the_same_key_and_never_overwrites_it(cli: Cli, lab: Path) -> None:
    key = (lab / "lab.key").read_bytes()
    done = seal(cli, lab, "--key-out", lab / "lab.key", out="second.sealed")
    assert (done.returncode, "never overwritten" in done.stderr) == (2, True)
    assert seal(cli, lab, "--key", lab / "lab.key", out="second.sealed").returncode == 0
    assert (lab / "lab.key").read_bytes() == key
    assert (lab / "second.sealed").stat().st_size == (lab / "allocation.sealed").stat().st_size
    neither = seal(cli, lab, out="third.sealed")
    assert (neither.returncode, "Give either --key-out" in neither.stderr) == (2, True)


def test_every_mistake_of_a_table_is_said_at_once_and_nothing_is_written(cli: Cli, lab: Path, tmp_path: Path) -> None:
    (tmp_path / "allocation.csv").write_text(
        "sub,condition,source,region\n07,joked,,\n08,yoked,,\n08,yoked,absent,\n09,control_roi,,motor\n"
    )
    done = seal(cli, tmp_path, "--key-out", tmp_path / "lab.key", "--study", lab / "study.toml")
    assert done.returncode == 2
    for words in (
        "Line 2: there is no condition 'joked'",
        "Line 3: yoked needs a source",
        "Line 4: the source absent is not recorded",
        "Line 5: the study has no control region motor",
    ):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == ["allocation.csv"]


def test_a_blind_run_is_opened_with_a_name_a_reason_and_the_key(cli: Cli, lab: Path, dataset: Path) -> None:
    nameless = cli("unblind", dataset, "--key", lab / "lab.key")
    assert (nameless.returncode, "Say who opens the runs and why" in nameless.stderr) == (2, True)
    assert "needs the key" in cli("unblind", dataset, "--by", "A", "--reason", "B").stderr
    assert "Nothing was opened here" in cli("unblind", dataset, "--audit").stdout
    done = cli("unblind", dataset, "--key", lab / "lab.key", "--by", "A. Müller", "--reason", "analysis [final]")
    assert done.returncode == 0, done.stderr
    (table,) = dataset.rglob("*_desc-nfUnblinded_timeseries.tsv")
    assert str(table) in done.stdout
    assert "yoked" in table.read_text()
    assert "yoked" not in next(dataset.rglob("*_desc-nf_timeseries.tsv")).read_text()
    audit = cli("unblind", dataset, "--audit")
    assert audit.returncode == 0
    assert "A. Müller: analysis [final]" in audit.stdout
    assert "1 lines; the chain is whole" in audit.stdout


def test_an_audit_that_was_changed_is_told(cli: Cli, lab: Path, dataset: Path) -> None:
    assert cli("unblind", dataset, "--key", lab / "lab.key", "--by", "A", "--reason", "B").returncode == 0
    (audit,) = dataset.rglob("unblinding_audit.jsonl")
    audit.write_text(audit.read_text().replace('"by": "A"', '"by": "C"'))
    done = cli("unblind", dataset, "--audit")
    assert done.returncode == 1
    assert "Line 1 of the audit was changed" in done.stdout


def test_wrong_paths_are_told_in_a_sentence(lab: Path, tmp_path: Path) -> None:
    key, absent = lab / "lab.key", tmp_path / "absent"
    for call, words in (
        (lambda: unblind_runs(absent, key, "A", "B", audit=False), "is not there"),
        (lambda: unblind_runs(absent, None, "", "", audit=True), "is not there"),
        (lambda: unblind_runs(lab / "source", key, "A", "B", audit=False), "no run whose values are sealed"),
        (lambda: unblind_runs(lab / "source", absent, "A", "B", audit=False), "The key .* cannot be read"),
        (lambda: seal_allocation(absent, tmp_path / "x", None, key, None), "cannot be read"),
        (lambda: seal_allocation(lab / "allocation.csv", tmp_path / "x", None, lab / "study.toml", None), "The key"),
        (lambda: seal_allocation(lab / "allocation.csv", lab / "study.toml" / "x", None, key, None), "cannot be written"),
    ):
        with pytest.raises(StudyError, match=words):
            call()
