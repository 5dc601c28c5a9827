"""The page follows the run in a real browser: late, many, through restarts on either side, and blind."""

from __future__ import annotations

from pathlib import Path

from console_helpers import DRAWN, Console, Engine, free_port, open_page, running_console, wait_drawn
from playwright.sync_api import Browser, Page

from rtfmri.messages import Picture

INK = """kind => {
  const canvas = document.querySelector(`rt-chart[kind=${kind}] canvas`);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
}"""
ALL = "document.querySelector('rt-chart[kind=regions]').ariaLabel"


def test_opened_late_it_has_the_whole_run_and_follows_with_three_browsers(browser: Browser, console: Console, engine: Engine) -> None:
    run = engine.run(1000)
    pages = [open_page(browser, console) for _ in range(3)]
    for page in pages:
        wait_drawn(page, 999)
    engine.go_on(run, 1000, 1010, 0.02)
    for page in pages:
        wait_drawn(page, 1009)
        assert page.evaluate("(async () => (await import('/static/live.js')).live.tables.volumes.length)()") == 1010
    for page in pages:
        page.close()


def test_every_chart_draws_and_tells_its_newest_values_in_words(browser: Browser, console: Console, engine: Engine) -> None:
    engine.run(300)
    page = open_page(browser, console)
    wait_drawn(page, 299)
    kinds = page.eval_on_selector_all("rt-chart", "charts => charts.map(chart => chart.getAttribute('kind'))")
    assert {"regions", "raw", "translation", "rotation", "displacement", "dvars", "tsnr", "latency"} <= set(kinds)
    for kind in kinds:
        assert page.evaluate(INK, kind) > 3, kind
    words = page.evaluate(ALL)
    assert words.startswith("Regions and regulation, % signal change: dlpfc ")
    assert "correlation" not in words
    engine.run(200, measure="correlation", unit="z")
    wait_drawn(page, 199)
    assert "correlation, z (right) " in page.evaluate(ALL)
    page.close()


def test_the_last_minutes_can_be_chosen_from_the_keyboard(browser: Browser, console: Console, engine: Engine) -> None:
    engine.run(900)
    page = open_page(browser, console)
    wait_drawn(page, 899)
    before = _shot(page)
    button = page.locator("rt-span button", has_text="2 min")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('rt-span [aria-pressed=true]').textContent === '2 min'")
    page.wait_for_timeout(100)
    assert _shot(page) != before
    page.close()


def test_the_pointer_tells_the_values_of_a_volume(browser: Browser, console: Console, engine: Engine) -> None:
    engine.run(600)
    page = open_page(browser, console)
    wait_drawn(page, 599)
    page.wait_for_timeout(300)
    before = _shot(page)
    page.hover("rt-chart[kind=regions]", position={"x": 120, "y": 60})
    page.wait_for_timeout(150)
    assert _shot(page) != before
    page.close()


def test_an_engine_that_is_not_heard_is_said_and_another_run_of_the_next_one_goes_on(
    browser: Browser, console: Console, engine: Engine
) -> None:
    engine.run(200)
    page = open_page(browser, console)
    wait_drawn(page, 199)
    engine.stop()
    page.wait_for_function("/not heard/i.test(document.body.innerText)", timeout=20_000)
    engine.start()
    engine.run(40)
    wait_drawn(page, 39)
    page.wait_for_function("!/not heard/i.test(document.body.innerText)", timeout=20_000)
    page.close()


def test_a_console_that_is_restarted_is_followed_again_by_the_open_page(browser: Browser, engine: Engine, tmp_path: Path) -> None:
    run = engine.run(50)
    web_port = free_port()
    with running_console(engine.ports, folder=tmp_path, web_port=web_port) as first:
        page = open_page(browser, first)
        wait_drawn(page, 49)
    page.wait_for_selector("text=This page is cut off from its console", state="visible")
    engine.go_on(run, 50, 60)
    with running_console(engine.ports, folder=tmp_path, web_port=web_port):
        wait_drawn(page, 59, 60)
        engine.go_on(run, 60, 61)
        wait_drawn(page, 60)
        page.wait_for_selector("text=61 of 1200")  # nicegui's part of the page is alive, too
        page.wait_for_selector("text=This page is cut off from its console", state="hidden")
    page.close()
    assert not list(tmp_path.iterdir())  # a console leaves nothing behind


def test_of_a_blind_run_nothing_that_unblinds_reaches_the_browser(browser: Browser, console: Console, engine: Engine) -> None:
    run = engine.run(30, blind=True)
    engine.say(Picture(index=29, what="regulation", path="/hidden/secret.png"))
    with_the_run = open_page(browser, console)
    wait_drawn(with_the_run, 29)  # from here on the console has nothing of the run before
    with_the_run.close()
    page = browser.new_page()
    heard: list[str | bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(frame)))
    page.on("response", lambda response: heard.append(response.body()) if "text/html" in response.headers.get("content-type", "") else None)
    page.add_init_script(DRAWN)
    page.goto(console.address)
    wait_drawn(page, 29)
    engine.go_on(run, 30, 60, 0.02)
    wait_drawn(page, 59)
    all_of_it = " ".join(part if isinstance(part, str) else part.decode("utf-8", "replace") for part in heard)
    assert '"fd":' in all_of_it
    for words in ("dlpfc", "tpj", "0.4242", "secret.png", '"regulation"', "0.3719"):
        assert words not in all_of_it, words
    assert "0.37" not in page.inner_text(".participant")
    page.close()


def _shot(page: Page) -> bytes:
    return page.locator("rt-chart[kind=regions]").screenshot()
