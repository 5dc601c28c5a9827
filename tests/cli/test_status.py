"""The operator's status in the terminal: what it holds after each message, and that it says it in a line."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from rtfmri.cli.status import draw
from rtfmri.console.story import Story, after, percentile
from rtfmri.messages import Envelope, Fault, RunStart, VolumeMessage, decode

GOLDEN = Path(__file__).parents[1] / "golden"


def golden(kind: str) -> Envelope:
    return decode((GOLDEN / f"1.0_{kind}.json").read_bytes())


def after_all(*kinds: str) -> Story:
    story = Story()
    for kind in kinds:
        story = after(story, golden(kind))
    return story


def lines(story: Story, width: int = 100) -> list[str]:
    console = Console(width=width, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115  (the console's own for its life)
    console.print(draw(story))
    console.file.close()
    return console.export_text().splitlines()


def test_before_a_run_it_waits() -> None:
    assert "Waiting for a run to be armed" in lines(Story())[1]


def test_an_armed_run_waits_for_the_scanner() -> None:
    assert "Waiting for the first volume" in "".join(lines(after_all("run_start")))


def test_a_volume_shows_number_block_trust_motion_latency_and_both_regions() -> None:
    text = "\n".join(lines(after_all("run_start", "confirmed", "volume", "published", "shown")))
    for words in (
        "volume 41 of 75",
        "self compassion",
        "● ok",
        "latency 11 ms",
        "FD 0.08 mm",
        "dlpfc",
        "+0.50 ± 0.20 %",
        "tpj",
        "glass: fresh",
    ):
        assert words in text, text


def test_a_fault_is_shown_with_what_to_do() -> None:
    text = "\n".join(lines(after_all("run_start", "fault")))
    assert "No volume for 10 s. Is the scanner still running?" in text


def test_only_the_newest_faults_are_drawn() -> None:
    story = after_all("run_start")
    envelope = golden("fault")
    assert isinstance(envelope.message, Fault)
    for number in range(20):
        story = after(story, envelope.model_copy(update={"message": envelope.message.model_copy(update={"text": f"fault {number}"})}))
    text = "\n".join(lines(story))
    assert [number for number in range(20) if f"fault {number} " in text] == [16, 17, 18, 19]


def test_the_end_says_how_it_ended() -> None:
    assert "Run completed: the last planned volume came." in "\n".join(lines(after_all("run_start", "volume", "run_stop")))


def test_the_next_run_starts_from_nothing() -> None:
    story = after(after_all("run_start", "volume", "run_stop"), golden("run_start"))
    assert isinstance(story.start, RunStart)
    assert (story.volume, story.stop, story.totals_ms) == (None, None, ())


@pytest.mark.parametrize("width", [80, 100, 140])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    story = after_all("run_start", "confirmed", "volume", "published", "shown", "fault")
    assert max(map(len, lines(story, width))) <= width


def test_a_missing_volume_leaves_the_regions_out() -> None:
    story = after_all("run_start", "confirmed")
    envelope = golden("volume")
    assert isinstance(envelope.message, VolumeMessage)
    missing = VolumeMessage(index=41, condition="rest", block=1, validity="missing", why="it never came")
    text = "\n".join(lines(after(story, envelope.model_copy(update={"message": missing}))))
    assert "✕ missing" in text
    assert "it never came" in text


@pytest.mark.parametrize(("values", "percent", "found"), [((), 50, None), ((3.0,), 95, 3.0), (tuple(map(float, range(100))), 95, 95.0)])
def test_percentiles_are_by_nearest_rank(values: tuple[float, ...], percent: float, found: float | None) -> None:
    assert percentile(values, percent) == found
