"""What a state of the display looks like, before any geometry: one ``Look``. How a state becomes one stands in ``looking.py``.

The rules of the value (``SCIENCE``, participant display):

* continuous feedback shows the newest value in the regulation block that it was measured in, nowhere else; intermittent feedback shows
  the score of the regulation block just finished in blocks named ``show``; a run that is no feedback run never shows a value;
* ``fresh``: measured in the newest volume. ``held``: the newest volume gave nothing new, the shape stays. ``stale``: no volume for
  ``stale_after_s``, or held for ``pause_after_s``: the neutral middle. ``neutral``: there is no value to show;
* no volume for ``pause_after_s``: ``paused``, until one comes; after the last block none is awaited;
* ``idle``: no run is known, and so neither language nor flip: no words. ``waiting``: armed, neither volume nor pulse yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from rtfmri.messages import RatingScale, TrialInfo
from rtfmri.paradigm import Block

Kind = Literal["idle", "card", "waiting", "block", "rating", "paused", "blank", "ended"]
ValueState = Literal["neutral", "fresh", "held", "stale"]
Trace: TypeAlias = tuple[tuple[float, float], ...]  # (seconds since the block's onset, -1 ... 1), oldest first
SHOW = "show"


@dataclass(frozen=True)
class Reading:
    """A value that the engine measured, -1 ... 1 of the range: from which volume, for which block, and when it came."""

    index: int
    block: int | None
    value: float
    came_s: float


@dataclass(frozen=True)
class Asked:
    """A question on the glass: ``place`` of the slider on its scale, ``left`` of the time (1 ... 0), whether it is answered."""

    scale: RatingScale
    place: float
    left: float
    moved: bool = False
    answered: bool = False


@dataclass(frozen=True)
class Look:
    """``value`` and ``index`` (the volume behind it) are None where no value is shown."""

    kind: Kind
    block: Block | None = None
    number: int | None = None
    value_state: ValueState = "neutral"
    value: float | None = None
    index: int | None = None
    resting: bool = False  # a value would be shown here, but none is young enough
    own_pause: bool = False  # the participant pressed the key
    welcome: bool = False  # waiting, at the beginning of a session
    trial: TrialInfo | None = None  # in place of the block's words
    asked: Asked | None = None
    trace: Trace = ()  # continuous: this block's values so far; () where no value is shown

    @property
    def word(self) -> str:
        """The state in one word, as it is logged."""
        return self.value_state if self.kind == "block" else self.kind

    @property
    def valued(self) -> bool:
        return self.value is not None
