"""The top of the page: the headline, how far the run is, the strip of blocks, the figures of the moment."""

from __future__ import annotations

import time

from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.during import figures
from rtfmri.console.during.figures import Figure
from rtfmri.console.during.headline import headline, silence_limit_s, silence_s
from rtfmri.console.during.progress import Segment, progress, segments
from rtfmri.console.elements import Tag
from rtfmri.console.story import COUNTED, Story

LONG_WORDS = 44  # letters that fit into one line
SYMBOLS = {"ok": "●", "settling": "◌", "held": "◍", "missing": "✕"}


def build_headline(page: PageContext) -> None:
    """State, what to do, and how far the run is."""
    with Tag("section", "", "headline calm", id="headline", aria_label="State of the run") as whole:
        symbol = Tag("span", "", "symbol", aria_hidden="true")
        with Tag("div", "", "state", role="status", aria_live="polite"):
            words = Tag("p", "", "words", id="state")
            advice = Tag("p", "", "advice", id="advice")
        with Tag("dl", "", "where"):
            since, volume, elapsed, remaining = (_pair(name) for name in ("Last volume", "Volume", "Elapsed", "Remaining"))
            since.look("value since")

    def redraw(story: Story, hearing: Hearing) -> None:
        now_s = time.time()
        said, far = headline(story, hearing, now_s), progress(story)
        whole.look(f"headline {said.tone}" + (" long" if len(said.words) > LONG_WORDS else ""))
        symbol.say(said.symbol)
        words.say(said.words)
        advice.say(said.advice)
        volume.say(far.volume)
        elapsed.say(far.elapsed)
        remaining.say(far.remaining)
        _follow(since, story, silence_s(story, now_s))

    page.on_change(redraw)


def _follow(since: Tag, story: Story, silent_s: float | None) -> None:
    """The browser counts on from here by itself (``console.js``)."""
    waited_for = silent_s is not None and story.volume is not None
    since.attribute("data-since", str(story.volume.index) if story.volume is not None and waited_for else "")
    since.attribute("data-age", f"{silent_s or 0.0:.1f}")
    since.attribute("data-warn", f"{silence_limit_s(story):.1f}")


def build_progress(page: PageContext) -> None:
    """The strip of blocks with the mark of now, and the block in words."""
    drawn: dict[str, tuple[Segment, ...]] = {"strip": ()}
    with Tag("section", "", "progress", aria_label="Blocks"):
        with Tag("div", "", "strip", aria_hidden="true"):
            strip = Tag("div", "", "segments")
            mark = Tag("div", "", "mark")
        with Tag("p", "", "block-words"):
            block, left, following = Tag("strong"), Tag("span"), Tag("span")

    def redraw(story: Story, hearing: Hearing) -> None:
        far, blocks = progress(story), segments(story)
        if blocks != drawn["strip"]:
            drawn["strip"] = blocks
            _draw_strip(strip, blocks)
        mark.attribute("style", f"left: {far.percent:.2f}%")
        block.say(far.block)
        left.say(f"{far.block_left} left in it" if far.number is not None else "")
        following.say(f"next: {far.following}" if blocks else "")

    page.on_change(redraw)


def _draw_strip(strip: Tag, blocks: tuple[Segment, ...]) -> None:
    strip.clear()
    with strip:
        for segment in blocks:
            name = segment.name if segment.width_percent > 0.8 * len(segment.name) else ""
            place = f"left: {segment.left_percent:.3f}%; width: {segment.width_percent:.3f}%"
            Tag("span", name, f"segment {segment.role}", style=place, title=segment.name)


def build_figures(page: PageContext) -> None:
    """Counts and the figures that have a limit."""
    with Tag("section", "", "figures", aria_label="Figures of the moment"):
        with Tag("div", "", "figure counts"):
            Tag("span", "Volumes", "name")
            counts = {name: Tag("span", "", f"count {name}") for name in COUNTED}
        told = {name: _figure(name) for name in _FIGURES}

    def redraw(story: Story, hearing: Hearing) -> None:
        for name, count in story.counts:
            counts[name].say(f"{SYMBOLS[name]} {count} {name}")
        for name, figure_of in _FIGURES.items():
            _show(told[name], figure_of(story))

    page.on_change(redraw)


_FIGURES = {
    "Flagged": figures.flagged,
    "FD now": figures.displacement,
    "tSNR": figures.tsnr,
    "Latency": figures.latency,
}
Told = tuple[Tag, Tag, Tag]


def _figure(name: str) -> Told:
    with Tag("div", "", "figure") as whole:
        Tag("span", name, "name")
        return whole, Tag("span", "–", "value"), Tag("span", "", "note")


def _show(told: Told, figure: Figure) -> None:
    whole, value, note = told
    whole.look(f"figure {figure.mark}".strip())
    value.say(f"▲ {figure.value}" if figure.mark else figure.value)
    note.say(figure.note)


def _pair(name: str) -> Tag:
    with Tag("div"):
        Tag("dt", name)
        return Tag("dd", "–", "value")
