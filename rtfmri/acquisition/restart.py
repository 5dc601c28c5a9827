"""A scan that was started again under the same series: its numbers go back while the scanner's clock goes on. Pure.

Rule: a piece is of a second scan if its number is not beyond the newest one, and yet it was acquired after that one, and more than
``LATE_TR`` later than its number says. Once there was one, every piece that comes so late by the clock is of the second scan. Each is
judged by itself, so that one damaged header costs one file and not the run.
"""

from __future__ import annotations

from rtfmri.acquisition.headers import passed_s
from rtfmri.volume import SourceFault

LATE_TR = 1.5


class RestartGuard:
    """Watches numbers and times (seconds since midnight) of one run."""

    def __init__(self) -> None:
        self._newest: tuple[int, float] | None = None
        self._told = False

    def judge(self, index: int | None, acquired_s: float | None, tr_s: float) -> tuple[bool, SourceFault | None]:
        """Whether a piece is of the run; and what to say the first time that one is not."""
        if index is None or acquired_s is None:
            return True, None
        newest, newest_s = self._newest or (index, acquired_s)
        later_s = passed_s(newest_s, acquired_s)
        late = later_s > (index - newest + LATE_TR) * tr_s
        if late and (self._told or (index <= newest and later_s > 0)):
            fault = None if self._told else _fault(index, newest)
            self._told = True
            return False, fault
        if self._newest is None or index > newest:
            self._newest = (index, acquired_s)
        return True, None


def _fault(index: int, newest: int) -> SourceFault:
    text = f"after volume {newest + 1} the numbers go back to {index + 1}, later by the scanner's clock: another scan, left out"
    return SourceFault("restarted", text, "If the scan was started again, stop the run and arm the next.", index=index)
