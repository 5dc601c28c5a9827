"""Debian's chromium for every test that looks at a page: one at a time, as playwright allows no second."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

SETTLES_S = 6.0


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's chromium, headless; skips where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--enable-precise-memory-info"])
        try:
            yield browser
        finally:
            browser.close()


def violations(page: Page, **where: Any) -> list[str]:
    """What axe-core finds on a page that has settled: colours fade in, and a busy machine takes its time, so what it finds must last."""
    until_s = time.monotonic() + SETTLES_S
    while True:
        found = Axe().run(page, **where).response["violations"]
        if not found or time.monotonic() > until_s:
            return [f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}" for one in found for node in one["nodes"]]
        page.wait_for_timeout(300)
