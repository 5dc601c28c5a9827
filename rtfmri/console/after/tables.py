"""Small tables of numbers, and the list of findings."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from nicegui import ui

from rtfmri.console.after.outcome import STATES, Outcome, Row, block_rows, latency_rows, motion_rows, rating_rows
from rtfmri.console.before.looks import CLASSES
from rtfmri.preflight.check import SYMBOLS
from rtfmri.record.verdict import WORDS

MOST_FAULTS = 8
SEALED = "Sealed: this study is blind until `rtfmri unblind`."


def table(title: str, headings: Row, rows: Sequence[Row], nothing: str) -> None:
    """A card; ``nothing`` is said where there is no row."""
    with ui.element("section").classes("pf-card"):
        ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
        if not rows:
            ui.label(nothing).classes("text-sm pf-faint")
            return
        head = "".join(f'<th scope="col">{escape(word)}</th>' for word in headings)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        ui.html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>", sanitize=False)


def regulation_rows(outcome: Outcome) -> list[Row]:
    """None in a blind study, whatever its messages hold."""
    return [] if outcome.blind else block_rows(outcome)


def tables(outcome: Outcome) -> None:
    """Regulation, motion, speed, ratings."""
    unit = "%" if outcome.summary.unit == "percent" else outcome.summary.unit
    nothing = SEALED if outcome.blind else "No block was finished."
    table("Regulation by block", ("block", f"score ({unit})", "SE"), regulation_rows(outcome), nothing)
    table("Motion", ("condition", "volumes", "mean FD (mm)", "largest", "flagged"), motion_rows(outcome), "No volume came.")
    table("Latency (ms)", ("stage", "p50", "p95", "longest", "p95 of TR"), latency_rows(outcome), "No volume came.")
    if outcome.glass is not None:
        ui.label(f"From the end of the volume to the participant's screen: {outcome.glass.words}.").classes("text-sm")
    if outcome.ratings:
        table("Ratings", ("question", "asked", "answer"), rating_rows(outcome), "")


def findings(outcome: Outcome) -> None:
    """What the verdict rests on, the worst first."""
    order = ("poor", "caution", "good")
    with ui.element("ul").classes("pf-list"):
        for finding in sorted(outcome.verdict.findings, key=lambda one: order.index(one.grade)):
            state = STATES[finding.grade]
            with ui.element("li").classes("pf-row pf-two"):
                ui.label(f"{SYMBOLS[state]} {WORDS[finding.grade].lower()}").classes(f"pf-state {CLASSES[state]}")
                ui.label(finding.sentence)


def faults(outcome: Outcome) -> None:
    """What was said during the run."""
    serious = [fault for fault in outcome.summary.faults if fault.severity != "info"]
    for fault in serious[:MOST_FAULTS]:
        symbol, style = ("✖", "pf-failed") if fault.severity == "error" else ("▲", "pf-warning")
        ui.label(f"{symbol} {fault.text} {fault.advice}".rstrip()).classes(f"text-sm {style}")
    if len(serious) > MOST_FAULTS:
        ui.label(f"and {len(serious) - MOST_FAULTS} more, all in the report").classes("text-sm pf-faint")
