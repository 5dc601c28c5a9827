"""`rtfmri demo` with the small scenario: every part a real process, a real window, and a verdict that can be bad."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bids_validator import bids_errors

from rtfmri.cli.judging import complaints, correlation_with_truth, values_in_time
from rtfmri.messages import Confirmed, DisplayReport, Envelope, Published, RunStart, Shown, VolumeMessage, decode
from rtfmri.record.journal import read_journal
from rtfmri.record.summary import Summary, of_kind, summarise

Cli = Any
SIM_DATA = Path(__file__).parents[2] / "sim_data"
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.display
@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
def test_a_whole_session_runs_and_everything_is_as_it_should_be(cli: Cli, tmp_path: Path) -> None:
    done = cli("demo", "--scenario", SIM_DATA / "small_scenario.toml", "--out", tmp_path, DISPLAY="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("All values of all 64 volumes are bit-identical.") == 2
    assert "Everything was as it should be." in done.stdout
    (journal,) = tmp_path.rglob("*_journal.jsonl")
    envelopes = read_journal(journal)
    assert len(of_kind(envelopes, VolumeMessage)) == len(of_kind(envelopes, Published)) == 64
    assert any(shown.value is not None and shown.clock_offset_s is not None for shown in of_kind(envelopes, Shown))
    assert "by the scanner's pulses" in " ".join(done.stdout.split()), "the display was locked to the simulated trigger"
    assert of_kind(envelopes, DisplayReport)[-1].zero_from == "trigger"
    assert len(list(tmp_path.rglob("screenshots/*fresh.png"))) > 0
    for description in tmp_path.rglob("dataset_description.json"):
        assert bids_errors(description.parent) == []


def a_summary(**changes: Any) -> Summary:
    kinds = ("run_start", "confirmed", "volume", "published", "shown", "run_stop")
    summary = summarise([decode((GOLDEN / f"1.0_{kind}.json").read_bytes()) for kind in kinds])
    return Summary(**{**vars(summary), "received": 75, "published": 75, "to_show": 40, "shown": 39, **changes})


def test_a_good_run_gets_no_complaint() -> None:
    assert complaints(a_summary(), 75, 0.9, to_show=40) == []


@pytest.mark.parametrize(
    ("changes", "correlation", "said"),
    [
        ({"received": 74, "published": 74}, 0.9, "The scanner wrote 75 volumes, 74 were received."),
        ({"published": 70}, 0.9, "75 volumes were received, 70 published."),
        ({"shown": 20}, 0.9, "40 volumes had a value for the participant in time, 20 were on the glass."),
        ({"stop": None}, 0.9, "did not come to its planned end"),
        ({}, 0.69, "should be at least 0.7; it is 0.69"),
        ({}, None, "there is none"),
    ],
)
def test_whatever_was_not_as_it_should_be_is_said(changes: dict[str, Any], correlation: float | None, said: str) -> None:
    (sentence,) = complaints(a_summary(**changes), 75, correlation, to_show=40)
    assert said in sentence


def test_the_value_of_a_blocks_last_volume_comes_too_late_for_a_display_locked_to_the_scanner() -> None:
    start, confirmed = (decode((GOLDEN / f"1.0_{kind}.json").read_bytes()).message for kind in ("run_start", "confirmed"))
    assert isinstance(start, RunStart)
    assert isinstance(confirmed, Confirmed)
    number = next(n for n, block in enumerate(confirmed.blocks) if block.role == "regulate")
    volumes = [VolumeMessage(index=i, condition="x", block=number, validity="ok", feedback=0.1) for i in range(10)]
    after = VolumeMessage(index=10, condition="rest", block=number + 1, validity="ok", feedback=0.1)
    continuous = start.model_copy(update={"display": start.display.model_copy(update={"feedback": "continuous"})})
    said = [Envelope(run_uid="u", seq=n, sent_unix_s=0.0, message=m) for n, m in enumerate([continuous, confirmed, *volumes, after])]
    assert values_in_time(said) == 9


def test_without_a_display_nothing_need_be_shown() -> None:
    assert complaints(a_summary(shown=0), 75, 0.9, to_show=0) == []


def test_only_sound_values_are_compared_with_the_truth() -> None:
    truth = np.linspace(0, 1, 10)

    def volume(index: int, regulation: float, validity: Any) -> Envelope:
        message = VolumeMessage(index=index, condition="rest", block=0, validity=validity, regulation=regulation)
        return Envelope(run_uid="u", seq=index, sent_unix_s=0.0, message=message)

    sound = [volume(i, float(truth[i]), "ok") for i in range(9)]
    assert correlation_with_truth([*sound, volume(9, -50.0, "settling")], truth) == pytest.approx(1.0)
    assert correlation_with_truth(sound[:2], truth) is None
