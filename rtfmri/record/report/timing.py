"""How quickly values came, and how the participant's display did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rtfmri.messages import DisplayReport, Published
from rtfmri.record.glass import GlassSummary, glass_summary
from rtfmri.record.report.facts import Facts
from rtfmri.record.report.figures import Chart, Level, Line, Panel
from rtfmri.record.report.markup import Column, Section, bullets, figure, number, pairs, paragraph, table
from rtfmri.record.report.svg import draw
from rtfmri.record.summary import Spread, of_kind

STAGES = {
    "decode": "decode: the file's header and pixels",
    "assemble": "assemble: slices and echoes to a volume",
    "queue": "queue: waiting for the main thread",
    "prepare": "prepare: the reference, once",
    "realign": "realign: the head's position",
    "sample": "sample: the regions' voxels",
    "signal": "signal: model, baseline, measure",
    "journal": "journal: written to the disk",
    "publish": "publish: handed to the sender",
    "total": "total: complete file to sent value",
}


def latency(facts: Facts) -> Section:
    """Per stage against the TR, and from the scanner to the glass where a display reported."""
    title = "Latency"
    stages = facts.summary.latency_ms
    if not stages:
        return Section("latency", title, paragraph("No latency was recorded."))
    tr_ms = 1000.0 * facts.tr_s if facts.tr_s else None
    rows = [_row(STAGES.get(stage, stage), found, tr_ms) for stage, found in stages.items()]
    glass = glass_summary(facts.envelopes)
    if glass is not None:
        rows.append(_row("to the glass: end of acquisition to flip", glass.ms, tr_ms))
    columns = [Column("Stage", False), *(Column(f"{name} (ms)") for name in ("Median", "95th percentile", "Longest"))]
    columns.append(Column("95th percentile / TR"))
    html = _figure(facts, tr_ms) + table("Latency by stage", columns, rows)
    return Section("latency", title, html + _notes(facts, glass))


def _row(name: str, found: Spread, tr_ms: float | None) -> tuple[str, ...]:
    share = f"{found.p95 / tr_ms:.1%}" if tr_ms else number(None)
    return name, number(found.p50, 1), number(found.p95, 1), number(found.max, 1), share


def _figure(facts: Facts, tr_ms: float | None) -> str:
    sent = [message for message in of_kind(facts.envelopes, Published) if "total" in message.latency_ms]
    if not sent:
        return ""
    total = np.array([message.latency_ms["total"] for message in sent])
    x = np.array([message.index for message in sent]) * (facts.tr_s or 1.0)
    near = tr_ms is not None and total.max() > 0.3 * tr_ms
    levels = (Level(tr_ms, f"TR {tr_ms:.0f} ms"),) if tr_ms is not None and near else ()
    panel = Panel("Complete file to sent value, ms", (Line("", x, total, kind="points"),), levels, 110)
    chart = Chart("latency", "Latency", "Time from complete file to sent value, each volume.", (panel,), end=facts.end_s)
    far = f" The TR of {tr_ms:.0f} ms lies above the figure." if tr_ms is not None and not near else ""
    return figure(draw(chart), f"One point a volume.{far}")


def _notes(facts: Facts, glass: GlassSummary | None) -> str:
    said = ["Stages of this computer only; what the scanner takes to reconstruct and export comes before them."]
    if glass is not None:
        said.append(f"To the glass, {glass.ms.n} values: {glass.words}.")
    elif facts.summary.to_show:
        said.append("From the scanner to the glass is not known: no display reported flips with a measured clock.")
    return paragraph(" ".join(said), "faint")


def display(facts: Facts) -> Section:
    """What the participant's display said of itself, and what came of the values."""
    title = "Participant's display"
    reports, summary = of_kind(facts.envelopes, DisplayReport), facts.summary
    said = [_values_shown(facts, bool(reports or summary.shown))]
    html = paragraph(said[0])
    for name in dict.fromkeys(report.display for report in reports):
        html += _one(name, [report for report in reports if report.display == name])
    problems = dict.fromkeys(problem for report in reports for problem in report.problems)
    if problems:
        html += "<h3>What displays reported</h3>" + bullets(problems)
    return Section("display", title, html)


def _values_shown(facts: Facts, reported: bool) -> str:
    kind = facts.start.run_kind if facts.start else "feedback"
    if not facts.summary.to_show:
        return "This run gave the participant no value to see." + (f" It is a {kind.replace('_', ' ')} run." if kind != "feedback" else "")
    if not reported:
        return f"{facts.summary.to_show} values were for the participant; no display reported, so what was on the screen is not known."
    return f"{facts.summary.to_show} values were for the participant; {facts.summary.shown} are known to have been on the screen."


def _one(name: str, reports: Sequence[DisplayReport]) -> str:
    return "<h3>How it was</h3>" + pairs(_about(name, reports))


def _about(name: str, reports: Sequence[DisplayReport]) -> Iterator[tuple[str, str]]:
    last = reports[-1]
    yield "name", name
    yield "software", f"{last.software}, messages {last.schema_version}"
    if last.size_px:
        yield "screen", f"{last.size_px[0]} x {last.size_px[1]} pixels" + (f", {last.refresh_hz:.2f} Hz" if last.refresh_hz else "")
    yield "view", f"{last.view or 'not told'}, language {last.language or 'not told'}, flip {last.flip}"
    yield "trigger", f"{last.trigger}, {last.pulses} pulses"
    if last.frames:
        yield "frames", f"{last.frames}, of which dropped {last.dropped_frames} ({last.dropped_frames / last.frames:.2%})"
    if last.zero_from:
        yield "time zero", "from the scanner's trigger" if last.zero_from == "trigger" else "from the volume messages"
    errors = [1000 * report.clock_error_s for report in reports if report.clock_error_s is not None]
    if errors:
        yield "clock", f"offset known to {np.median(errors):.1f} ms (median; reports: {len(errors)})"
