"""The page before the run: what is chosen, what was checked, and the button that arms. Its parts are in ``before/``.

Checks are made when something is chosen, on a click, and every few seconds; never while a run is armed or goes on.
"""

from __future__ import annotations

import asyncio

from nicegui import ui

from rtfmri.console.before import looks
from rtfmri.console.before.arming import arm_card, session_card
from rtfmri.console.before.checklist import checklist
from rtfmri.console.before.choosing import Choice
from rtfmri.console.before.desk import Desk
from rtfmri.console.before.form import form, study_files
from rtfmri.console.before.pictures import show_pictures
from rtfmri.console.context import PageContext
from rtfmri.console.frame import frame
from rtfmri.preflight.check import Check

EVERY_S = 6.0
TYPED_S = 0.6  # after the last key


def build(page: PageContext) -> None:
    """Put the page together."""
    desk = Desk(page, first_choice(page))
    ui.context.client.on_delete(desk.folder.cleanup)
    looking = asyncio.Lock()
    typing: list[ui.timer] = []  # what waits for the last key

    async def look() -> None:
        """Check, unless it is being done: then once more after it."""
        async with looking:
            await desk.look()
        redraw()

    async def look_if_idle() -> None:
        if not looking.locked():
            await look()

    def changed() -> None:
        redraw()
        for timer in typing:
            timer.cancel()
        typing[:] = [ui.timer(TYPED_S, look, once=True)]

    async def open_pictures(check: Check) -> None:
        await show_pictures(desk, check, look)

    with frame(page, "before"), ui.element("div").classes("pf pf-columns"):
        looks.load()
        with ui.column().classes("w-full gap-3"):
            parts = [form(desk, changed), session_card(desk, look), arm_card(desk, look)]
        parts.append(checklist(desk, look, open_pictures))

    def redraw() -> None:
        for part in parts:
            part()

    ui.timer(EVERY_S, look_if_idle)
    redraw()


def first_choice(page: PageContext) -> Choice:
    """What the console was started with, and the participant of the run before."""
    files, start, watch = study_files(page.settings.studies), page.story.start, page.settings.watch
    sub, ses = (start.entities.sub, start.entities.ses) if start is not None else ("", "01")
    return Choice(str(files[0]) if len(files) == 1 else "", sub, ses, "", str(watch) if watch else "")
