"""What a run came to, as the page after it tells it: pure, from the messages of its journal, with the same judgement as the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtfmri.messages import Confirmed, Envelope, Rating, RunStart
from rtfmri.preflight.check import State
from rtfmri.record.glass import GlassSummary, glass_summary
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.record.summary import ConditionMotion, Summary, motion_by_condition, of_kind, score_by_condition, summarise
from rtfmri.record.verdict import MANY_UNUSABLE, MOST_DROPPED, MOST_UNUSABLE, SLOW, Grade, Verdict, verdict

STATES: dict[Grade, State] = {"good": "ok", "caution": "warning", "poor": "failed"}
STAGES = ("decode", "realign", "signal", "total")  # of the latencies those that are shown, where they are there
Row = tuple[str, ...]
NONE = "–"


@dataclass(frozen=True)
class Outcome:
    """``blind``: regulation is sealed, and nothing of it is here."""

    label: str
    blind: bool
    tr_s: float | None
    verdict: Verdict
    summary: Summary
    motion: tuple[ConditionMotion, ...]
    glass: GlassSummary | None
    ratings: tuple[Rating, ...]


def outcome_of(envelopes: Sequence[Envelope]) -> Outcome:
    starts, confirmed = of_kind(envelopes, RunStart), of_kind(envelopes, Confirmed)
    start = starts[-1] if starts else None
    return Outcome(
        label=start.entities.label if start else "",
        blind=start.blind if start else False,
        tr_s=confirmed[-1].tr_s if confirmed else start.tr_s if start else None,
        verdict=verdict(envelopes),
        summary=summarise(envelopes),
        motion=motion_by_condition(envelopes),
        glass=glass_summary(envelopes),
        ratings=of_kind(envelopes, Rating),
    )


def read_outcome(journal: Path) -> Outcome:
    """``StudyError`` where the journal cannot be read."""
    return outcome_of(read_journal(journal))


def report_of(paths: RunPaths) -> Path | None:
    """The report, where it has been written."""
    return paths.report if paths.report.is_file() else None


def limits_words() -> str:
    """The limits that the verdict rests on."""
    return (
        f"Limits: use with care above {MANY_UNUSABLE:.0%} of volumes that cannot be used, poor above {MOST_UNUSABLE:.0%}; 95% of the "
        f"values within {SLOW:.0%} of the TR; at most {MOST_DROPPED:.0%} of the display's frames dropped. The verdict is about the "
        "measurement, not about the participant."
    )


def block_rows(outcome: Outcome) -> list[Row]:
    """Each block's score with its standard error, then the mean of each kind of block."""
    blocks = outcome.summary.blocks
    rows: list[Row] = [(f"{block.number + 1}  {_plain(block.name)}", _signed(block.score), _or_none(block.se)) for block in blocks]
    means = [condition for condition in score_by_condition(blocks) if condition.blocks > 1]
    return rows + [(f"mean, {_plain(one.name)}", _signed(one.mean), _or_none(one.se)) for one in means]


def motion_rows(outcome: Outcome) -> list[Row]:
    return [
        (_plain(one.name), str(one.volumes), _or_none(one.mean_fd_mm), _or_none(one.max_fd_mm), str(one.flagged)) for one in outcome.motion
    ]


def latency_rows(outcome: Outcome) -> list[Row]:
    """Milliseconds; the last column: the 95th percentile as a part of the TR."""
    found = outcome.summary.latency_ms
    rows = [(stage, found[stage]) for stage in STAGES if stage in found]
    tr_ms = None if outcome.tr_s is None else 1e3 * outcome.tr_s
    return [
        (stage, f"{ms.p50:.1f}", f"{ms.p95:.1f}", f"{ms.max:.1f}", NONE if tr_ms is None else f"{ms.p95 / tr_ms:.1%}") for stage, ms in rows
    ]


def rating_rows(outcome: Outcome) -> list[Row]:
    return [
        (
            _plain(one.scale),
            "at the end" if one.block is None else f"block {one.block + 1}",
            "no answer" if one.value is None else f"{one.value:g}",
        )
        for one in outcome.ratings
    ]


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _or_none(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
