"""The page: facts in, one HTML file out. Pure. It loads nothing and runs no script, and a policy in its head says so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from html import escape

import rtfmri
from rtfmri.record.report import course, crednf, measurement, people, physiology, pictures, settings, timing
from rtfmri.record.report.facts import MEASURES, UNITS, Facts
from rtfmri.record.report.figures import clock
from rtfmri.record.report.markup import Section, bullets, pairs, paragraph
from rtfmri.record.report.style import STYLE
from rtfmri.record.verdict import WORDS, Grade

BANNER = "Research use only. Not a medical device. Not for diagnosis or treatment."
SYMBOLS: dict[Grade, str] = {"good": "✔", "caution": "▲", "poor": "✖"}
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page_of(facts: Facts) -> str:
    """The report of one run."""
    sections = [section for section in _sections(facts) if section is not None]
    body = (
        f'<a class="skip" href="#content">To the content</a><aside class="banner" aria-label="Notice">{BANNER}</aside>'
        f'<div class="wrap">{_head(facts)}'
        f"{_contents(sections)}<main id=content>{''.join(map(_section, sections))}</main>{_foot()}</div>"
    )
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(facts.label)}: report</title>'
        f"<style>{STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _sections(facts: Facts) -> Iterator[Section | None]:
    """In the order in which a researcher reads."""
    yield course.course(facts)
    yield course.regulation(facts)
    yield measurement.motion(facts)
    yield measurement.quality(facts)
    yield timing.latency(facts)
    yield timing.display(facts)
    yield people.ratings(facts)
    yield people.marks(facts)
    yield physiology.physiology(facts)
    yield people.faults(facts)
    yield pictures.regions(facts)
    yield pictures.maps(facts)
    yield crednf.checklist(facts)
    yield settings.settings(facts)
    yield settings.versions(facts)
    yield settings.again(facts)


def _section(section: Section) -> str:
    return f'<section aria-labelledby="{section.key}-h"><h2 id="{section.key}-h">{escape(section.title)}</h2>{section.html}</section>'


def _contents(sections: list[Section]) -> str:
    links = "".join(f'<li><a href="#{section.key}-h">{escape(section.title)}</a></li>' for section in sections)
    return f'<nav aria-labelledby="contents"><h2 id="contents">Contents</h2><ol>{links}</ol></nav>'


def _head(facts: Facts) -> str:
    start = facts.start
    sub = f"Study {start.study}, {_kind(start.run_kind)} run" if start else "The record holds no beginning of a run"
    notes = [text for text in (facts.unblinded, _provisional(facts), *facts.unread) if text]
    return (
        f'<header><h1>{escape(facts.label)}</h1><p class="sub">{escape(sub)}</p>{_verdict(facts)}{pairs(_identity(facts))}'
        f"{bullets(notes) if notes else ''}</header>"
    )


def _kind(run_kind: str) -> str:
    return run_kind.replace("_", "-")


def _provisional(facts: Facts) -> str:
    names = ", ".join(facts.provisional)
    return f"Provisional regions: {names}. Their place is a stand-in until the lab confirms its own." if names else ""


def _verdict(facts: Facts) -> str:
    found = facts.verdict
    head, _, rest = found.sentence.partition(":")
    findings = "".join(
        f'<li><strong class="{f.grade}" aria-hidden="true">{SYMBOLS[f.grade]}</strong>'
        f'<span class="hide">{WORDS[f.grade]}: </span>{escape(f.sentence)}</li>'
        for f in found.findings
    )
    return (
        f'<div class="verdict {found.grade}"><p><strong>{SYMBOLS[found.grade]} {escape(head)}:</strong>{escape(rest)}</p></div>'
        f'<ul class="findings" aria-label="What the verdict rests on">{findings}</ul>'
    )


def _identity(facts: Facts) -> Iterator[tuple[str, str]]:
    entities, start, confirmed = facts.entities, facts.start, facts.confirmed
    yield "participant", f"sub-{entities.sub}"
    yield "session, run", f"ses-{entities.ses}, run {entities.run}"
    yield "task", entities.task
    if start:
        yield "armed", datetime.fromtimestamp(start.started_unix_s, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        yield "software", start.software
        yield "measure", f"{MEASURES.get(start.measure, start.measure)} ({UNITS.get(start.unit, start.unit)})"
        yield "feedback", f"{start.display.feedback}, {start.display.view}" if start.run_kind == "feedback" else "none in this run"
    if confirmed:
        yield "TR", f"{confirmed.tr_s:g} s"
        yield "voxels", f"{' × '.join(map(str, confirmed.shape))} of {' × '.join(f'{mm:.2f}' for mm in confirmed.voxel_size_mm)} mm"
    planned = confirmed.planned_volumes if confirmed else start.planned_volumes if start else None
    yield "volumes", f"{facts.summary.received} received, {facts.summary.missing} missing" + (f", {planned} planned" if planned else "")
    if facts.tr_s and facts.volumes:
        yield "length", clock((facts.volumes[-1].index + 1) * facts.tr_s)
    if facts.stop:
        yield "end", f"{facts.stop.exit_status}: {facts.stop.reason}"


def _foot() -> str:
    return f"<footer>{paragraph(f'Written by rtfmri {rtfmri.__version__} from the record of the run. {BANNER}', 'faint')}</footer>"
