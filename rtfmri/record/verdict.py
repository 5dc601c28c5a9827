"""Whether a run is good enough to be used, in sentences: pure, from its messages alone, so it can be said of a blind run as well.

``MOST_UNUSABLE`` is the ground rules' limit ("more than 20 % flagged: run-level warning"); the other limits are our advice,
no paper's. A verdict judges the measurement, never the participant: how large the regulation was is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtfmri.messages import Confirmed, DisplayReport, Envelope, RunStart, RunStop, Shown, VolumeMessage
from rtfmri.record.summary import ConditionMotion, Summary, motion_by_condition, of_kind, summarise

Grade = Literal["good", "caution", "poor"]
WORDS: dict[Grade, str] = {"good": "Good", "caution": "Use with care", "poor": "Poor"}
GRADES: tuple[Grade, ...] = ("good", "caution", "poor")

MOST_UNUSABLE = 0.20  # of the volumes
MANY_UNUSABLE = 0.10
LEAST_SETTLED = 0.50  # of the volumes of regulation blocks
LEAST_SHOWN = 0.90  # of the values that were for the participant
MOST_DROPPED = 0.01  # of the display's frames
MORE_MOTION, MORE_MOTION_MM = 1.5, 0.05  # mean FD of regulation against rest: that many times as large, and by so much
SLOW = 0.5  # of the TR


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``topic``: run, volumes, motion, signal, speed, display or faults; ``reason``: it in a few words."""

    topic: str
    grade: Grade
    sentence: str
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    """``grade`` is the worst of the findings'; ``sentence`` gives the reasons."""

    grade: Grade
    sentence: str
    findings: tuple[Finding, ...]


def verdict(envelopes: Sequence[Envelope]) -> Verdict:
    """Judge one run, whatever became of it."""
    summary = summarise(envelopes)
    findings = tuple(_findings(envelopes, summary))
    grade = max((finding.grade for finding in findings), key=GRADES.index)
    return Verdict(grade, _in_one_sentence(grade, findings), findings)


def _in_one_sentence(grade: Grade, findings: Sequence[Finding]) -> str:
    reasons = [finding.reason or finding.sentence for finding in findings if finding.grade != "good"]
    if not reasons:
        looked_at = list(dict.fromkeys(finding.topic for finding in findings if finding.topic not in ("run", "faults")))
        return f"{WORDS[grade]}: nothing stands out in {' and '.join(filter(None, (', '.join(looked_at[:-1]), looked_at[-1])))}."
    first, *others = (reason[0].lower() + reason[1:].rstrip(".") for reason in reasons)
    return f"{WORDS[grade]}: {'; '.join((first, *others))}."


def _findings(envelopes: Sequence[Envelope], summary: Summary) -> Iterator[Finding]:
    volumes = of_kind(envelopes, VolumeMessage)
    yield _run(envelopes, len(volumes))
    if volumes and not summary.published:
        yield Finding("run", "good", "No volume arrived live: these values were computed from a recording.")
    if volumes:
        yield _volumes(volumes)
    yield from _motion(envelopes, summary)
    yield from _signal(envelopes, volumes)
    yield from _speed(envelopes, summary)
    yield from _display(envelopes, summary)
    yield from _faults(summary)


def _run(envelopes: Sequence[Envelope], n: int) -> Finding:
    starts, confirmed, stops = of_kind(envelopes, RunStart), of_kind(envelopes, Confirmed), of_kind(envelopes, RunStop)
    planned = confirmed[-1].planned_volumes if confirmed else starts[-1].planned_volumes if starts else None
    came = f"{n} of {planned} planned volumes" if planned else f"{n} volumes"
    if not n:
        return Finding("run", "poor", "Not one volume came.")
    if not stops:
        return Finding("run", "poor", f"The run was cut off after {came}: its record has no end.")
    if stops[-1].exit_status == "completed":
        return Finding("run", "good", f"The run came to its planned end ({came}).")
    short = planned is None or n < planned / 2
    how = {"stopped": "was stopped", "silent": "ended because no more volumes came", "failed": "failed"}[stops[-1].exit_status]
    return Finding("run", "poor" if short or stops[-1].exit_status == "failed" else "caution", f"The run {how} after {came}.")


def _volumes(volumes: Sequence[VolumeMessage]) -> Finding:
    flagged, held = sum(v.flagged for v in volumes), sum(v.validity == "held" for v in volumes)
    missing = sum(v.validity == "missing" for v in volumes)
    unusable = sum(v.flagged or v.validity in ("held", "missing") for v in volumes)
    share = unusable / len(volumes)
    grade: Grade = "poor" if share > MOST_UNUSABLE else "caution" if share > MANY_UNUSABLE else "good"
    limit = f", and the limit is {MOST_UNUSABLE:.0%}" if grade == "poor" else ""
    parts = f"flagged {flagged}, held {held}, missing {missing}"
    return Finding(
        "volumes",
        grade,
        f"Of {len(volumes)} volumes {unusable} ({share:.1%}) cannot be used ({parts}){limit}.",
        f"{share:.1%} of the volumes cannot be used",
    )


def _motion(envelopes: Sequence[Envelope], summary: Summary) -> Iterator[Finding]:
    if summary.fd_mm is None:
        return
    fd, hold_mm = summary.fd_mm, of_kind(envelopes, RunStart)[0].fd_hold_mm if of_kind(envelopes, RunStart) else np.inf
    grade: Grade = "caution" if fd.mean > hold_mm / 2 else "good"
    above = f"{summary.above_hold} volumes above {hold_mm:g} mm" if np.isfinite(hold_mm) else "no threshold known"
    said = f"Framewise displacement was {fd.mean:.2f} mm on average and {fd.max:.2f} mm at most, with {above}."
    yield Finding("motion", grade, said, f"the head moved by {fd.mean:.2f} mm a volume on average")
    conditions = motion_by_condition(envelopes)
    regulating, resting = (_mean_fd_mm(conditions, role) for role in ("regulate", "rest"))
    if regulating is not None and resting is not None:
        more = regulating > MORE_MOTION * resting and regulating - resting > MORE_MOTION_MM
        said = f"Mean framewise displacement was {regulating:.2f} mm during regulation and {resting:.2f} mm at rest"
        told = f"{said}{', so motion may stand in the feedback' if more else ''}."
        yield Finding("motion", "caution" if more else "good", told, "the head moved more during regulation than at rest")


def _mean_fd_mm(conditions: Sequence[ConditionMotion], role: str) -> float | None:
    of_role = [(c.mean_fd_mm, c.volumes) for c in conditions if c.role == role and c.mean_fd_mm is not None]
    return sum(mean * n for mean, n in of_role) / sum(n for _, n in of_role) if of_role else None


def _signal(envelopes: Sequence[Envelope], volumes: Sequence[VolumeMessage]) -> Iterator[Finding]:
    """How much of the regulation had a settled value: before the first rest's baseline nothing has."""
    regulating = {c.name for c in motion_by_condition(envelopes) if c.role == "regulate"}
    asked = [volume for volume in volumes if volume.condition in regulating and volume.validity != "missing"]
    if asked:
        settled = sum(volume.validity == "ok" for volume in asked)
        grade: Grade = "good" if settled >= LEAST_SETTLED * len(asked) else "caution"
        yield Finding(
            "signal",
            grade,
            f"In regulation blocks {settled} of {len(asked)} volumes had a settled value.",
            "few values were settled during regulation",
        )


def _speed(envelopes: Sequence[Envelope], summary: Summary) -> Iterator[Finding]:
    total, confirmed = summary.latency_ms.get("total"), of_kind(envelopes, Confirmed)
    if total is None or not confirmed:
        return
    tr_ms = 1000.0 * confirmed[-1].tr_s
    grade: Grade = "poor" if total.p95 > tr_ms else "caution" if total.p95 > SLOW * tr_ms or total.max > tr_ms else "good"
    took = f"{total.p50:.0f} ms (median), {total.p95:.0f} ms (95th percentile) and {total.max:.0f} ms (longest)"
    yield Finding("speed", grade, f"From complete file to sent value it took {took} of a TR of {tr_ms:.0f} ms.", "values came slowly")


def _display(envelopes: Sequence[Envelope], summary: Summary) -> Iterator[Finding]:
    reports = of_kind(envelopes, DisplayReport)
    if summary.to_show and not reports and not of_kind(envelopes, Shown):
        if not summary.published:
            return  # computed again from a recording: nobody was there to see
        said = f"No display reported, so whether the {summary.to_show} values were on the screen is not known."
        yield Finding("display", "caution", said, "no display reported")
    elif summary.to_show:
        share = summary.shown / summary.to_show
        grade: Grade = "good" if share >= LEAST_SHOWN else "caution"
        said = f"Of {summary.to_show} values for the participant {summary.shown} are known to have been on the screen."
        yield Finding("display", grade, said, "not all values are known to have been on the screen")
    counted = {report.display: report for report in reports if report.frames}  # the last report of each display
    if counted:
        worst = max(counted.values(), key=lambda report: report.dropped_frames / report.frames)
        share = worst.dropped_frames / worst.frames
        said = f"The display dropped {worst.dropped_frames} of {worst.frames} frames ({share:.2%})."
        yield Finding("display", "caution" if share > MOST_DROPPED else "good", said, "the display dropped frames")


def _faults(summary: Summary) -> Iterator[Finding]:
    errors = sum(fault.severity == "error" for fault in summary.faults)
    warnings = sum(fault.severity == "warning" for fault in summary.faults)
    if errors or warnings:
        said = f"Errors in the run: {errors}; warnings: {warnings}."
        yield Finding("faults", "caution" if errors else "good", said, "there were errors")
