"""The list of events and faults: newest first, filtered by how grave they are, in a place of its own so that it covers nothing."""

from __future__ import annotations

import time

from rtfmri.console.advice import Line, lines
from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.elements import Tag, heading
from rtfmri.console.story import Story

LISTED = 60
FILTERS = (("all", "All"), ("warning", "▲ Warnings"), ("error", "✕ Errors"))


def build_events(page: PageContext) -> None:
    """The panel, and a line that screen readers speak when something new is wrong."""
    seen = {"until_s": 0.0, "drawn": -1.0}
    with Tag("section", "", "panel events-panel", aria_labelledby="events-title"):
        with Tag("div", "", "panel-head"):
            heading("Events", id="events-title")
            for name, words in FILTERS:
                pressed = "true" if name == "all" else "false"
                Tag("button", words, "quiet filter", type="button", data_filters=name, aria_pressed=pressed)
            with Tag("button", "", "quiet", type="button", data_key="e", aria_keyshortcuts="E", id="seen") as button:
                Tag("span", "Seen")
                Tag("kbd", "E", aria_hidden="true")
        rows = Tag("ol", "", "events", id="events", tabindex="0", aria_labelledby="events-title", data_filter="all")
        spoken = Tag("p", "", "spoken", role="alert", aria_live="assertive")

    def draw(story: Story) -> None:
        rows.clear()
        with rows:
            for line in lines(story.events)[:LISTED]:
                _row(line, line.unix_s <= seen["until_s"])
            if not story.events:
                Tag("li", "Nothing happened yet.", "event calm")

    def redraw(story: Story, hearing: Hearing) -> None:
        newest = story.events[-1].unix_s if story.events else 0.0
        if (newest + len(story.events)) == seen["drawn"]:
            return
        seen["drawn"] = newest + len(story.events)
        draw(story)
        grave = next((line for line in lines(story.events)[:1] if line.severity != "info"), None)
        if grave is not None:
            spoken.say(f"{grave.text} {grave.advice}")

    def acknowledge() -> None:
        seen["until_s"] = page.story.events[-1].unix_s if page.story.events else 0.0
        draw(page.story)

    button.on("click", acknowledge)
    page.on_change(redraw)


def _row(line: Line, seen: bool) -> None:
    with Tag("li", "", f"event {line.severity}" + (" seen" if seen else "")):
        Tag("span", line.symbol, "symbol", aria_hidden="true")
        Tag("time", time.strftime("%H:%M:%S", time.localtime(line.unix_s)))
        with Tag("div", "", "said"):
            Tag("p", line.text + (f"  ×{line.times}" if line.times > 1 else ""))
            if line.advice:
                Tag("p", line.advice, "advice")
