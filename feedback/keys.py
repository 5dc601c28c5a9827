"""Which key means what. Pure.

A button's meaning comes from the study (``ButtonSettings``); where the box is a serial one, no key is a button. F1 shows and takes away the
set-up card, Escape twice within ``TWICE_WITHIN_S`` is the operator's way out. Debounce: a slider takes one step of a key in
``debounce_s``, so a held key steps on at that pace; a pause is not undone before its button was silent for ``PAUSE_SILENT_S``, so neither
a bounce nor a held button ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rtfmri.messages import ButtonSettings

OPERATOR_KEY = "escape"
CARD_KEY = "f1"
TWICE_WITHIN_S = 1.0
PAUSE_SILENT_S = 0.3

Meaning = Literal["left", "right", "confirm", "pause"]


def key_meaning(key: str, buttons: ButtonSettings, pause_keys: tuple[str, ...] = ()) -> Meaning | None:
    """What ``key`` of the keyboard means to the participant's display; ``pause_keys`` are the command line's, beside the study's."""
    if key in pause_keys:
        return "pause"
    return button_meaning(key, buttons) if buttons.kind == "keyboard" else None


def button_meaning(button: str, buttons: ButtonSettings) -> Meaning | None:
    """What ``button`` means: a key's name, or a byte of a serial box as a character."""
    if button in buttons.pause:
        return "pause"
    if button in buttons.left:
        return "left"
    if button in buttons.right:
        return "right"
    return "confirm" if button in buttons.confirm else None


def box_bytes(buttons: ButtonSettings) -> frozenset[str]:
    """What a serial box sends for its buttons, as characters; none where the buttons are keys."""
    named = (*buttons.left, *buttons.right, *buttons.confirm, *buttons.pause)
    return frozenset(name for name in named if len(name) == 1) if buttons.kind == "serial" else frozenset()


@dataclass(frozen=True)
class Presses:
    """When each key was last pressed, seconds of the display's clock."""

    last_s: tuple[tuple[str, float], ...] = ()

    def noted(self, key: str, now_s: float) -> Presses:
        return Presses((*(pair for pair in self.last_s if pair[0] != key), (key, now_s)))

    def silent_s(self, key: str, now_s: float) -> float:
        """How long ``key`` was not pressed."""
        return next((now_s - pressed_s for known, pressed_s in self.last_s if known == key), float("inf"))
