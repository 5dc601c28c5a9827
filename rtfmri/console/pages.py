"""Which page is where: a path, a title, and the module that builds it with ``build(page)``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtfmri.console import after_page, before_page, during_page, safe_page
from rtfmri.console.context import PageContext


@dataclass(frozen=True)
class Page:
    path: str
    title: str
    build: Callable[[PageContext], None]


PAGES = (
    Page("/", "Run", during_page.build),
    Page("/before", "Before the run", before_page.build),
    Page("/after", "After the run", after_page.build),
    Page("/safe", "State", safe_page.build),  # for a screen that the participant could see
)
