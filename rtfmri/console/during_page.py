"""The page that the operator watches during a run.

The rule: everything that tells whether something is wrong, and what to do, is seen at 1280x720 without scrolling; the rest is calm.
"""

from __future__ import annotations

from rtfmri.console.charts import Kind, chart, span_choice
from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.during.brain import Brain, build_mosaic
from rtfmri.console.during.controls import build_controls
from rtfmri.console.during.events import build_events
from rtfmri.console.during.now import build_figures, build_headline, build_progress
from rtfmri.console.during.screen import build_screen
from rtfmri.console.elements import Tag, heading
from rtfmri.console.frame import frame
from rtfmri.console.story import Story

PLOTS: tuple[tuple[Kind, str], ...] = (
    ("regions", "Regions and regulation, % signal change"),
    ("raw", "Raw and cleaned, scanner units"),
    ("translation", "Translation, mm"),
    ("rotation", "Rotation, degrees"),
    ("displacement", "Framewise displacement, mm"),
    ("latency", "Latency by stage, ms"),
    ("dvars", "DVARS, % of the mean"),
    ("tsnr", "tSNR so far"),
)
OF_REGIONS = ("regions", "raw")


def build(page: PageContext) -> None:
    """Put the page together."""
    with frame(page, "during"):
        build_headline(page)
        build_progress(page)
        build_figures(page)
        with Tag("div", "", "work"):
            _build_charts(page)
            with Tag("div", "", "side"):
                Brain(page)
                build_screen(page)
                build_events(page)
        build_controls(page)


def _build_charts(page: PageContext) -> None:
    with Tag("section", "", "charts", aria_labelledby="charts-title") as charts:
        with Tag("div", "", "charts-head"):
            heading("Time courses", id="charts-title")
            span_choice()
        for kind, words in PLOTS:
            _plot(kind, words)
        build_mosaic(page)

    def redraw(story: Story, hearing: Hearing) -> None:
        charts.look("charts blind" if story.blind else "charts")

    page.on_change(redraw)


def _plot(kind: Kind, words: str) -> None:
    """A chart in a panel; of a blind run those of the regions are not there."""
    with Tag("div", "", f"panel plot {kind}"):
        heading(words, level=3)
        with Tag("div", "", "plot-box"):
            chart(kind).props["aria-label"] = words
        if kind in OF_REGIONS:
            Tag("p", "Hidden: this run is blind.", "empty veil")
