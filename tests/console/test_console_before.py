"""The page before a run as its operator uses it: real console, real session, real browser; and what it decides, from plain facts."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium_browser import violations
from console_helpers import running_console
from playwright.sync_api import Browser, Page, expect

sys.path.insert(0, str(Path(__file__).parents[1] / "preflight"))

from preflight_facts import prepare_by_hand, study_file

from rtfmri.console.before.choosing import (
    LONGEST_NOTE,
    Choice,
    asked_of,
    override_note,
    problems_of,
    sorted_for_looking,
    why_not_arm,
    why_not_start,
)
from rtfmri.console.launching import Launch, launch
from rtfmri.errors import StudyError
from rtfmri.messages import Operator
from rtfmri.preflight.check import Check
from rtfmri.preparation.prepared import load_prepared
from rtfmri.record.journal import read_journal
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import play
from rtfmri.stream.control import Command, Reply, SessionInfo, ask
from rtfmri.stream.ports import Ports, free_base

SIM_DATA = Path(__file__).parents[2] / "sim_data"
SLOW_MS = 40_000
SETTLED_MS = 500  # a click's ripple is over
INFO = SessionInfo(software="rtfmri 0.1.0", schema_version="1.2", study_file="/s.toml", study="s", out="/out", watch="/w", pid=7)
IDLE = Reply(ok=True, text="", state="idle", session=INFO)
TYPED = Choice("/s.toml", "07", "01", "", "/w", "")
GOOD = (Check("disk", "ok", "fine"),)


# --- what the page decides, from plain facts ---


def test_the_first_thing_that_is_lacking_is_the_reason_why_nothing_can_be_armed() -> None:
    failed = (*GOOD, Check("preparation", "failed", "nobody accepted it"))
    running = IDLE.model_copy(update={"state": "running", "label": "sub-07_run-01"})
    reasons = [
        why_not_arm(Choice(), IDLE, GOOD),
        why_not_arm(Choice("/s.toml"), IDLE, GOOD),
        why_not_arm(TYPED, Reply(ok=False, text="nobody"), GOOD),
        why_not_arm(TYPED, running, GOOD),
        why_not_arm(TYPED, IDLE, None),
        why_not_arm(TYPED, IDLE, failed),
        why_not_arm(TYPED, IDLE, GOOD),
    ]
    parts = ["Choose a study", "is empty", "start it first", "is running", "being made", "Failed: preparation", ""]
    assert all(part in reason for part, reason in zip(parts, reasons, strict=True)), reasons
    assert reasons[-1] == ""


def test_what_is_typed_wrongly_is_said_and_never_sent() -> None:
    wrong = Choice("/s.toml", "sub-07", "01", "1.5", "/w", "99999")
    assert len(problems_of(wrong)) == 3
    asked = asked_of(wrong, Path("/out"), 5560)
    assert asked is not None
    assert (asked.sub, asked.run, asked.listen) == (None, None, None)
    assert asked_of(Choice(), Path("/out"), 5560) is None


def test_a_session_that_runs_decides_over_study_and_inlets() -> None:
    joined = Choice("/other.toml", "07", "02", "3", "/elsewhere", "1").joined(INFO)
    assert joined == Choice("/s.toml", "07", "02", "3", "/w", "")


def test_a_session_is_not_started_where_it_could_not_run() -> None:
    assert why_not_start(Choice("/s.toml"), GOOD) == "Say where the images come from."
    assert why_not_start(TYPED, (Check("ports", "failed", "taken"),)) == "Failed: ports."
    assert why_not_start(TYPED, (Check("preparation", "failed", "not accepted"),)) == "", "that is for arming"


def test_the_record_is_told_what_was_overridden_in_no_more_than_a_command_takes() -> None:
    note = override_note((Check("disk", "warning", "Little is free."),))
    assert note == "armed in spite of a warning: disk: Little is free"
    many = override_note(tuple(Check(f"check {n}", "warning", "x" * 100) for n in range(20)))
    assert len(many) == LONGEST_NOTE
    Command(action="mark", note=many)


def test_what_needs_the_operator_stands_first() -> None:
    checks = [Check(state, state, "") for state in ("ok", "unknown", "failed", "warning")]
    assert [check.state for check in sorted_for_looking(checks)] == ["failed", "warning", "unknown", "ok"]


def test_a_session_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    wanted = Launch(SIM_DATA / "small_study.toml", tmp_path / "out", tmp_path / "gone", None, free_base())
    started = launch(wanted)
    assert f"The folder {tmp_path / 'gone'} is not there" in started.failed
    assert started.log.is_file()
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="cannot be started"):
        launch(Launch(wanted.study_file, tmp_path / "file", None, 11112, wanted.port))


# --- the page itself ---


class Bench:
    """A console with its folders, and the session that its page started."""

    def __init__(self, address: str, folder: Path, ports: Ports) -> None:
        self.address, self.folder, self.ports = address, folder, ports

    @property
    def session(self) -> SessionInfo | None:
        try:
            return ask(self.ports, Command(action="status"), 1.0).session
        except StudyError:
            return None

    def state(self) -> str | None:
        return ask(self.ports, Command(action="status"), 2.0).state


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("before")
    for name in ("studies", "export", "out"):
        (folder / name).mkdir()
    shutil.copy(SIM_DATA / "small_study.toml", folder / "studies")
    shutil.copytree(SIM_DATA / "small", folder / "studies" / "small")
    study_file(folder / "studies")
    prepare_by_hand(folder / "out")
    ports = Ports("127.0.0.1", free_base())
    options = [f"--{name}={folder / where}" for name, where in (("studies", "studies"), ("out", "out"), ("watch", "export"))]
    with running_console(ports, *options, folder=folder) as console:
        opened = Bench(console.address, folder, ports)
        yield opened
    session = opened.session
    if session is not None:  # it lives on without the console
        os.kill(session.pid, signal.SIGTERM)


@pytest.fixture
def page(bench: Bench, browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport={"width": 1280, "height": 720}, reduced_motion="reduce") as context:
        opened = context.new_page()
        opened.set_default_timeout(SLOW_MS)
        opened.goto(f"{bench.address}before")
        yield opened


def choose(page: Page, study: str, sub: str) -> None:
    page.get_by_role("combobox", name="Study").click()
    page.get_by_role("option", name=study).click()
    page.get_by_label("Participant").fill(sub)


def checked(page: Page, name: str, word: str) -> None:
    row = page.locator("li", has=page.locator(".pf-name", has_text=name)).first
    expect(row.locator(".pf-state")).to_contain_text(word, timeout=SLOW_MS)


def found_by_axe(page: Page, within: str = ".nicegui-layout") -> list[str]:
    """Behind a dialog nothing can be reached, so then axe-core is asked ``within`` the dialog."""
    page.wait_for_timeout(SETTLED_MS)
    return violations(page, context={"include": [[within]]})


def test_before_anything_is_chosen_the_button_says_what_is_lacking(page: Page) -> None:
    arm = page.get_by_role("button", name="Arm", exact=True)
    expect(arm).to_be_disabled()
    expect(page.get_by_text("Choose a study.").first).to_be_visible()
    page.get_by_label("Participant").fill("sub-07")
    expect(page.get_by_text("letters and digits").first).to_be_visible()


def test_a_preparation_is_accepted_on_the_page_by_name(page: Page, bench: Bench) -> None:
    choose(page, "compassion.toml", "09")
    checked(page, "preparation", "failed")
    page.get_by_role("button", name="Look and decide").click()
    pictures = page.get_by_role("dialog").get_by_role("img")
    expect(pictures).to_have_count(3)
    assert pictures.first.evaluate("image => image.naturalWidth") == 320
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_text("Accepting needs the name")).to_be_visible()
    assert not found_by_axe(page, ".q-dialog")
    page.get_by_label("Your name").fill("A. Operator")
    page.get_by_role("button", name="Accept").click()
    checked(page, "preparation", "ok")
    path = bench.folder / "out" / "derivatives" / "rtfmri" / "sub-09" / "ses-01" / "anat" / "sub-09_ses-01_desc-preparation.json"
    assert load_prepared(path).accepted_by == "A. Operator"
    expect(page.get_by_text("No session runs: start it first.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_everybody_can_use_the_page(page: Page, scheme: str, size: tuple[int, int]) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    choose(page, "small_study.toml", "07")
    checked(page, "regions", "ok")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert not found_by_axe(page)


def test_an_operator_checks_starts_arms_and_overrides_with_the_keyboard_alone(page: Page, bench: Bench, small_run: Rendering) -> None:
    choose(page, "small_study.toml", "07")
    checked(page, "ports", "ok")
    start = page.get_by_role("button", name="Start the session")
    expect(start).to_be_enabled()
    tab_to(page, "Start the session")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Joined: small")).to_be_visible(timeout=SLOW_MS)
    session = bench.session
    assert session is not None
    assert os.getpgid(session.pid) == session.pid, "a process group of its own: a Ctrl-C at the console is not the session's"
    expect(page.get_by_role("button", name="Arm sub-07_ses-01_task-small_run-01")).to_be_enabled(timeout=SLOW_MS)
    checked(page, "display", "look")
    tab_to(page, "Arm sub-07")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_text("No display is connected.")).to_be_visible()
    assert not found_by_axe(page, ".q-dialog")
    tab_to(page, "Arm all the same")
    page.keyboard.press("Enter")
    page.wait_for_url(bench.address, timeout=SLOW_MS)
    until(lambda: bench.state() == "armed")
    play(small_run.folder, bench.folder / "export", 1.0, speed=40)
    until(lambda: bench.state() == "idle")
    marks = [e.message for e in read_journal(journal(bench)) if isinstance(e.message, Operator) and e.message.action == "mark"]
    assert len(marks) == 1
    assert "armed in spite of" in marks[0].note
    assert "No display is connected" in marks[0].note


def test_the_next_run_is_proposed_and_its_regions_are_shown_on_the_newest_volume(page: Page, bench: Bench) -> None:
    expect(page.get_by_label("Participant")).to_have_value("07")
    expect(page.get_by_role("button", name="Arm sub-07_ses-01_task-small_run-02")).to_be_enabled(timeout=SLOW_MS)
    checked(page, "reference fits", "ok")
    page.get_by_role("button", name="Look: left and right").click()
    picture = page.get_by_role("dialog").get_by_role("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 200
    page.keyboard.press("Escape")
    page.get_by_label("Run", exact=True).fill("1")
    checked(page, "run", "failed")
    expect(page.get_by_role("button", name="Arm").first).to_be_disabled()


def journal(bench: Bench) -> Path:
    return next((bench.folder / "out").rglob("*sub-07*run-01_journal.jsonl"))


def tab_to(page: Page, words: str) -> None:
    """Press Tab until the button of these words has the focus."""
    for _ in range(60):
        if page.evaluate("document.activeElement.innerText || ''").startswith(words):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {words}")


def until(done: Callable[[], bool], within_s: float = 60.0) -> None:
    end_s = time.monotonic() + within_s
    while not done():
        assert time.monotonic() < end_s, "not in time"
        time.sleep(0.1)
