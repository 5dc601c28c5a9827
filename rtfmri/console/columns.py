"""The series of the charts, append-only: one table a kind of message, one column a series, one row a message.

Conventions: None where there is no value. Percent means percent signal change; translations mm, rotations degrees, displacement (FD) mm,
latencies ms. Columns are named ``roi.NAME.psc``; one that first appears later is filled with None up to there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from rtfmri.messages import Message, Published, Quality, RoiReading, VolumeMessage

Value: TypeAlias = float | int | bool | str | None
Row: TypeAlias = dict[str, Value]
AXES = ("x", "y", "z")
DIGITS = 5  # significant: finer than a pixel, and half the bytes


class Table:
    """Columns of one length that only grow."""

    def __init__(self) -> None:
        self.length = 0
        self.columns: dict[str, list[Value]] = {}

    def append(self, row: Mapping[str, Value]) -> None:
        for name in row:
            if name not in self.columns:
                self.columns[name] = [None] * self.length
        for name, values in self.columns.items():
            values.append(row.get(name))
        self.length += 1

    def since(self, first: int) -> dict[str, Sequence[Value]]:
        """The rows from ``first`` on, by column. Columns that hold nothing but None there are left out."""
        parts = {name: values[first:] for name, values in self.columns.items()}
        return {name: values for name, values in parts.items() if any(value is not None for value in values)}


def table_and_row(message: Message, sent_unix_s: float) -> tuple[str, Row] | None:
    """Which table ``message`` belongs to, and its row there; None where it has no place in a chart."""
    if isinstance(message, VolumeMessage):
        return "volumes", volume_row(message, sent_unix_s)
    if isinstance(message, Published):
        return "latencies", {"index": message.index, **{stage: _short(ms) for stage, ms in message.latency_ms.items()}}
    if isinstance(message, Quality):
        return "quality", _quality_row(message)
    return None


def volume_row(message: VolumeMessage, sent_unix_s: float) -> Row:
    """One volume number's values. ``sent`` lets a page say how old what it draws is."""
    row: dict[str, Any] = {
        "index": message.index,
        "sent": sent_unix_s,
        "validity": message.validity,
        "flagged": message.flagged or None,
        "dvars": message.dvars_percent,
        "regulation": message.regulation,
        "regulation.se": message.regulation_se,
        "value": message.value,
        "value.se": message.value_se,
        "score": message.score,
        "score.se": message.score_se,
        "score.block": message.score_block,
    }
    if message.motion is not None:
        row |= {f"trans.{axis}": mm for axis, mm in zip(AXES, message.motion.trans_mm, strict=True)}
        row |= {f"rot.{axis}": math.degrees(rad) for axis, rad in zip(AXES, message.motion.rot_rad, strict=True)}
        row["fd"] = message.motion.fd_mm
    for name, reading in message.rois.items():
        row |= {f"roi.{name}.{field}": getattr(reading, field) for field in RoiReading.model_fields}
    row |= {f"ms.{stage}": ms for stage, ms in message.timing.latency_ms.items()}
    return {name: value if name == "sent" else _short(value) for name, value in row.items()}


def _quality_row(message: Quality) -> Row:
    row: Row = {"index": message.index, "spikes": _short(message.spike_percent), "ghost": _short(message.ghost_percent)}
    return row | {f"tsnr.{name}": _short(tsnr) for name, tsnr in message.tsnr.items()}


def _short(value: Value) -> Value:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
