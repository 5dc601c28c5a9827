"""The panel with aftercare's newest pictures: three planes through a region, or the mosaic, with the map over them.

Conventions: a picture of planes has one row a region, in the order of the run's regions, and a view shows one of them
(``rtfmri/aftercare/planes.py``). Which view is shown is each page's own choice; a large screen has the newest mosaic as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.during.pictures import address, caption, name_of
from rtfmri.console.elements import Tag, heading
from rtfmri.console.story import Story

EMPTY = "No picture yet: the first comes some volumes into the run."
BLIND = "Hidden: this run is blind."
PLANES = "_planes"
ALT = "Slices of a realigned volume with the regions' outlines and the map"


@dataclass(frozen=True)
class View:
    """``up_percent``: how far a picture of planes is pushed up to show this region's row; None: the whole picture is shown."""

    words: str
    what: str
    up_percent: float | None = None


def views(story: Story) -> tuple[View, ...]:
    """Of each map the planes through each region, then the mosaic."""
    maps = sorted({what.removesuffix(PLANES) for what in story.pictures})
    found: list[View] = []
    for name in maps:
        of_map = f"{name_of(name)}: " if len(maps) > 1 else ""
        if name + PLANES in story.pictures:
            rois = _rois(story) or ("planes",)
            found += [View(of_map + roi, name + PLANES, 100.0 * row / len(rois)) for row, roi in enumerate(rois)]
        if name in story.pictures:
            found.append(View(f"{of_map}mosaic", name))
    return tuple(found)


def _rois(story: Story) -> tuple[str, ...]:
    told = story.confirmed or story.start
    return () if told is None else tuple(roi.name for roi in told.rois)


class Brain:
    """The elements of the panel, and which view this page has chosen."""

    def __init__(self, page: PageContext) -> None:
        self._views: tuple[View, ...] = ()
        self._chosen = ""
        self._buttons: dict[str, Tag] = {}
        with Tag("section", "", "panel brain", aria_labelledby="brain-title"):
            with Tag("div", "", "panel-head"):
                heading("Brain", id="brain-title")
                self._tabs = Tag("div", "", "tabs", role="group", aria_label="Which view")
                self._age = Tag("span", "", "age")
            with Tag(
                "button", "", "enlarge", type="button", data_opens="dialog-brain", aria_label="Show the picture large"
            ) as self._opener:
                self._image = Tag("img", alt=ALT)
            self._none = Tag("p", EMPTY, "empty")
        with Tag("dialog", "", "dialog picture", id="dialog-brain", aria_label="Picture of the brain, large"):
            self._large = Tag("img", alt=ALT)
            Tag("button", "Close", "control", type="button", data_closes="", autofocus="")
        self._page = page
        page.on_change(self.redraw)

    def redraw(self, story: Story, hearing: Hearing) -> None:
        known = views(story)
        if known != self._views:
            self._draw_tabs(known)
        view = next((view for view in known if view.words == self._chosen), known[0] if known else None)
        self._opener.hide(view is None)
        self._none.hide(view is not None)
        self._none.say(BLIND if story.blind else EMPTY)
        if view is not None:
            self._show(view, story)

    def _show(self, view: View, story: Story) -> None:
        picture = story.pictures[view.what]
        self._age.say(caption(picture, story))
        self._opener.look("enlarge whole" if view.up_percent is None else "enlarge row")
        self._image.attribute("style", None if view.up_percent is None else f"--up: -{view.up_percent:.3f}%")
        for image in (self._image, self._large):
            image.attribute("src", address(story, picture))
        for words, button in self._buttons.items():
            button.attribute("aria-pressed", "true" if words == view.words else "false")

    def _draw_tabs(self, known: tuple[View, ...]) -> None:
        self._views, self._buttons = known, {}
        self._tabs.clear()
        with self._tabs:
            for view in known:
                self._buttons[view.words] = Tag("button", view.words, "quiet", type="button", aria_pressed="false")
                self._buttons[view.words].on("click", self._choosing(view.words))

    def _choosing(self, words: str) -> Callable[[], None]:
        def choose() -> None:
            self._chosen = words
            self.redraw(self._page.story, self._page.hearing)

        return choose


def build_mosaic(page: PageContext) -> None:
    """The panel with the newest mosaic beside the charts, for screens that have room for it and the planes (``console.css``)."""
    with Tag("div", "", "panel plot mosaic"):
        heading("Mosaic", level=3)
        image = Tag("img", alt=f"Mosaic: {ALT.lower()}")
        none = Tag("p", EMPTY, "empty")

    def redraw(story: Story, hearing: Hearing) -> None:
        newest = max((p for p in story.pictures.values() if not p.what.endswith(PLANES)), key=lambda p: p.index, default=None)
        image.hide(newest is None)
        none.hide(newest is not None)
        none.say(BLIND if story.blind else EMPTY)
        if newest is not None:
            image.attribute("src", address(story, newest))

    page.on_change(redraw)
