"""The page after a run: what it says of a record, from plain messages, and in a real browser after a real run."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from chromium_browser import violations
from console_helpers import running_console
from playwright.sync_api import Browser, Page, expect

from rtfmri.console.after import tables
from rtfmri.console.after.outcome import (
    Outcome,
    block_rows,
    latency_rows,
    limits_words,
    motion_rows,
    outcome_of,
    rating_rows,
    report_of,
)
from rtfmri.console.after.reporting import made_report
from rtfmri.console.launching import Launch, launch
from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Rating
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.record.summary import score_by_condition
from rtfmri.record.verdict import verdict
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import play
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports, free_base

SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
SLOW_MS = 40_000


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, small_run: Rendering) -> Iterator[tuple[Ports, RunPaths]]:
    """A session that has recorded one run, and is idle again."""
    folder = tmp_path_factory.mktemp("after")
    (folder / "export").mkdir()
    ports = Ports("127.0.0.1", free_base())
    started = launch(Launch(SMALL, folder / "out", folder / "export", None, ports.base))
    assert not started.failed
    try:
        assert ask(ports, Command(action="arm", sub="07"), 60.0).ok
        play(small_run.folder, folder / "export", 1.0, speed=40)
        end_s = time.monotonic() + 60
        while ask(ports, Command(action="status"), 5.0).state != "idle":
            assert time.monotonic() < end_s, "the run did not end"
            time.sleep(0.1)
        yield ports, RunPaths(folder / "out", Entities(sub="07", task="small", run=1))
    finally:
        os.kill(started.pid, signal.SIGTERM)


@pytest.fixture(scope="module")
def outcome(session: tuple[Ports, RunPaths]) -> Outcome:
    return outcome_of(read_journal(session[1].journal))


def test_page_and_report_say_the_same_verdict(session: tuple[Ports, RunPaths], outcome: Outcome) -> None:
    judged = verdict(read_journal(session[1].journal))
    assert outcome.verdict == judged
    assert outcome.label == "sub-07_ses-01_task-small_run-01"
    assert "20%" in limits_words()


def test_blocks_are_told_with_their_standard_error_and_mean(outcome: Outcome) -> None:
    rows = block_rows(outcome)
    assert [row[0] for row in rows] == ["3  self compassion", "5  self compassion", "mean, self compassion"]
    (mean,) = score_by_condition(outcome.summary.blocks)
    assert rows[-1][1] == f"{mean.mean:+.2f}".replace("-", "−")
    assert all(re.fullmatch(r"\d+\.\d\d", row[2]) for row in rows)


def test_motion_is_told_by_condition_and_latency_against_the_tr(outcome: Outcome) -> None:
    motion = {row[0]: row for row in motion_rows(outcome)}
    assert motion["self compassion"][1] == "24"
    assert motion["rest"][1] == "36"
    total = latency_rows(outcome)[-1]
    assert total[0] == "total"
    assert total[4] == f"{outcome.summary.latency_ms['total'].p95 / 1000:.1%}"
    assert latency_rows(replace(outcome, tr_s=None))[-1][4] == "–"


def test_an_answer_that_was_not_given_is_told_as_that(outcome: Outcome) -> None:
    fields = {"display": "d", "scale": "self_kindness", "start": 5.0, "response_s": None, "asked_unix_s": 0.0}
    answers = (Rating(value=None, block=4, **fields), Rating(value=7.0, **fields))
    assert rating_rows(replace(outcome, ratings=answers)) == [
        ("self kindness", "block 5", "no answer"),
        ("self kindness", "at the end", "7"),
    ]


def test_nothing_recorded_is_a_verdict_too() -> None:
    empty = outcome_of(())
    assert empty.verdict.grade == "poor"
    assert (block_rows(empty), motion_rows(empty), latency_rows(empty)) == ([], [], [])


def test_a_report_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="could not be made"):
        made_report(RunPaths(tmp_path, Entities(sub="07", task="small")))


@pytest.fixture(scope="module")
def page(session: tuple[Ports, RunPaths], browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with (
        running_console(session[0], folder=tmp_path_factory.mktemp("console")) as console,
        browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce") as context,
    ):
        opened = context.new_page()
        opened.set_default_timeout(SLOW_MS)
        opened.goto(f"{console.address}after")
        yield opened


def test_a_console_opened_after_the_run_tells_what_it_came_to(page: Page, outcome: Outcome, session: tuple[Ports, RunPaths]) -> None:
    expect(page.get_by_label("verdict")).to_contain_text(outcome.verdict.sentence, timeout=SLOW_MS)
    expect(page.get_by_label("verdict")).to_contain_text(str(session[1].folder))
    for finding in outcome.verdict.findings:
        expect(page.get_by_text(finding.sentence, exact=True)).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("mean, self compassion"))).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    expect(page.get_by_label("verdict")).to_be_visible(timeout=SLOW_MS)
    page.wait_for_timeout(300)
    assert violations(page, context={"exclude": [["#q-loading-bar"]]}) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_report_opens_in_the_browser(page: Page, session: tuple[Ports, RunPaths]) -> None:
    with page.context.expect_page(timeout=SLOW_MS) as opening:
        page.get_by_role("button", name="Report").click()
    report = opening.value
    report.wait_for_load_state()
    assert "sub-07" in report.title()
    assert report_of(session[1]) is not None
    report.close()


def test_the_next_run_is_one_click_away(page: Page) -> None:
    page.get_by_role("button", name="Next run: sub-07_ses-01_task-small_run-02").click()
    page.wait_for_url(re.compile("/before$"))
    expect(page.get_by_label("Participant")).to_have_value("07")


def test_a_blind_run_shows_no_regulation(outcome: Outcome) -> None:
    assert "blind" in tables.SEALED
    assert tables.regulation_rows(replace(outcome, blind=True)) == []
    assert tables.regulation_rows(outcome)
