"""The report in a real browser: nothing is asked of the network, every theme is accessible, paper gets all of it."""

from __future__ import annotations

import pytest
from report_makers import a_record, a_run

from rtfmri.record.recorded import RecordedRun
from rtfmri.record.report.writing import write_report


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    paths = a_record(tmp_path_factory.mktemp("record"), a_run())
    moved = tmp_path_factory.mktemp("stick") / "page.html"
    moved.write_bytes(write_report(RecordedRun.open(paths.journal)).read_bytes())
    return moved.as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_asks_for_nothing(browser, address, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = browser.new_page(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(address)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_the_page_prints_on_a4_without_cutting_anything_off(browser, address, tmp_path):
    page = browser.new_page()
    page.goto(address)
    page.emulate_media(media="print", color_scheme="dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.set_viewport_size({"width": 688, "height": 1000})  # A4 without its margins, 96 dots to the inch
    wide = page.evaluate("[...document.querySelectorAll('table,svg,pre')].filter(e => e.getBoundingClientRect().right > 690).length")
    printed = page.pdf(path=str(tmp_path / "page.pdf"), prefer_css_page_size=True)
    page.close()
    assert ground == "rgb(255, 255, 255)"
    assert wide == 0
    assert (tmp_path / "page.pdf").read_bytes() == printed
    assert pytest.approx(_page_width(printed), abs=1) == 595


def _page_width(pdf: bytes) -> float:
    """Points, of the first page."""
    box = pdf.partition(b"/MediaBox")[2].partition(b"[")[2].partition(b"]")[0].split()
    return float(box[2])
