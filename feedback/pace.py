"""When the next frame is due: at the screen's refresh, never more than 60 times a second, 30 where nothing but idle motion is seen. Pure.

Where a flip waits for the screen, drawing begins ``LEAD_S`` and the time that drawing takes before the refresh that it is meant for: a
frame begun a whole refresh after the last would always miss the next. A screen of 120 Hz gets every second refresh, one of 144 Hz every
third. Where flips do not wait, the clock alone paces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MOST_HZ = 60.0
FRAME_S = 1.0 / MOST_HZ
TOLERANCE = 0.02  # a screen of 60.5 Hz is one of 60
LEAD_S = 0.003
FORGETS = 0.95  # of the longest drawing, each frame
LATE = 0.5  # periods later than wanted: a frame was dropped


@dataclass(frozen=True)
class Pace:
    """``due_s``: when to draw the next frame; ``flip_s``: when the last one was on the glass; ``dropped`` of ``frames`` came late."""

    due_s: float
    refresh_hz: float | None = None
    flip_s: float | None = None
    wanted_s: float = FRAME_S  # from that flip to the next
    drawing_s: float = 0.0
    frames: int = 0
    dropped: int = 0

    @property
    def period_s(self) -> float:
        """From flip to flip, at the quickest."""
        if self.refresh_hz is None:
            return FRAME_S
        return max(1, math.ceil(self.refresh_hz / MOST_HZ - TOLERANCE)) / self.refresh_hz

    def flipped(self, began_s: float, drawn_s: float, flip_s: float, quiet: bool = False) -> Pace:
        """A frame was begun, drawn and on the glass at these times; ``quiet``: the next one may wait twice as long."""
        wanted_s = (2 if quiet else 1) * self.period_s
        drawing_s = max(drawn_s - began_s, self.drawing_s * FORGETS)
        if self.refresh_hz is None:
            due_s = max(self.due_s + wanted_s, flip_s)
        else:
            due_s = flip_s + max(0.0, wanted_s - LEAD_S - min(drawing_s, self.period_s / 2))
        late = self.flip_s is not None and flip_s - self.flip_s > self.wanted_s + LATE * self.period_s
        counted = replace(self, due_s=due_s, flip_s=flip_s, wanted_s=wanted_s, drawing_s=drawing_s)
        return replace(counted, frames=self.frames + 1, dropped=self.dropped + late)

    def hurried(self) -> Pace:
        """Something is to be shown: the next frame is due after one period, not two."""
        if self.flip_s is None:
            return self
        return replace(self, due_s=min(self.due_s, self.flip_s + self.period_s), wanted_s=min(self.wanted_s, self.period_s))
