"""How long each stage of a volume took, by a clock that is handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rtfmri.messages import Timing
from rtfmri.volume import Volume


@dataclass(frozen=True)
class Stopwatch:
    """Collects laps in ms by stage: decode, assemble, queue (from the volume's arrival), then those of the critical path."""

    clock: Callable[[], float]
    laps_ms: dict[str, float] = field(default_factory=dict)

    def lap(self, stage: str, since_s: float) -> float:
        now_s = self.clock()
        self.laps_ms[stage] = round(1e3 * (now_s - since_s), 3)
        return now_s

    def timing(self, volume: Volume) -> Timing:
        return Timing(arrived_unix_s=volume.arrival.noticed_unix_s if volume.arrival else None, latency_ms=self.laps_ms)


def started(volume: Volume, clock: Callable[[], float], queue_ms: float | None) -> Stopwatch:
    """A stopwatch that already knows what came before the critical path."""
    arrival = volume.arrival
    if arrival is None:
        return Stopwatch(clock)
    laps = {"decode": round(1e3 * arrival.decode_s, 3), "assemble": round(1e3 * arrival.assemble_s, 3)}
    return Stopwatch(clock, laps if queue_ms is None else {**laps, "queue": round(queue_ms, 3)})
