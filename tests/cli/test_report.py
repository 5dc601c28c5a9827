"""``rtfmri report`` as its users meet it: one run, a dataset, what is not there; and the page that a finished run has by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtfmri.cli.wiring import finish_in_background
from rtfmri.messages import DisplaySettings, Entities, Envelope, RunStart, RunStop
from rtfmri.record.journal import Journal
from rtfmri.record.layout import RunPaths, claim

BANNER = "Research use only. Not a medical device. Not for diagnosis or treatment."


def a_run(out: Path, run: int) -> RunPaths:
    """A run that ended before its first volume: the least that a journal holds."""
    entities = Entities(sub="07", run=run)
    paths = claim(out, entities)
    start = RunStart(
        software="rtfmri test",
        study="nf",
        entities=entities,
        run_kind="feedback",
        run_uid="u",
        started_unix_s=1.0,
        tr_s=1.0,
        dummies=0,
        planned_volumes=10,
        blocks=(),
        rois=(),
        range_percent=1.0,
        display=DisplaySettings(),
        fd_hold_mm=0.5,
        stale_after_s=2.5,
        pause_after_s=10.0,
    )
    stop = RunStop(exit_status="silent", reason="no volume came", counts={}, stopped_unix_s=60.0)
    with Journal(paths.journal) as journal:
        for seq, message in enumerate((start, stop)):
            journal.append(Envelope(run_uid="u", seq=seq, sent_unix_s=1.0, message=message))
    return paths


@pytest.fixture
def dataset(tmp_path):
    return [a_run(tmp_path / "data", run) for run in (1, 2)]


def test_a_run_is_reported_beside_its_journal(cli, dataset):
    told = cli("report", dataset[0].journal)
    assert told.returncode == 0
    assert str(dataset[0].report) in told.stdout
    assert BANNER in dataset[0].report.read_text(encoding="utf-8")
    assert not dataset[1].report.exists()


def test_a_dataset_gives_a_page_for_each_of_its_runs(cli, dataset, tmp_path):
    told = cli("report", dataset[0].out, "--out", tmp_path / "pages")
    assert told.returncode == 0
    assert sorted(page.name for page in (tmp_path / "pages").iterdir()) == [paths.report.name for paths in dataset]
    assert not dataset[0].report.exists()


def test_of_several_runs_a_damaged_one_is_told_and_the_others_are_reported(cli, dataset):
    dataset[0].journal.write_text("no message\n{}\n")
    told = cli("report", dataset[0].out)
    assert told.returncode == 1
    assert "is damaged in line 1" in told.stderr
    assert dataset[1].report.exists()


@pytest.mark.parametrize("options", [["nowhere"], ["."], ["data", "--unblinded"]])
def test_what_cannot_be_reported_is_one_sentence(cli, dataset, tmp_path, options):
    if options[0] == "data":
        dataset[1].journal.unlink()
    (tmp_path / "empty").mkdir()
    told = cli("report", *options, cwd=tmp_path / "empty" if options[0] == "." else tmp_path)
    assert told.returncode != 0
    assert "Traceback" not in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1


def test_a_finished_run_gets_its_page_by_itself_and_a_page_that_fails_fails_nothing(dataset, capfd):
    dataset[1].report.mkdir()
    ended = [finish_in_background(paths) for paths in dataset]
    for process in ended:
        process.join(60)
    assert [process.exitcode for process in ended] == [0, 0]
    assert BANNER in dataset[0].report.read_text(encoding="utf-8")
    assert dataset[1].events.exists()
    assert capfd.readouterr().err.strip().startswith("The report ")
