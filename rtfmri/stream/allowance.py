"""How much one sender may send: a token bucket. Pure: times come in as numbers."""

from __future__ import annotations


class Allowance:
    """``burst`` at once, and ``per_s`` in the long run."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s, self._burst = per_s, burst
        self._left, self._at_s = burst, float("-inf")

    def take(self, now_s: float) -> bool:
        """Whether one more is allowed at ``now_s``; if so it is counted. A clock that goes back gives nothing."""
        if now_s > self._at_s:
            self._left = min(self._burst, self._left + self._per_s * (now_s - self._at_s))
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
