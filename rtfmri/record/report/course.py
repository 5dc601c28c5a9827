"""The course of the run and what the blocks gave: regions, measure, what was on the glass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rtfmri.messages import Shown
from rtfmri.record.glass import participants_display
from rtfmri.record.report.facts import MEASURES, UNITS, Facts, known, value_of, value_se_of
from rtfmri.record.report.figures import Chart, Level, Line, Panel, Row, Shade, Strip, spans_of
from rtfmri.record.report.markup import Column, Section, figure, number, paragraph, plain, table
from rtfmri.record.report.svg import draw
from rtfmri.record.summary import of_kind, score_by_condition
from rtfmri.signals.windows import SCORE_LAG_S
from rtfmri.volume import Array

FULL = (-1.1, 1.1)  # the range, and a little more
TOGETHER = 3  # regions in one panel; more would hide each other
VALIDITIES = (("settling", 5), ("held", 1), ("missing", 3))


def course(facts: Facts) -> Section:
    """The timeline of the run."""
    title = "Course of the run"
    if not facts.volumes:
        return Section("course", title, paragraph("There is nothing to draw: not one volume came."))
    parts = (*_values(facts), *_shown(facts), validity_strip(facts))
    chart = Chart("course", title, _words(facts), parts, shades(facts), end=facts.end_s)
    return Section("course", title, figure(draw(chart), _caption(facts)) + (paragraph(facts.hidden, "faint") if facts.hidden else ""))


def shades(facts: Facts) -> tuple[Shade, ...]:
    """The blocks as far as the run went."""
    end = facts.end_s
    return tuple(
        Shade(block.onset_s, min(block.onset_s + block.duration_s, end), plain(block.name), block.role == "regulate")
        for block in facts.blocks
        if block.onset_s < end
    )


def validity_strip(facts: Facts) -> Strip:
    """When volumes were not ok, and which were left out of model and baseline."""
    indices = [volume.index for volume in facts.volumes]
    tr_s = facts.tr_s or 1.0
    rows = [Row(name, spans_of(np.array([v.validity == name for v in facts.volumes]), indices, tr_s), style) for name, style in VALIDITIES]
    return Strip("Volumes", (*rows, Row("flagged", spans_of(np.array([v.flagged for v in facts.volumes]), indices, tr_s), 1)))


def _values(facts: Facts) -> Iterator[Panel]:
    time_s = facts.time_s
    names = list(dict.fromkeys(name for volume in facts.volumes for name in volume.rois))
    for first in range(0, len(names), TOGETHER):
        some = names[first : first + TOGETHER]
        lines = tuple(_region(facts, name, style) for style, name in enumerate(some))
        what = "Regions, % signal change against the rest before" if first == 0 else "Regions, continued"
        yield Panel(what, lines, height=170 if len(names) <= TOGETHER else 110, least=0.5)
    value = facts.series(value_of)
    if np.isfinite(value).any():
        line = Line("each volume", time_s, value, facts.series(value_se_of), 0)
        scores = _scores(facts)
        unit = UNITS.get(facts.unit, facts.unit)
        measure = facts.start.measure if facts.start else ""
        yield Panel(
            f"Measure: {MEASURES.get(measure, measure)}, {unit}", (line, *([scores] if scores else [])), _range(facts), 150, True, 0.5
        )


def _region(facts: Facts, name: str, style: int) -> Line:
    readings = [volume.rois.get(name) for volume in facts.volumes]
    psc, error = (known([getattr(reading, field, None) for reading in readings]) for field in ("psc", "se"))
    return Line(f"{name} (provisional)" if name in facts.provisional else name, facts.time_s, psc, error, style)


def _range(facts: Facts) -> tuple[Level, ...]:
    """Full feedback, where the measure is in percent: of the others the range is about a centre of their own."""
    if facts.start is None or facts.unit != "percent":
        return ()
    full = facts.start.range_percent
    return Level(full, f"full feedback {full:+g} %"), Level(-full, f"{-full:+g} %".replace("-", "−"))


def _scores(facts: Facts) -> Line | None:
    """Each block's score, at the middle of the block."""
    scores = [score for score in facts.summary.blocks if score.number < len(facts.blocks)]
    if not scores:
        return None
    blocks = [facts.blocks[score.number] for score in scores]
    middle = np.array([block.onset_s + block.duration_s / 2 + SCORE_LAG_S for block in blocks])
    errors = known([score.se for score in scores])
    return Line("score of the block", middle, np.array([score.score for score in scores]), errors, 1, "points")


def _shown(facts: Facts) -> Iterator[Panel | Strip]:
    """What was on the participant's glass by the display's own word; without one, what was sent to be shown."""
    flips = _flips(facts)
    if not flips:
        sent = facts.series(lambda volume: volume.feedback)
        if np.isfinite(sent).any():
            line = Line("", facts.time_s, sent, kind="points")
            yield Panel("Sent to be shown, −1 to 1 of the range (no display reported)", (line,), height=90, fixed=FULL)
        return
    times = np.array([at for _, at in flips])
    values = known([flip.value for flip, _ in flips])
    ends = np.r_[times[1:], max(facts.end_s, times[-1])]
    inside = (ends > 0) & (times < facts.end_s)
    times, ends = np.clip(times, 0.0, facts.end_s), np.clip(ends, 0.0, facts.end_s)
    if np.isfinite(values[inside]).any():
        line = Line("", np.column_stack((times, ends))[inside].ravel(), np.repeat(values[inside], 2))
        yield Panel("On the glass, −1 to 1 of the range", (line,), height=90, fixed=FULL)
    yield Strip("State of the display", _states([flip.state for flip, _ in flips], times, ends))


def _flips(facts: Facts) -> list[tuple[Shown, float]]:
    """Those of the participant's display, with their seconds since time zero."""
    display, found = participants_display(facts.envelopes), []
    for envelope in facts.envelopes:
        flip = envelope.message
        if isinstance(flip, Shown) and flip.display == display:
            moment = facts.clocks.of_display(flip.display, flip.flip_unix_s, envelope.sent_unix_s)
            if moment is not None:
                found.append((flip, moment.t_s))
    return found


def _states(states: Sequence[str], times: Array, ends: Array) -> tuple[Row, ...]:
    rows = []
    for name in dict.fromkeys(states):
        spans = [(float(a), float(b)) for state, a, b in zip(states, times, ends, strict=True) if state == name and b > a]
        rows.append(Row(plain(name), _joined(spans), 0))
    return tuple(row for row in rows if row.spans)


def _joined(spans: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    found: list[tuple[float, float]] = []
    for start, end in spans:
        if found and start - found[-1][1] < 1e-6:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return tuple(found)


def _words(facts: Facts) -> str:
    regions = ", ".join(roi.name for roi in facts.rois)
    shown = "what was on the participant's screen" if of_kind(facts.envelopes, Shown) else "what was sent to be shown"
    what = shown if facts.hidden else f"signal change of {regions} with standard errors, the measure with the scores of the blocks, {shown}"
    return f"Time course of {facts.label}: {what}, and which volumes were held, missing or flagged. The table of blocks gives the numbers."


def _caption(facts: Facts) -> str:
    shaded = ", ".join(dict.fromkeys(plain(block.name) for block in facts.blocks if block.role == "regulate"))
    said = [f"Shaded: regulation blocks ({shaded}), where they were performed; the response follows by about six seconds."]
    if not facts.hidden:
        said += [
            "Bands: standard error, with the autocorrelation of the noise. Values were computed as the run went, each with what was "
            "known then.",
            "Points: score of each block with its standard error, drawn where its window lies.",
        ]
    if facts.unblinded:
        said.append("Regions, measure and scores are the participant's own; what was shown is that of the condition.")
    said.append("Volumes that were held kept the value before on the screen.")
    return " ".join(said)


def regulation(facts: Facts) -> Section:
    """Scores by block and by condition."""
    title = "Regulation per block"
    if facts.hidden:
        return Section("regulation", title, paragraph("Sealed until the run is unblinded."))
    blocks, unit = facts.summary.blocks, UNITS.get(facts.unit, facts.unit)
    if not blocks:
        return Section("regulation", title, paragraph("No block was scored: none was finished with a settled value."))
    rows = [(f"{n.number + 1} {plain(n.name)}", number(n.score, 2, True), number(n.se)) for n in blocks]
    columns: tuple[Column, ...] = (Column("Block", False), Column(f"Score ({unit})"), Column("Standard error"))
    html = table("Score of each block: the measure over onset + 6 s to end + 6 s", columns, rows)
    means = [(plain(c.name), str(c.blocks), number(c.mean, 2, True), number(c.se)) for c in score_by_condition(blocks)]
    columns = (Column("Condition", False), Column("Blocks"), Column(f"Mean ({unit})"), Column("Standard error"))
    html += table("Mean of each condition; its standard error is from the spread between blocks", columns, means)
    return Section("regulation", title, html + paragraph(_unscored(facts) + _no_test(), "faint"))


def _unscored(facts: Facts) -> str:
    scored = {block.number for block in facts.summary.blocks}
    missing = [str(n + 1) for n, block in enumerate(facts.blocks) if block.role == "regulate" and n not in scored]
    return f"Not scored: block {', '.join(missing)}, which had not ended or had no settled baseline. " if missing else ""


def _no_test() -> str:
    return (
        "One run is not tested against chance, and a larger score is not a better participant: "
        "neural activity, motion and breathing all stand in it."
    )
