"""No page of the console asks anything of another address than its own, and none is let to."""

from __future__ import annotations

import pytest
from console_helpers import Console, Engine, wait_drawn
from playwright.sync_api import Browser, Route

from rtfmri.console.pages import PAGES


@pytest.mark.parametrize("path", [page.path for page in PAGES])
def test_nothing_outside_is_asked_for(path: str, browser: Browser, console: Console, engine: Engine) -> None:
    engine.run(30)
    context = browser.new_context()
    asked: list[str] = []
    refused: list[str] = []
    problems: list[str] = []

    def judge(route: Route) -> None:
        asked.append(route.request.url)
        if route.request.url.startswith((console.address, "data:", "blob:")):
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    context.route("**/*", judge)
    page = context.new_page()
    page.on("websocket", lambda socket: asked.append(socket.url))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("response", lambda response: problems.append(response.url) if response.status >= 400 else None)
    page.add_init_script("document.addEventListener('rtfmri-drawn', e => { window.drawn = e.detail; })")
    page.goto(console.address.rstrip("/") + path)
    page.wait_for_load_state("networkidle") if path != "/" else wait_drawn(page, 29)
    page.wait_for_timeout(500)
    host = console.address.removeprefix("http://")
    assert refused == []
    assert all(url.startswith((console.address, f"ws://{host}", "data:", "blob:")) for url in asked), asked
    assert problems == []
    context.close()


def test_the_browser_is_told_to_refuse_what_lies_outside(browser: Browser, console: Console) -> None:
    page = browser.new_page()
    page.goto(console.address)
    blocked = page.evaluate(
        """() => new Promise(done => {
          document.addEventListener('securitypolicyviolation', e => done(e.violatedDirective));
          const picture = new Image();
          picture.src = 'http://192.0.2.1/outside.png';
          setTimeout(() => done('let through'), 3000);
        })"""
    )
    assert blocked == "img-src"
    page.close()
