"""The operator's hand: a real session, a real console, a real browser; what was said stands in the run's journal."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from console_helpers import Console, open_page, running_console
from playwright.sync_api import Browser, Page, expect

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Operator, RunStop
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.stream.control import Command, Reply, ask
from rtfmri.stream.ports import Ports, free_base

SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
WITHIN_S = 60.0


@dataclass(frozen=True)
class Session:
    """``rtfmri run``, idle until a test arms it."""

    ports: Ports
    out: Path

    def arm(self, run: int) -> Reply:
        return ask(self.ports, Command(action="arm", sub="07", run=run), WITHIN_S)

    def said(self, run: int) -> list[tuple[str, str]]:
        """What the record holds as the operator's words."""
        journal = RunPaths(self.out, Entities(sub="07", task="small", run=run)).journal
        return [(e.message.action, e.message.note) for e in read_journal(journal) if isinstance(e.message, Operator)]

    def stops(self, run: int) -> list[RunStop]:
        journal = RunPaths(self.out, Entities(sub="07", task="small", run=run)).journal
        return [e.message for e in read_journal(journal) if isinstance(e.message, RunStop)]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("session")
    (folder / "export").mkdir()
    ports = Ports("127.0.0.1", free_base())
    command = [sys.executable, "-m", "rtfmri", "run", str(SMALL), "--watch", str(folder / "export"), "--out", str(folder / "out")]
    process = subprocess.Popen([*command, "--port", str(ports.base), "--no-status"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(ports)
        yield Session(ports, folder / "out")
    finally:
        process.kill()
        process.wait()


def _wait_until_it_answers(ports: Ports) -> None:
    until_s = time.monotonic() + WITHIN_S
    while time.monotonic() < until_s:
        try:
            ask(ports, Command(action="status"), 0.5)
            return
        except StudyError:
            continue
    raise AssertionError("the session did not come up")


@pytest.fixture(scope="module")
def their_console(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(session.ports, folder=tmp_path_factory.mktemp("their-console")) as console:
        yield console


@pytest.fixture
def page(browser: Browser, their_console: Console) -> Iterator[Page]:
    page = open_page(browser, their_console)
    yield page
    page.close()


def test_without_a_run_the_way_to_arm_is_open_and_nothing_else(session: Session, page: Page) -> None:
    expect(page.locator("#state")).to_have_text("No run is armed", timeout=20_000)
    expect(page.locator("button[data-key=p]")).to_be_disabled()
    page.keyboard.press("s")
    expect(page.locator("#dialog-stop")).to_be_hidden()
    page.keyboard.press("a")
    page.wait_for_url("**/before")


def test_each_word_reaches_the_record_and_the_buttons_follow(session: Session, page: Page) -> None:
    assert session.arm(1).ok
    expect(page.locator("#state")).to_have_text("Armed", timeout=20_000)
    pause, answer = page.locator("button[data-key=p]"), page.locator("#answer")
    pause.click()
    expect(answer).to_contain_text("pause: done")
    expect(pause).to_contain_text("Resume screen")
    expect(page.locator("#state")).to_have_text("Participant's screen is paused")
    page.keyboard.press("p")
    expect(pause).to_contain_text("Pause screen")
    page.keyboard.press("b")
    expect(page.locator("button[data-key=b]")).to_contain_text("Show screen")
    page.keyboard.press("b")
    expect(page.locator("button[data-key=b]")).to_contain_text("Blank screen")
    page.keyboard.press("c")
    expect(page.locator("button[data-key=c]")).to_contain_text("End set-up card")
    page.keyboard.press("c")
    expect(page.locator("button[data-key=c]")).to_contain_text("Set-up card")
    said = [action for action, _ in session.said(1)]
    assert said[-6:] == ["pause", "resume", "blank", "unblank", "card", "uncard"]


def test_a_mark_takes_a_note_and_its_letters_are_no_shortcuts(session: Session, page: Page) -> None:
    expect(page.locator("#state")).to_have_text("Armed", timeout=20_000)
    page.keyboard.press("m")
    expect(page.locator("#note")).to_be_focused()
    page.keyboard.type("cough, spoke <b>p</b>")
    page.keyboard.press("Enter")
    expect(page.locator("#dialog-mark")).to_be_hidden()
    expect(page.locator("#events .event").first).to_contain_text("Marked: cough, spoke <b>p</b>")
    assert session.said(1)[-1] == ("mark", "cough, spoke <b>p</b>")
    page.keyboard.press("m")
    expect(page.locator("#note")).to_have_value("")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog-mark")).to_be_hidden()


def test_stop_asks_first_and_the_safe_answer_has_the_focus(session: Session, page: Page) -> None:
    expect(page.locator("#state")).to_have_text("Armed", timeout=20_000)
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="Go on with the run")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#dialog-stop")).to_be_hidden()
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    expect(page.locator("#dialog-stop")).to_be_hidden()
    assert session.stops(1) == []
    page.keyboard.press("s")
    page.get_by_role("button", name="Stop the run").click()
    expect(page.locator("#state")).to_have_text("Run stopped", timeout=20_000)
    assert [stop.exit_status for stop in session.stops(1)] == ["stopped"]


def test_what_the_session_refuses_is_told(session: Session, page: Page) -> None:
    assert session.arm(2).ok
    expect(page.locator("#state")).to_have_text("Armed", timeout=20_000)
    page.evaluate("window.socket.io.opts.reconnection")  # the page is connected
    page.keyboard.press("s")  # asked while the run is still open
    assert ask(session.ports, Command(action="stop"), WITHIN_S).ok  # another operator was faster
    page.locator("#stop-now").click()
    expect(page.locator("#answer")).to_contain_text("Refused: No run is armed", timeout=20_000)
