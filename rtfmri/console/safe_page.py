"""A page for a screen that the participant could see: the state in one word, and nothing else.

The rule: no value, no region, no picture, no fault's words, no red; a participant who reads it learns nothing but where the session is.
"""

from __future__ import annotations

from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.elements import Tag
from rtfmri.console.frame import BANNER, load
from rtfmri.console.story import Story


def build(page: PageContext) -> None:
    """Put the page together."""
    load()
    with Tag("div", "", "safe"):
        symbol = Tag("p", "", "safe-symbol", aria_hidden="true")
        with Tag("div", role="status"):
            words = Tag("h1", "Waiting", "safe-state")
        Tag("footer", BANNER, "banner")

    def redraw(story: Story, hearing: Hearing) -> None:
        sign, state = safe_state(story, hearing)
        symbol.say(sign)
        words.say(state)

    page.on_change(redraw)


def safe_state(story: Story, hearing: Hearing) -> tuple[str, str]:
    """A symbol and a word."""
    if story.start is None or not hearing.heard:
        return "○", "Waiting"
    if story.stop is not None:
        return "✓", "Finished"
    if story.paused or story.participant_paused or story.blanked:
        return "‖", "Paused"
    return ("◇", "Ready") if story.volume is None else ("●", "Running")
