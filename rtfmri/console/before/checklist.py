"""The list of checks: what needs the operator first, each with symbol, word and colour, its sentence and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from nicegui import ui

from rtfmri.console.before.choosing import sorted_for_looking
from rtfmri.console.before.desk import Desk
from rtfmri.console.before.looks import CLASSES
from rtfmri.preflight.check import SYMBOLS, WORDS, Check, ago, of_state, worst

PREPARATION = "preparation"
BUSY_WORDS = "Nothing is checked while a run is armed or goes on."


def checklist(desk: Desk, again: Callable[[], object], look_at: Callable[[Check], object]) -> Callable[[], None]:
    """Build it; what is returned draws it anew where something changed. ``look_at`` opens a check's pictures."""
    with ui.element("section").classes("pf-card"):
        with ui.row().classes("w-full items-center no-wrap"):
            ui.html("<h2>Checks</h2>", sanitize=False)
            short = ui.label().classes("text-sm grow").props('role="status" aria-live="polite"')
            when = ui.label().classes("text-xs pf-faint")
            ui.button("Check again", icon="refresh", on_click=again, color=None).props(
                'flat dense no-caps data-key=c aria-keyshortcuts="c" title="Key: c"'
            )
        rows = ui.element("ul").classes("pf-list")
    drawn: list[tuple[object, ...]] = []
    sentences: list[ui.label] = []

    def redraw() -> None:
        checks = sorted_for_looking(desk.checks or ())
        when.set_text("" if desk.checked_unix_s is None else f"{ago(time.time() - desk.checked_unix_s)} ago")
        short.set_text(_short(desk))
        short.classes(replace=f"text-sm grow {CLASSES[worst(checks)] if checks else ''}")
        wanted = [(check.name, check.state, check.advice, check.picture) for check in checks]
        if wanted != drawn:
            drawn[:] = wanted
            rows.clear()
            with rows:
                sentences[:] = [_row(check, look_at) for check in checks]
        for sentence, check in zip(sentences, checks, strict=True):  # so that a button keeps the keyboard's focus
            sentence.set_text(check.text)

    return redraw


def _row(check: Check, look_at: Callable[[Check], object]) -> ui.label:
    """The label of its sentence, which may change alone."""
    with ui.element("li").classes("pf-row pf-quiet" if check.state == "ok" else "pf-row"):
        ui.label(f"{SYMBOLS[check.state]} {WORDS[check.state]}").classes(f"pf-state {CLASSES[check.state]}")
        ui.label(check.name).classes("pf-name")
        sentence = ui.label(check.text)
        if check.picture is None:
            ui.element("span")
        else:
            words = "Look and decide" if check.name == PREPARATION and check.state != "ok" else "Look"
            button = ui.button(words, on_click=lambda: look_at(check), color=None).props("outline dense no-caps")
            button.props(f'aria-label="{words}: {check.name}"')
        if check.advice and check.state != "ok":
            ui.label(f"→ {check.advice}").classes(f"pf-advice {CLASSES[check.state]}")
    return sentence


def _short(desk: Desk) -> str:
    if not desk.choice.study_file:
        return "Choose a study."
    return BUSY_WORDS if desk.busy and not desk.checks else in_short(desk.checks)


def in_short(checks: Sequence[Check] | None) -> str:
    """One line over the list."""
    if checks is None:
        return "being made ..."
    counts = [(len(of_state(checks, "failed")), "failed"), (len(of_state(checks, "warning")), "to look at")]
    counts += [(len(of_state(checks, "unknown")), "not known yet"), (len(of_state(checks, "ok")), "ok")]
    symbol = SYMBOLS[worst(checks)]
    return f"{symbol} " + ", ".join(f"{count} {words}" for count, words in counts if count)
