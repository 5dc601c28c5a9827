"""What time alone does to a run, pure: the alarm after ten silent seconds, the end by silence, the end after the last planned volume.

After the last planned volume the run stays open for displays: long enough that they report it, or, where questions are put to the
participant after the last block, until these are answered or their time is over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

ALARM_AFTER_S = 10.0
LAST_SHOWN_S = 1.0  # displays may still report the last volume for so long before run_stop
FAR_S = 3600.0


class Due(Enum):
    NOTHING = "nothing"
    ALARM = "alarm"
    SILENCE = "silence"
    PLANNED_END = "planned end"


@dataclass(frozen=True)
class Deadlines:
    """Moments by the monotonic clock. ``last_volume_s`` is None before the first volume: an armed run waits as long as it takes."""

    silence_s: float
    last_volume_s: float | None = None
    alarmed: bool = False
    ends_at_s: float | None = None

    def volume_came(self, now_s: float) -> Deadlines:
        return replace(self, last_volume_s=now_s, alarmed=False)

    def last_planned_came(self, now_s: float, answers_within_s: float = 0.0) -> Deadlines:
        """``answers_within_s``: how long the participant may take to answer the last questions."""
        return replace(self, ends_at_s=now_s + max(LAST_SHOWN_S, answers_within_s))

    def all_answered(self, now_s: float) -> Deadlines:
        """Nothing more is awaited of the participant; before the last planned volume this changes nothing."""
        return self if self.ends_at_s is None else replace(self, ends_at_s=min(self.ends_at_s, now_s + LAST_SHOWN_S))

    def wait_s(self, now_s: float) -> float:
        """How long nothing can become due."""
        if self.ends_at_s is not None:
            wake_s = self.ends_at_s
        elif self.last_volume_s is None:
            wake_s = now_s + FAR_S
        else:
            wake_s = self.last_volume_s + (self.silence_s if self.alarmed else min(ALARM_AFTER_S, self.silence_s))
        return max(0.0, wake_s - now_s)

    def due(self, now_s: float) -> Due:
        if self.ends_at_s is not None:
            return Due.PLANNED_END if now_s >= self.ends_at_s else Due.NOTHING
        if self.last_volume_s is None:
            return Due.NOTHING
        silent_s = now_s - self.last_volume_s
        if silent_s >= self.silence_s:
            return Due.SILENCE
        return Due.ALARM if silent_s >= ALARM_AFTER_S and not self.alarmed else Due.NOTHING
