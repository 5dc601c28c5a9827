"""What the terminal shows of a run, pure: messages in, a frozen board out. Drawing is in ``status.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rtfmri.messages import Confirmed, Envelope, Fault, Published, RunStart, RunStop, Shown, VolumeMessage

LATENCIES_KEPT = 300
FAULTS_KEPT = 4


@dataclass(frozen=True)
class Board:
    """The newest of everything; None where nothing came yet."""

    start: RunStart | None = None
    confirmed: Confirmed | None = None
    volume: VolumeMessage | None = None
    shown: Shown | None = None
    stop: RunStop | None = None
    totals_ms: tuple[float, ...] = ()
    faults: tuple[Fault, ...] = ()
    counts: tuple[tuple[str, int], ...] = (("ok", 0), ("settling", 0), ("held", 0), ("missing", 0))

    @property
    def planned(self) -> int | None:
        if self.confirmed is not None:
            return self.confirmed.planned_volumes
        return self.start.planned_volumes if self.start is not None else None


def after(board: Board, envelope: Envelope) -> Board:
    """The board once ``envelope`` is known."""
    change = _CHANGES.get(type(envelope.message))
    return board if change is None else change(board, envelope.message)


def _start(board: Board, message: RunStart) -> Board:
    return Board(start=message)


def _volume(board: Board, message: VolumeMessage) -> Board:
    counts = tuple((name, n + (name == message.validity)) for name, n in board.counts)
    return replace(board, volume=message, counts=counts)


def _published(board: Board, message: Published) -> Board:
    return replace(board, totals_ms=(*board.totals_ms, message.latency_ms["total"])[-LATENCIES_KEPT:])


def _fault(board: Board, message: Fault) -> Board:
    return replace(board, faults=(*board.faults, message)[-FAULTS_KEPT:])


_CHANGES: dict[type, Callable[[Board, Any], Board]] = {
    RunStart: _start,
    VolumeMessage: _volume,
    Published: _published,
    Fault: _fault,
    Confirmed: lambda board, message: replace(board, confirmed=message),
    Shown: lambda board, message: replace(board, shown=message),
    RunStop: lambda board, message: replace(board, stop=message),
}


def percentile(values: tuple[float, ...], percent: float) -> float | None:
    """Nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100.0))]
