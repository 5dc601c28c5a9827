"""The panel that says what the participant sees, whether their display is there, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass

from nicegui import ui

from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.during.glass import Glass, glass, last_rating
from rtfmri.console.elements import Tag, heading
from rtfmri.console.story import Story
from rtfmri.messages import DisplayReport

ASK_EVERY_S = 3.0


@dataclass
class Displays:
    """Those that the session has heard in the last seconds; it is asked, as a display that went away sends nothing."""

    heard: tuple[DisplayReport, ...] = ()


def build_screen(page: PageContext) -> None:
    displays = Displays()
    with Tag("section", "", "panel participant", aria_labelledby="participant-title"):
        with Tag("div", "", "panel-head"):
            heading("Participant sees", id="participant-title")
        with Tag("div", "", "glass-row"):
            drawn = ui.html("", sanitize=False).classes("glass")  # numbers only, made by glass.py
            with Tag("div", "", "glass-words"):
                seen, value = Tag("p", "", "seen"), Tag("p", "", "value")
                connection, clock, problem = Tag("p", "", "connection"), Tag("p", "", "connection"), Tag("p", "", "problem")

    def show(now: Glass, rated: str) -> None:
        if drawn.content != now.drawing:
            drawn.set_content(now.drawing)
        seen.say(now.seen)
        value.say(" · ".join(part for part in (now.value, rated) if part))
        clock.say(now.clock)
        connection.say(now.display)
        problem.say(f"▲ {now.problem}" if now.problem else "")

    def redraw(story: Story, hearing: Hearing) -> None:
        show(glass(story, displays.heard), last_rating(story.events))

    async def ask() -> None:
        displays.heard = (await page.status()).displays
        redraw(page.story, page.hearing)

    page.on_change(redraw)
    ui.timer(ASK_EVERY_S, ask)
