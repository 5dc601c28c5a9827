"""The offset between two computers' clocks from pings, as in NTP (RFC 5905, section 8). Pure: times come in as numbers.

Convention: offset = engine's clock - display's clock, both unix seconds. A ping leaves at ``sent_s`` and its pong is back at
``received_s``, both by the display's clock; the engine's clock said ``engine_s`` somewhere between. So offset = engine_s - (sent_s +
received_s) / 2, and it is wrong by half the round trip at most.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

RECENT = 16
DRIFT = 1e-4  # two cheap quartz clocks run apart by 100 ppm at most


class Ping(BaseModel):
    """From a display; ``number`` comes back in the pong."""

    model_config = ConfigDict(frozen=True)
    display: str = Field(min_length=1, max_length=64)
    number: int = Field(ge=0)


class Pong(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    number: int
    engine_unix_s: float


@dataclass(frozen=True)
class Measurement:
    """``error_s`` is half the round trip; ``measured_s`` is when, by the display's clock."""

    offset_s: float
    error_s: float
    measured_s: float

    def error_at(self, now_s: float) -> float:
        """The error that an old measurement has by now."""
        return self.error_s + DRIFT * abs(now_s - self.measured_s)

    def contradicts(self, other: Measurement) -> bool:
        """Both cannot be true: a clock was set in between."""
        return abs(self.offset_s - other.offset_s) > self.error_s + other.error_at(self.measured_s)


def measure(sent_s: float, engine_s: float, received_s: float) -> Measurement:
    return Measurement(engine_s - (sent_s + received_s) / 2, (received_s - sent_s) / 2, received_s)


class ClockOffset:
    """The best of the last ``RECENT`` measurements; those that a newer one contradicts are forgotten."""

    def __init__(self) -> None:
        self._recent: deque[Measurement] = deque(maxlen=RECENT)

    def add(self, measurement: Measurement) -> None:
        """A negative round trip (the display's clock was set back meanwhile) says nothing and is left out."""
        if measurement.error_s < 0:
            return
        kept = [old for old in self._recent if not measurement.contradicts(old)]
        self._recent = deque([*kept, measurement], maxlen=RECENT)

    def best(self, now_s: float) -> tuple[float, float] | None:
        """``(offset_s, error_s)`` at ``now_s`` (display's clock), or None before the first measurement."""
        if not self._recent:
            return None
        best = min(self._recent, key=lambda measurement: measurement.error_at(now_s))
        return best.offset_s, best.error_at(now_s)
