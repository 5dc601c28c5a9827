"""The pages for everybody: axe's rules in both themes, the keyboard alone, both sizes, less motion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from chromium_browser import violations
from console_helpers import Console, Engine, open_page
from playwright.sync_api import Browser, expect

from rtfmri.console.during.headline import Tone
from rtfmri.messages import Fault, RunStop

PHASES = ("", "before", "after", "safe")
SIZES = ((1280, 720), (1920, 1080))
TONES = get_args(Tone)
PARTS = ("#headline", ".progress", ".figures", ".charts", ".brain", ".participant", ".events-panel", ".controls", ".banner")
READY = ".console, .safe"
FOCUSED = """() => {
  const element = document.activeElement;
  const name = element === document.body ? "BODY" : element.id.replace(/^c\\d+$/, "") || element.innerText.trim() || element.tagName;
  return [getComputedStyle(element).outlineStyle, name];
}"""


@pytest.fixture(scope="module")
def fault(engine: Engine) -> Iterator[Engine]:
    """A run in which everything that has a colour is on the page."""
    run = engine.run(60)
    engine.say(
        Fault(code="moved", severity="warning", text="The head moved.", advice="Ask them to lie still."),
        Fault(code="journal_unwritable", severity="error", text="The record cannot be written.", advice="Free space."),
    )
    yield engine
    engine.say(run.stop(0.0))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PHASES)
def test_axe_finds_nothing_on_any_page_in_either_theme(fault: Engine, browser: Browser, console: Console, path: str, scheme: str) -> None:
    page = open_page(browser, console, path, color_scheme=scheme)
    page.wait_for_selector(READY)
    page.wait_for_selector(f"body.body--{scheme}")
    page.wait_for_timeout(600)
    assert violations(page) == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_tone_of_the_headline_is_readable(fault: Engine, browser: Browser, console: Console, scheme: str) -> None:
    """Contrasts alone: the same page with the headline in each of its colours, the counter late."""
    page = open_page(browser, console, color_scheme=scheme, reduced_motion="reduce")
    page.wait_for_selector(f"body.body--{scheme} .since[data-late]")
    for tone in TONES:
        page.evaluate("tone => { document.getElementById('headline').className = 'headline ' + tone }", tone)
        assert violations(page, context="#headline", options={"runOnly": ["color-contrast"]}) == []
    page.close()


@pytest.mark.parametrize("path", PHASES)
def test_nothing_is_cut_off_at_either_size(fault: Engine, browser: Browser, console: Console, path: str) -> None:
    page = open_page(browser, console, path)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_selector(READY)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        if path == "":  # all that matters during a run, without scrolling
            assert page.evaluate("document.documentElement.scrollHeight") <= height
            for part in PARTS:
                box = page.locator(part).bounding_box()
                assert box is not None
                assert box["y"] + box["height"] <= height
                assert box["height"] > 15
    page.close()


def test_the_page_is_worked_by_keyboard_alone_and_the_focus_is_seen(fault: Engine, browser: Browser, console: Console) -> None:
    page = open_page(browser, console)
    expect(page.locator("button[data-key=p]")).to_be_enabled(timeout=15_000)
    seen: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        outline, name = page.evaluate(FOCUSED)
        if name == "BODY":  # on to the browser's own buttons
            break
        if name in seen:
            break
        assert outline != "none", f"the focus on {name} is not seen"
        seen.append(name)
    wanted = ("Skip to the content", "1 Before", "3 After", "theme", "seen", "events", "Pause screen\nP", "Mark…\nM", "Stop run…\nS")
    assert [name for name in seen if name in wanted] == list(wanted), seen
    page.close()


def test_the_theme_is_switched_and_remembered(fault: Engine, browser: Browser, console: Console) -> None:
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(console.address)
    page.wait_for_selector("body.body--light")
    theme = page.locator("#theme")
    expect(theme).to_have_text("Theme: system")
    theme.click()
    theme.click()
    expect(theme).to_have_text("Theme: dark")
    page.goto(console.address + "safe")
    page.wait_for_selector("body.body--dark")
    context.close()


def test_less_motion_is_obeyed(fault: Engine, browser: Browser, console: Console) -> None:
    page = open_page(browser, console, reduced_motion="reduce")
    page.wait_for_selector(".mark", state="attached")
    assert page.evaluate("getComputedStyle(document.querySelector('.mark')).transitionDuration") == "0s"
    page.close()


def test_no_bar_runs_over_the_page_while_something_is_fetched(fault: Engine, browser: Browser, console: Console) -> None:
    """Quasar's own bar has no name for who listens to the page, and tells who looks at it nothing."""
    page = open_page(browser, console)
    page.wait_for_selector(READY)
    page.evaluate("() => { const request = new XMLHttpRequest(); request.open('GET', location.href); request.send(); }")
    page.wait_for_timeout(100)
    assert page.evaluate("getComputedStyle(document.querySelector('.q-loading-bar')).opacity") == "0"
    page.close()


def test_faults_are_spoken_and_the_state_is_told_politely(fault: Engine, browser: Browser, console: Console) -> None:
    page = open_page(browser, console)
    expect(page.locator("[role=alert].spoken")).to_contain_text("The record cannot be written. Free space.", timeout=15_000)
    expect(page.locator("[role=status] #state")).to_have_count(1)
    page.close()


def test_the_end_of_a_run_is_readable_too(engine: Engine, browser: Browser, console: Console) -> None:
    engine.run(60)
    engine.say(RunStop(exit_status="failed", reason="an error", counts={}, stopped_unix_s=0.0))
    page = open_page(browser, console)
    expect(page.locator("#state")).to_have_text("Run failed", timeout=15_000)
    assert violations(page) == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_dialogs_are_accessible_and_escape_gives_the_focus_back(
    engine: Engine, browser: Browser, console: Console, scheme: str
) -> None:
    engine.run(60)
    page = open_page(browser, console, color_scheme=scheme)
    expect(page.locator("button[data-key=m]")).to_be_enabled(timeout=15_000)
    for key, dialog in (("m", "#dialog-mark"), ("s", "#dialog-stop")):
        page.keyboard.press(key)
        expect(page.locator(dialog)).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        expect(page.locator(dialog)).to_be_hidden()
        expect(page.locator(f"button[data-key={key}]")).to_be_focused()
    page.close()
