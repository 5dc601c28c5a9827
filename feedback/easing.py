"""Nothing on the participant's screen jumps: what changes goes there smoothly within ``EASE_S``."""

from __future__ import annotations

from dataclasses import dataclass

EASE_S = 0.7


@dataclass(frozen=True)
class Ease:
    """A quantity on its way from ``start`` to ``target`` since ``began_s`` of the display's clock."""

    start: float = 0.0
    target: float = 0.0
    began_s: float = 0.0

    def at(self, now_s: float) -> float:
        """Where it is at ``now_s``: smoothstep 3p^2 - 2p^3, at rest at both ends, never beyond them."""
        part = min(max((now_s - self.began_s) / EASE_S, 0.0), 1.0)
        return self.start + (self.target - self.start) * part * part * (3.0 - 2.0 * part)

    def toward(self, target: float, now_s: float) -> Ease:
        """On the way to ``target`` from wherever it is now; the same when it goes there already."""
        return self if target == self.target else Ease(self.at(now_s), target, now_s)
