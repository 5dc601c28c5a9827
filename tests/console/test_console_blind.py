"""A blind run on the page, and the page for a screen that the participant could see."""

from __future__ import annotations

import json
import re
from pathlib import Path

from console_helpers import Console, Engine, open_page
from playwright.sync_api import Browser, expect

from rtfmri.messages import Picture, Shown


def test_a_blind_run_shows_quality_and_nothing_that_unblinds(engine: Engine, browser: Browser, console: Console, tmp_path: Path) -> None:
    run = engine.run(100, blind=True)
    figure = tmp_path / f"derivatives/rtfmri/sub-07/ses-01/func/figures/sub-07_ses-01_task-nf_run-{run.run:02d}_desc-x_vol-00090.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"\x89PNG\r\n\x1a\n")
    engine.say(
        Picture(index=90, what="regulate", path=str(figure)),
        Shown(display="projector", index=99, state="fresh", value=0.4242, flip_unix_s=0.0),
    )
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    received: list[str] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(str(frame))))
    page.goto(console.address)
    expect(page.locator(".run-about")).to_contain_text("blind", timeout=15_000)
    expect(page.locator("dd", has_text="100 of 1200")).to_be_visible()
    expect(page.get_by_text("Hidden: this run is blind.").filter(visible=True)).to_have_count(4)
    expect(page.locator(".figure", has_text="FD now")).to_contain_text("mm")
    expect(page.locator(".enlarge")).to_be_hidden()
    everything = page.content() + json.dumps(received)
    for secret in ("0.4242", "dlpfc", "value +"):
        assert secret not in everything
    assert "#E69F00" not in page.locator(".glass").inner_html()  # the drawing shows no value
    assert page.request.get(console.address + "picture/regulate").status == 404
    page.close()


def test_the_safe_page_shows_a_state_and_nothing_else(engine: Engine, browser: Browser, console: Console) -> None:
    engine.run(80)
    page = open_page(browser, console, "safe")
    expect(page.locator(".safe-state")).to_have_text("Running", timeout=15_000)
    words = re.sub(r"\s+", " ", page.locator("body").inner_text())
    assert words.replace("●", "").strip() == "Running Research use only. Not a medical device. Not for diagnosis or treatment."
    assert page.locator("button:visible, a:visible, img:visible, canvas:visible").count() == 0
    page.close()
