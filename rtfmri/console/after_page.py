"""The page after the run: a verdict in one sentence, what it rests on, the numbers, the report, and the next run."""

from __future__ import annotations

from nicegui import background_tasks, ui

from rtfmri.console.after.outcome import STATES, Outcome, limits_words, read_outcome
from rtfmri.console.after.reporting import address_of, made_report
from rtfmri.console.after.tables import faults, findings, tables
from rtfmri.console.before import looks
from rtfmri.console.before.looks import CLASSES
from rtfmri.console.context import Hearing, PageContext
from rtfmri.console.frame import frame
from rtfmri.console.story import Story
from rtfmri.errors import StudyError
from rtfmri.preflight.check import SYMBOLS
from rtfmri.record.layout import RunPaths

BEFORE_PAGE, RUN_PAGE = "/before", "/"


def build(page: PageContext) -> None:
    """Put the page together; it is filled when the run has ended."""
    with frame(page, "after"):
        looks.load()
        whole = ui.element("div").classes("pf w-full")
    shown: list[str | None] = [""]

    async def fill(story: Story) -> None:
        start = story.start
        if start is None:
            return
        _say(whole, f"Reading the record of {start.entities.label} ...")
        session = (await page.status()).session if page.hearing.heard else None
        out = page.out
        if out is None:
            _say(whole, "Where the record lies is not known: no session answers, and the console was started without a study's folder.")
            return
        paths = RunPaths(out, start.entities)
        try:
            outcome = await page.off_loop(read_outcome, paths.journal)
        except StudyError as error:
            _say(whole, str(error))
            return
        following = (await page.tell("propose", start.entities.sub, start.entities.ses)).label if session is not None else None
        whole.clear()
        with whole:
            _page(page, outcome, paths, following)

    def redraw(story: Story, hearing: Hearing) -> None:
        ended = story.start.run_uid if story.start is not None and story.stop is not None else None
        if ended == shown[0]:
            return
        shown[0] = ended
        if ended is not None:
            background_tasks.create(fill(story))
        else:
            _say(whole, "No run has ended yet." if story.start is None else f"{story.start.entities.label} goes on.")

    page.on_change(redraw)


def _say(whole: ui.element, words: str) -> None:
    whole.clear()
    with whole, ui.element("section").classes("pf-card"):
        ui.label(words)
        ui.link("Go to the run", RUN_PAGE)


def _page(page: PageContext, outcome: Outcome, paths: RunPaths, following: str | None) -> None:
    state = STATES[outcome.verdict.grade]
    with ui.element("section").classes("pf-card q-mb-md").props('aria-label="verdict"'):
        ui.label(outcome.label).classes("text-sm pf-faint")
        ui.label(f"{SYMBOLS[state]} {outcome.verdict.sentence}").classes(f"pf-big {CLASSES[state]}")
        with ui.row().classes("items-center gap-2 q-mt-sm"):
            _buttons(page, paths, following)
        ui.label(f"The record lies in {paths.folder}.").classes("text-sm pf-faint").style("overflow-wrap:anywhere")
    with ui.element("div").classes("pf-halves"):
        with ui.element("section").classes("pf-card"):
            ui.html("<h2>What this rests on</h2>", sanitize=False)
            findings(outcome)
            faults(outcome)
            ui.label(limits_words()).classes("text-sm pf-faint q-mt-sm")
        with ui.column().classes("w-full gap-3"):
            tables(outcome)


def _buttons(page: PageContext, paths: RunPaths, following: str | None) -> None:
    async def open_report() -> None:
        report.set_enabled(False)
        report.set_text("Making the report ...")
        try:
            made = await page.off_loop(made_report, paths)
            ui.navigate.to(address_of(made, paths), new_tab=True)
        except StudyError as error:
            trouble.set_text(str(error))
        report.set_text("Report")
        report.set_enabled(True)

    words = f"Next run: {following}" if following else "Next run"
    ui.button(words, on_click=lambda: ui.navigate.to(BEFORE_PAGE), color=None).classes("pf-main").props("no-caps unelevated")
    report = ui.button("Report", on_click=open_report, color=None).props("no-caps outline")
    trouble = ui.label().classes("text-sm pf-failed").props('role="alert"')
