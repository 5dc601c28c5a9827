"""What every page of the console has around it: what it is, where one is, the theme, and what it is not for.

Conventions: the three phases are three addresses; the theme follows the system until it is switched, and the browser remembers it
(``static/console.js``). The header is redrawn only when the run or what is heard changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from nicegui import ui

from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.elements import Tag
from rtfmri.console.story import Story

Phase = Literal["before", "during", "after"]
PHASES: tuple[tuple[Phase, str, str], ...] = (
    ("before", "/before", "1 Before"),
    ("during", "/", "2 During"),
    ("after", "/after", "3 After"),
)
BANNER = "Research use only. Not a medical device. Not for diagnosis or treatment."
HEAD = '<link rel="stylesheet" href="/static/console.css"><script type="module" src="/static/console.js"></script>'


def load() -> None:
    """The console's own look and keys; once a page."""
    ui.add_head_html(HEAD)


@contextmanager
def frame(page: PageContext, phase: Phase) -> Iterator[None]:
    """Build a page's own content inside: ``with frame(page, "before"): ...``."""
    load()
    Tag("a", "Skip to the content", "skip", href="#content")
    with Tag("div", "", f"console console-{phase}"):
        with Tag("header", "", "top"):
            _header(page, phase)
        with Tag("div", "", "content", id="content", tabindex="-1"):
            yield
        Tag("footer", BANNER, "banner")


def _header(page: PageContext, phase: Phase) -> None:
    Tag("span", "rtfmri", "brand")
    with Tag("nav", "", "phases", aria_label="Phases of the session"):
        for name, address, words in PHASES:
            Tag("a", words, "phase", href=address, aria_current="page" if name == phase else None)
    title = Tag("h1", "No run", "run-name")
    about = Tag("span", "", "run-about")
    engine = Tag("span", "", "engine")
    Tag("button", "Theme: system", "quiet theme", type="button", id="theme", title="Light, dark, or as the system has it")

    def redraw(story: Story, hearing: Hearing) -> None:
        name, details = name_of(story)
        title.say(name)
        about.say(details)
        engine.say("● engine heard" if hearing.heard else "✕ engine not heard")
        engine.look("engine" if hearing.heard else "engine engine-lost")

    page.on_change(redraw)


def name_of(story: Story) -> tuple[str, str]:
    """The run in words, and what kind it is."""
    start = story.start
    if start is None:
        return "No run yet", ""
    entities = start.entities
    name = f"sub-{entities.sub} · ses-{entities.ses} · run-{entities.run:02d}"
    kind = start.run_kind.replace("_", " ")
    return name, f"{start.study} · {kind}" + (" · blind" if start.blind else "")
