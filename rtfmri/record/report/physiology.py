"""Pulse and breathing, where the run recorded them: how whole the samples are, and how fast they went in each condition.

Self-compassion practice slows breathing in time with the task, and breathing changes the BOLD signal: the report says so with or
without a belt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from rtfmri.messages import Fault
from rtfmri.record.physio import PhysioRecord
from rtfmri.record.report.facts import Facts
from rtfmri.record.report.markup import Column, Section, number, paragraph, plain, table
from rtfmri.record.summary import of_kind
from rtfmri.signals.physiology import breath, pulse
from rtfmri.study.physiology import Physiology
from rtfmri.volume import Array

CAUTION = (
    "Self-compassion practice slows breathing in time with the task, and breathing by itself changes the BOLD signal. A change of the "
    "regions' signal with the task is no proof of a change of neural activity."
)
Finder = Callable[[float, Array, float], Array]

SHORTEST_S = 10.0  # of a stretch without gaps in which breaths or beats are looked for


def physiology(facts: Facts) -> Section:
    """Always there, because of its caution."""
    title, record = "Breathing and pulse", facts.physio
    if record is None or not len(record.samples):
        none = "Neither breathing nor pulse was recorded, so this run cannot tell their part in the signal."
        return Section("physiology", title, paragraph(none) + paragraph(CAUTION))
    columns: tuple[Column, ...] = (
        Column("Signal", False),
        Column("Samples per second"),
        Column("Recorded (s)"),
        Column("Lost"),
        Column("Looks like", False),
    )
    rows = [_whole(record, name) for name in record.columns]
    html = table("What was recorded", columns, rows)
    rates = list(_by_condition(facts, record))
    if rates:
        columns = (Column("Condition", False), Column("Seconds"), Column("Breaths per minute"), Column("Beats per minute"))
        html += table("Breathing and pulse by condition, as this software counts them in the recorded samples", columns, rates)
    said = [fault.text for fault in of_kind(facts.envelopes, Fault) if "physio" in fault.code or "belt" in fault.code]
    return Section("physiology", title, html + "".join(map(paragraph, said)) + paragraph(_used(facts)) + paragraph(CAUTION))


def _used(facts: Facts) -> str:
    used = facts.study is not None and "physiology" in facts.study.signal.nuisance
    return (
        "Their regressors were part of the model that cleaned the regions' signals."
        if used
        else "They were recorded only; no model used them."
    )


def _whole(record: PhysioRecord, name: str) -> tuple[str, ...]:
    values = record.column(name)
    known = values[np.isfinite(values)]
    lost = 1.0 - len(known) / len(values)
    flat = "nothing" if not len(known) else "a flat line" if np.ptp(known) == 0 else "a signal"
    return plain(name), f"{record.rate_hz:g}", f"{len(values) / record.rate_hz:.0f}", f"{lost:.1%}", flat


def _by_condition(facts: Facts, record: PhysioRecord) -> Iterator[tuple[str, ...]]:
    rule = facts.study.physiology if facts.study and facts.study.physiology else Physiology()
    breaths, breath_known = _events(record, rule.respiratory, _breaths)
    beats, beat_known = _events(record, rule.cardiac, pulse.beats_of)
    for name in dict.fromkeys(block.name for block in facts.blocks if block.role != "dummy"):
        spans = [(b.onset_s, b.onset_s + b.duration_s) for b in facts.blocks if b.name == name]
        breathed, seconds = _rate(breaths, breath_known, spans, record)
        beaten, also = _rate(beats, beat_known, spans, record)
        if seconds or also:
            yield plain(name), f"{max(seconds, also):.0f}", number(breathed, 1), number(beaten, 1)


def _breaths(first_s: float, values: Array, rate_hz: float) -> Array:
    """Times of the tops of breaths."""
    smooth = breath.smoothed(values, rate_hz)
    places, tops = breath.turns_of(smooth, breath.TURN * breath.usual_range(np.sort(smooth)))
    if breath.why_no_breathing(smooth, places, rate_hz):
        return np.zeros(0)
    times: Array = first_s + places[tops] / rate_hz
    return times


def _events(record: PhysioRecord, name: str, find: Finder) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Times of all breaths or beats, and which samples (n,) lie in a stretch in which some were found."""
    values = record.column(name)
    known, found = np.zeros(len(values), dtype=np.bool_), [np.zeros(0)]
    edges = np.flatnonzero(np.diff(np.r_[False, np.isfinite(values), False].astype(np.int8)))
    for start, stop in edges.reshape(-1, 2).tolist():
        if stop - start < SHORTEST_S * record.rate_hz:
            continue
        times = find(record.start_s + start / record.rate_hz, values[start:stop], record.rate_hz)
        if len(times):
            found.append(times)
            known[start:stop] = True
    return np.concatenate(found), known


def _rate(times: Array, known: npt.NDArray[np.bool_], spans: list[tuple[float, float]], record: PhysioRecord) -> tuple[float | None, float]:
    """Per minute over the known part of ``spans``, and how long that is in seconds."""
    moments = record.start_s + np.arange(len(known)) / record.rate_hz
    seconds = sum(float(known[(moments >= start) & (moments < end)].sum()) for start, end in spans) / record.rate_hz
    count = sum(int(((times >= start) & (times < end)).sum()) for start, end in spans)
    return (60.0 * count / seconds if seconds >= SHORTEST_S else None), seconds
