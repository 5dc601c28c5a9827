"""How good the measurement was: the head's motion, and the quality of the images. Nothing of it is sealed in a blind run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from rtfmri.messages import Quality, VolumeMessage
from rtfmri.record.report.course import shades, validity_strip
from rtfmri.record.report.facts import Facts, known
from rtfmri.record.report.figures import Chart, Level, Line, Panel
from rtfmri.record.report.markup import Column, Section, figure, number, paragraph, plain, table
from rtfmri.record.report.svg import draw
from rtfmri.record.summary import motion_by_condition, of_kind, spread
from rtfmri.study.sections import Quality as QualityRule
from rtfmri.volume import Array

AXES = "xyz"


def motion(facts: Facts) -> Section:
    """Six parameters, framewise displacement with its thresholds, and both by condition."""
    title = "Head motion"
    if facts.summary.fd_mm is None:
        return Section("motion", title, paragraph("No motion was estimated: there were no two volumes after the dummies."))
    rule = facts.study.quality if facts.study else QualityRule()
    hold = facts.start.fd_hold_mm if facts.start else rule.fd_hold_mm
    fd_levels = (Level(hold, f"held above {hold:g} mm"), Level(rule.fd_note_mm, f"noted above {rule.fd_note_mm:g} mm"))
    panels = (
        Panel("Translation, mm", tuple(_lines(facts, lambda v, k: v.motion.trans_mm[k] if v.motion else None)), height=110, least=0.2),
        Panel(
            "Rotation, degrees",
            tuple(_lines(facts, lambda v, k: float(np.degrees(v.motion.rot_rad[k])) if v.motion else None)),
            height=110,
            least=0.2,
        ),
        Panel("Framewise displacement (Power), mm", (_line(facts, "", _fd),), fd_levels, 110, least=0.3),
        validity_strip(facts),
    )
    fd = facts.summary.fd_mm
    words = f"Six realignment parameters and framewise displacement; mean {fd.mean:.2f} mm, largest {fd.max:.2f} mm."
    caption = (
        "Reference to volume, about the centre of the brain, in the scanner's axes (x to the right, y forward, z up). Framewise "
        "displacement "
        "as Power et al. 2012 (NeuroImage 59:2142): sum of the absolute changes, rotations on a sphere of 50 mm."
    )
    chart = Chart("motion", title, words, panels, shades(facts), end=facts.end_s)
    return Section("motion", title, figure(draw(chart), caption) + _by_condition(facts, hold))


def _fd(volume: VolumeMessage) -> float | None:
    return volume.motion.fd_mm if volume.motion else None


def _lines(facts: Facts, what: Callable[[VolumeMessage, int], float | None]) -> Iterator[Line]:
    for axis, name in enumerate(AXES):
        yield _line(facts, name, lambda volume, axis=axis: what(volume, axis), axis)  # type: ignore[misc]


def _line(facts: Facts, name: str, what: Callable[[VolumeMessage], float | None], style: int = 0) -> Line:
    return Line(name, facts.time_s, facts.series(what), style=style)


def _by_condition(facts: Facts, hold_mm: float) -> str:
    columns = (
        Column("Condition", False),
        Column("Volumes"),
        Column("Mean FD (mm)"),
        Column("Largest FD (mm)"),
        Column(f"FD > {hold_mm:g} mm"),
        Column("Flagged"),
    )
    rows = [
        (plain(c.name), str(c.volumes), number(c.mean_fd_mm), number(c.max_fd_mm), str(c.above_hold), str(c.flagged))
        for c in motion_by_condition(facts.envelopes)
    ]
    return table("Motion by condition, of the volumes that came", columns, rows)


def quality(facts: Facts) -> Section:
    """DVARS, tSNR, spikes, ghost: what is there of it."""
    title = "Image quality"
    seen = of_kind(facts.envelopes, Quality)
    panels = [*_dvars(facts), *_tsnr(facts, seen), *_shares(facts, seen)]
    if not panels:
        return Section("quality", title, paragraph("No measure of image quality was recorded."))
    chart = Chart(
        "quality",
        title,
        "DVARS" + (", tSNR, spikes and ghost" if seen else "") + " over the run.",
        tuple(panels),
        shades(facts),
        end=facts.end_s,
    )
    caption = "DVARS: root mean square over the brain of the difference to the volume before, in percent of the brain's mean."
    if seen:
        caption += (
            " tSNR: mean over standard deviation of all volumes so far, drift taken out. Spikes: share of the brain's voxels that jumped. "
            "Ghost: signal beside the head along phase encoding, in percent of the head's."
        )
    rows = [*_dvars_rows(facts), *_quality_rows(seen)]
    columns = (Column("Measure", False), Column("Median"), Column("95th percentile"), Column("Largest"))
    html = figure(draw(chart), caption) + table("Image quality over the run", columns, rows)
    if seen and seen[-1].tsnr:
        rows = [(plain(name), number(value, 1)) for name, value in seen[-1].tsnr.items()]
        html += table("tSNR at the end of the run", (Column("Where", False), Column("tSNR")), rows)
    return Section("quality", title, html + _bad_slices(facts))


def _dvars(facts: Facts) -> Iterator[Panel]:
    dvars = facts.series(lambda volume: volume.dvars_percent)
    if np.isfinite(dvars).any():
        yield Panel("DVARS, %", (Line("", facts.time_s, dvars),), height=110)


def _tsnr(facts: Facts, seen: tuple[Quality, ...]) -> Iterator[Panel]:
    names = list(dict.fromkeys(name for message in seen for name in message.tsnr))
    if names:
        lines = tuple(
            Line(plain(name), _times(facts, seen), known([m.tsnr.get(name) for m in seen]), style=k) for k, name in enumerate(names)
        )
        yield Panel("tSNR so far", lines, height=110)


def _shares(facts: Facts, seen: tuple[Quality, ...]) -> Iterator[Panel]:
    for style, (name, field) in enumerate((("Spikes, % of voxels", "spike_percent"), ("Ghost, %", "ghost_percent"))):
        values = known([getattr(message, field) for message in seen])
        if np.isfinite(values).any():
            yield Panel(name, (Line("", _times(facts, seen), values, style=style),), height=70, least=0.5)


def _times(facts: Facts, seen: tuple[Quality, ...]) -> Array:
    return np.array([message.index for message in seen]) * (facts.tr_s or 1.0)


def _dvars_rows(facts: Facts) -> Iterator[tuple[str, ...]]:
    found = spread([volume.dvars_percent for volume in facts.volumes if volume.dvars_percent is not None])
    if found:
        yield "DVARS (%)", number(found.p50), number(found.p95), number(found.max)


def _quality_rows(seen: tuple[Quality, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in (("Voxels that jumped (%)", "spike_percent"), ("Ghost (%)", "ghost_percent")):
        found = spread([value for message in seen if (value := getattr(message, field)) is not None])
        if found:
            yield name, number(found.p50), number(found.p95), number(found.max)


def _bad_slices(facts: Facts) -> str:
    spoiled = [volume for volume in facts.volumes if volume.bad_slices]
    if not spoiled:
        return ""
    where = "; ".join(f"volume {v.index + 1}: {', '.join(str(z + 1) for z in v.bad_slices)}" for v in spoiled[:12])
    more = f"; and {len(spoiled) - 12} more volumes" if len(spoiled) > 12 else ""
    return paragraph(f"Slices that differed far more than the others (counted from 1): {where}{more}.")
