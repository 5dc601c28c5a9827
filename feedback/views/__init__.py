"""What a view of the value is: one pure function from a ``Glance`` to shapes. The other files are views; ``known.py`` finds them.

The rules of a view: a larger value looks larger or higher, in shape and not in colour alone; nothing shrinks to nothing; ``outline`` adds
faint dots while a value is held; without a value (``presence`` 0) there is a pale middle that ``idle`` moves a little; no numbers, no
faces, nothing red, no words. A view draws around the origin within ``HALF_WIDTH`` and ``HALF_HEIGHT``; the scene puts it in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from feedback.shapes import Shape

HALF_WIDTH, HALF_HEIGHT = 0.44, 0.265


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
