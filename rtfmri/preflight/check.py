"""What one check says. Pure.

``failed``: a run must not, or could not, be armed. ``warning``: it can, and somebody should know. ``unknown``: it cannot be told yet, such
as of a scanner that has not sent anything. A text is one sentence (or several, a line each), advice is what to do; a check that is ok
needs none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

State = Literal["ok", "warning", "failed", "unknown"]
STATES: tuple[State, ...] = ("ok", "unknown", "warning", "failed")  # from good to bad
SYMBOLS: dict[State, str] = {"ok": "✔", "unknown": "?", "warning": "▲", "failed": "✖"}
WORDS: dict[State, str] = {"ok": "ok", "unknown": "not known", "warning": "look", "failed": "failed"}


@dataclass(frozen=True)
class Check:
    """``picture``: a PNG of this computer to look at; ``page``: an HTML file that says more."""

    name: str
    state: State
    text: str
    advice: str = ""
    picture: Path | None = None
    page: Path | None = None

    def as_record(self) -> dict[str, Any]:
        """For programs: plain data."""
        paths = {name: None if path is None else str(path) for name, path in (("picture", self.picture), ("page", self.page))}
        return {"name": self.name, "state": self.state, "text": self.text, "advice": self.advice, **paths}


def worst(checks: Iterable[Check]) -> State:
    """The worst state of all; ok where there is none."""
    return max((check.state for check in checks), key=STATES.index, default="ok")


def of_state(checks: Iterable[Check], state: State) -> tuple[Check, ...]:
    return tuple(check for check in checks if check.state == state)


def ago(seconds: float) -> str:
    """``40 s``, ``3 min``, ``5 h``, ``2 days``."""
    for limit, size, word in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if abs(seconds) < limit:
            return f"{seconds / size:.0f} {word}"
    return f"{seconds / 86_400:.0f} days"


def of_bytes(count: float) -> str:
    """``3.4 GB`` (10^9)."""
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
