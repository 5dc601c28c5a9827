"""``desc-nf_timeseries``: one row per volume, everything that was computed, sent and seen for it.

Each value that was on a display's glass stands in the row of the volume behind it. Where several displays reported, the row tells of the
participant's (``glass.py``). Times of the display are put on this computer's clock only with the offset that was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rtfmri.messages import Envelope, Published, RoiReading, Shown, VolumeMessage
from rtfmri.record.glass import GlassLatency, first_shown, scanner_to_glass
from rtfmri.record.summary import of_kind
from rtfmri.record.tables import Cell, Column, Table, tabulate

VALIDITIES = (
    ("ok", "measured, and its standard error is small enough"),
    ("settling", "measured, but there is no settled baseline or model yet"),
    ("held", "flagged: the display kept the value before"),
    ("missing", "the volume never came"),
)
GLASS_RESTS_ON = (
    ("trigger", "the scanner's pulses"),
    ("volumes", "the volume that arrived soonest: the delay of the quickest export is not in the latency"),
)
READINGS = (
    ("raw", "mean of the region's voxels at their moved positions", "scanner units"),
    ("cleaned", "the same with drift and motion taken out by the model as it was then", "scanner units"),
    ("psc", "signal change against the preceding rest", "%"),
    ("se", "standard error of the signal change", "%"),
)


@dataclass(frozen=True)
class Row:
    """One volume: its message, when it was published, when its value first was on the glass, how long after its acquisition."""

    volume: VolumeMessage
    published: Published | None
    shown: Shown | None
    glass: GlassLatency | None


RowColumn = Column[Row]


def nf_series(envelopes: Sequence[Envelope]) -> Table:
    """The columns stand in the order of the path: times, what kind of volume, regions, feedback, display, latencies."""
    volumes = of_kind(envelopes, VolumeMessage)
    published = {message.index: message for message in of_kind(envelopes, Published)}
    shown, glass = first_shown(envelopes), scanner_to_glass(envelopes)
    rows = [Row(v, published.get(v.index), shown.get(v.index), glass.get(v.index)) for v in volumes]
    regions = dict.fromkeys(name for volume in volumes for name in volume.rois)
    columns = [*_times(), *_kind(), *(c for name in regions for c in _region(name)), *_feedback(), *_control(volumes)]
    columns += [*_display(), *_latencies(rows)]
    return tabulate(columns, rows)


def _of_volume(name: str, description: str, units: str = "", field: str = "", levels: tuple[tuple[str, str], ...] = ()) -> RowColumn:
    return RowColumn(name, description, lambda row: getattr(row.volume, field or name), units, levels)


def _times() -> list[RowColumn]:
    return [
        RowColumn("number", "The scanner's volume number, from 1: the volume's place in the 4D NIfTI.", lambda row: row.volume.index + 1),
        _of_volume("acquired_s", "Beginning of the acquisition since the first stored volume's, by the scanner's clock.", "s"),
        RowColumn("arrived_unix_s", "Complete on this computer.", lambda row: row.volume.timing.arrived_unix_s, "s"),
        RowColumn("published_unix_s", "Sent to the displays.", lambda row: row.published.published_unix_s if row.published else None, "s"),
    ]


def _kind() -> list[RowColumn]:
    return [
        _of_volume("condition", "Name of the block."),
        _of_volume("block", "Number of the block, from 0."),
        _of_volume("validity", "What the volume's value is worth.", levels=VALIDITIES),
        _of_volume("why", "The reason, where it is not ok."),
        _of_volume("flagged", "Left out of model and baseline."),
    ]


def _region(name: str) -> list[RowColumn]:
    def reading(field: str) -> Callable[[Row], Cell]:
        def value(row: Row) -> Cell:
            found: RoiReading | None = row.volume.rois.get(name)
            return None if found is None else getattr(found, field)

        return value

    return [RowColumn(f"{name}_{field}", f"Region {name}: {what}.", reading(field), units) for field, what, units in READINGS]


def _feedback() -> list[RowColumn]:
    return [
        _of_volume("regulation", "The participant's own: weighted sum of the regions' signal changes.", "%"),
        _of_volume("regulation_se", "Its standard error.", "%"),
        _of_volume("value", "The study's measure, in its unit (resolved study, signal.measure); without another measure the regulation."),
        _of_volume("value_se", "Its standard error."),
        _of_volume("score", "The measure over the last finished block, in its unit."),
        _of_volume("score_se", "Its standard error.", "%"),
        _of_volume("score_block", "Number of the block that the score is of, from 0."),
        _of_volume("feedback", "What the displays may show, as part of the range: -1 to 1; n/a: nothing new."),
    ]


def _control(volumes: Sequence[VolumeMessage]) -> list[RowColumn]:
    """Of a study with a sealed allocation that is not blind."""
    if all(volume.control is None for volume in volumes):
        return []
    return [
        _of_volume("control", "Where the feedback comes from: own, yoked, control_roi or none."),
        _of_volume("own_feedback", "What the participant's own value would have shown, -1 to 1."),
        _of_volume("own_validity", "What the own value is worth.", levels=VALIDITIES),
        _of_volume("control_feedback", "What the study's control combination would have shown, -1 to 1."),
    ]


def _display() -> list[RowColumn]:
    def of_flip(field: str) -> Callable[[Row], Cell]:
        return lambda row: getattr(row.shown, field) if row.shown else None

    return [
        RowColumn("shown", "Value on the glass, -1 to 1, from the first flip with this volume's value on.", of_flip("value")),
        RowColumn("shown_state", "What the display showed besides.", of_flip("state")),
        RowColumn("shown_by", "Name of the display.", of_flip("display")),
        RowColumn("shown_flip_unix_s", "That flip, by the display's clock.", of_flip("flip_unix_s"), "s"),
        RowColumn("shown_unix_s", "That flip, by this computer's clock; n/a where the offset was not measured.", _shown_unix_s, "s"),
        RowColumn("shown_clock_error_s", "Error of the measured offset between the clocks.", of_flip("clock_error_s"), "s"),
        RowColumn("scanner_to_glass_ms", "From the end of the volume's acquisition to that flip.", _of_glass("ms"), "ms"),
        RowColumn(
            "scanner_to_glass_error_ms",
            "Error of the measured offset between two computers' clocks; n/a where none stands between.",
            _of_glass("error_ms"),
            "ms",
        ),
        RowColumn("scanner_to_glass_rests_on", "What tells the end of acquisition.", _of_glass("rests_on"), levels=GLASS_RESTS_ON),
    ]


def _of_glass(field: str) -> Callable[[Row], Cell]:
    return lambda row: getattr(row.glass, field) if row.glass else None


def _shown_unix_s(row: Row) -> Cell:
    if row.shown is None or row.shown.clock_offset_s is None:
        return None
    return row.shown.flip_unix_s + row.shown.clock_offset_s


def _latencies(rows: Sequence[Row]) -> list[RowColumn]:
    def stages(row: Row) -> dict[str, float]:
        return row.volume.timing.latency_ms | (row.published.latency_ms if row.published else {})

    def column(stage: str) -> RowColumn:
        what = "From complete file to published message." if stage == "total" else f"Time taken by the stage {stage}."
        return RowColumn(f"latency_{stage}_ms", what, lambda row: stages(row).get(stage), "ms")

    names = dict.fromkeys(stage for row in rows for stage in stages(row))
    return [column(stage) for stage in names]
