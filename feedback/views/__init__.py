"""What a view of the value is: one pure function from a ``Glance`` to shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from feedback.shapes import Shape


@dataclass(frozen=True)
class Glance:
    """All that a view may know; what changes is eased already.

    value : -1 ... 1 of the range; 0 where there is none.
    presence : 0 (neutral) ... 1 (the shape means a value).
    outline : 0 ... 1 (the value is held).
    trace : this block's measured values, (seconds since the block's onset, -1 ... 1), oldest first.
    block_s : how long the block is, for an axis of time; 0.0 where it is not known.
    idle : -1 ... 1, never at rest and without a rhythm to breathe to.
    """

    value: float
    presence: float
    outline: float
    trace: tuple[tuple[float, float], ...]
    block_s: float
    idle: float


View: TypeAlias = Callable[[Glance], tuple[Shape, ...]]
