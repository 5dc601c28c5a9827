"""What was on the glass when: one line of JSON for every flip that changed something, kept on the stimulus PC.

A line is the ``Shown`` message that goes to the engine, and beside it the name of the block. Times are the display's clock;
``clock_offset_s`` (engine's clock minus the display's) stands in each line where it is known, so no clock is corrected silently.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import TracebackType
from typing import TextIO

from feedback.easing import EASE_S
from feedback.look import Look
from rtfmri.messages import Shown

MOST_PICTURES = 40
SETTLED_S = EASE_S + 0.15


def shown(display: str, look: Look, flip_s: float, offset: tuple[float, float] | None, zero_s: float | None = None) -> Shown:
    """The message for a flip at ``flip_s``.

    ``offset``: engine's clock minus the display's and its error, seconds; ``zero_s``: time zero of the run on the display's clock.
    """
    offset_s, error_s = offset or (None, None)
    return Shown(
        display=display,
        index=look.index,
        state=look.word,
        value=look.value,
        flip_unix_s=flip_s,
        clock_offset_s=offset_s,
        clock_error_s=error_s,
        block=look.number,
        trial=_trial(look),
        zero_unix_s=zero_s,
    )


def _trial(look: Look) -> str:
    if look.asked is not None:
        return look.asked.scale.name
    return "" if look.trial is None else look.trial.name or Path(look.trial.image).name


class GlassLog:
    """Appends lines to a file; a context manager. Without a path it keeps nothing. Raises OSError where the file cannot be opened."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def __enter__(self) -> GlassLog:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, message: Shown, look: Look) -> None:
        self._line({**message.model_dump(), "block_name": None if look.block is None else look.block.name})

    def fault(self, text: str, now_s: float) -> None:
        """Something of ours went wrong at ``now_s``; the participant saw the neutral shape."""
        self._line({"kind": "display_fault", "text": text, "unix_s": now_s})

    def _line(self, fields: dict[str, object]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(fields) + "\n")


class Album:
    """Which looks to keep a picture of: each new one once it has eased in, ``MOST_PICTURES`` at most."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._look: tuple[object, ...] | None = None
        self._since_s = 0.0
        self._taken = 0
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def due(self, look: Look, now_s: float) -> Path | None:
        """Where to save a picture of the coming flip; None for most flips."""
        key = (look.kind, look.welcome, look.number, look.value_state, _trial(look))
        if key != self._look:
            self._look, self._since_s = key, now_s
        if self._folder is None or now_s - self._since_s < SETTLED_S or self._taken >= MOST_PICTURES:
            return None
        self._since_s = float("inf")  # this look is in the album
        self._taken += 1
        return self._folder / f"{self._taken:02d}_{_slug(look)}.png"


def _slug(look: Look) -> str:
    """``regulate_fresh``: block and state; else what it is, ``rating_pain``."""
    block = look.block.name if look.block is not None else "between"
    parts = (block, _trial(look), look.word) if look.kind == "block" else ("welcome" if look.welcome else look.kind, _trial(look))
    name = "_".join(part for part in parts if part)
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name)
