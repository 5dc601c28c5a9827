"""A measure's answer for one volume or one block: in the measure's unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """``value`` is None where there is none, and ``why`` then says it to the operator.

    ``held``: there could have been one, so that the display holds what it has; ``late``: because of the time it took.
    """

    value: float | None
    se: float | None = None
    why: str = ""
    held: bool = False
    late: bool = False
    needs_se: bool = True  # a value without a standard error is not to be shown yet
