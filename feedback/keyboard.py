"""Keys that are pressed, and keys that stay down. Pure.

A window tells of a key when it goes down and when it comes up; what a keyboard repeats by itself is left out. A key that stays down for
``HOLD_S`` is repeated by us, once a frame, until it comes up or the window loses the keyboard: so holding a button moves a slider on every
computer alike. The pace of the steps is the state's affair (``keys.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

HOLD_S = 0.4


@dataclass(frozen=True)
class Press:
    key: str
    repeated: bool = False  # it is still down


class HeldKeys:
    """What happened to the keys since the last look."""

    def __init__(self) -> None:
        self._new: list[str] = []
        self._since_s: dict[str, float | None] = {}  # keys that are down; None: since the next look

    def pressed(self, key: str) -> None:
        if key not in self._since_s:
            self._new.append(key)
            self._since_s[key] = None

    def released(self, key: str) -> None:
        self._since_s.pop(key, None)

    def released_all(self) -> None:
        self._since_s.clear()

    def taken(self, now_s: float) -> tuple[Press, ...]:
        """New presses in their order, then those held for ``HOLD_S``."""
        new, self._new = tuple(Press(key) for key in self._new), []
        down = {key: since_s for key, since_s in self._since_s.items() if since_s is not None}
        held = tuple(Press(key, repeated=True) for key, since_s in down.items() if now_s - since_s >= HOLD_S)
        self._since_s = {key: now_s if since_s is None else since_s for key, since_s in self._since_s.items()}
        return (*new, *held)
