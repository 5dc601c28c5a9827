"""What a figure is made of, and where its axes have their marks. Pure data; ``svg.py`` draws it.

Conventions: x is time in seconds since the first stored volume. A NaN in ``y`` is a gap in the line. Panels and strips stand one under
the other over one x axis.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from rtfmri.volume import Array


@dataclass(frozen=True, eq=False)
class Line:
    """``x``, ``y`` and, where given, ``se`` (N,); ``style`` is a colour with its dash pattern."""

    name: str
    x: Array
    y: Array
    se: Array | None = None
    style: int = 0
    kind: Literal["line", "steps", "points"] = "line"


@dataclass(frozen=True)
class Level:
    """A horizontal line, named at its right end."""

    y: float
    name: str


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes. ``zero``: the axis reaches 0 at least; ``least`` is the smallest height of the axis in its unit."""

    name: str
    lines: tuple[Line, ...]
    levels: tuple[Level, ...] = ()
    height: int = 150
    zero: bool = True
    least: float = 0.0
    fixed: tuple[float, float] | None = None  # the axis whatever the values are


@dataclass(frozen=True)
class Row:
    """One row of a strip: ``name`` held from x to x."""

    name: str
    spans: tuple[tuple[float, float], ...]
    style: int = 5


@dataclass(frozen=True)
class Strip:
    """Rows of spans: what was so when. Its place says which, not its colour."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Shade:
    """A block: ``shaded`` where the participant regulates."""

    start: float
    end: float
    name: str
    shaded: bool


@dataclass(frozen=True, eq=False)
class Chart:
    """``title`` and ``words`` are read to who does not see it."""

    key: str
    title: str
    words: str
    parts: tuple[Panel | Strip, ...]
    blocks: tuple[Shade, ...] = ()
    x_label: str = "time (min:s)"
    end: float = 1.0


def spans_of(held: npt.NDArray[np.bool_], indices: Sequence[int], tr_s: float) -> tuple[tuple[float, float], ...]:
    """From-to in seconds of the volumes (``indices``, ascending) for which ``held`` (N,) is true, neighbours put together."""
    spans: list[tuple[float, float]] = []
    for index, is_so in zip(indices, held, strict=True):
        if not is_so:
            continue
        start, end = index * tr_s, (index + 1) * tr_s
        if spans and abs(spans[-1][1] - start) < tr_s / 2:
            spans[-1] = spans[-1][0], end
        else:
            spans.append((start, end))
    return tuple(spans)


def limits(panel: Panel) -> tuple[float, float]:
    """Lowest and highest value of the axis, with the standard errors and levels; (0, 1) where there is nothing.

    Standard errors reach no further than twice the values themselves: the wide ones of a run's beginning would press all else flat.
    """
    if panel.fixed is not None:
        return panel.fixed
    values = np.concatenate([line.y for line in panel.lines] or [np.empty(0)])
    ends = [float(value) for value in values[np.isfinite(values)]]
    ends += [level.y for level in panel.levels] + ([0.0] if panel.zero else [])
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    room = max(high - low, panel.least, 1e-9)
    low_se, high_se = _with_errors(panel.lines, low, high)
    low, high = max(low_se, low - room / 2), min(high_se, high + room / 2)
    missing = max(0.0, panel.least - (high - low))
    margin = 0.04 * max(high - low, panel.least)
    low = low if panel.zero and low == 0.0 else low - missing / 2 - margin
    high = high + (missing if low == 0.0 else missing / 2) + margin
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _with_errors(lines: Iterable[Line], low: float, high: float) -> tuple[float, float]:
    for line in lines:
        if line.se is not None and np.isfinite(line.y + line.se).any():
            low, high = min(low, float(np.nanmin(line.y - line.se))), max(high, float(np.nanmax(line.y + line.se)))
    return low, high


def marks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers between ``low`` and ``high``, about so many; two at least, as one tells no scale."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    found = [round(k * step, 10) + 0.0 for k in range(first, math.floor(high / step + 1e-9) + 1)]
    return found if len(found) > 1 else marks(low, high, 2 * about)


def time_marks(end_s: float) -> list[float]:
    """Whole seconds, half minutes or minutes from 0, at most a dozen."""
    step = next((s for s in (5, 10, 15, 30, 60, 120, 300, 600, 1200) if end_s / s <= 12), 3600)
    return [float(t) for t in range(0, int(end_s) + 1, step)]


def clock(seconds: float) -> str:
    """``4:05``; with hours ``1:04:05``."""
    sign, whole = ("−" if round(seconds) < 0 else ""), abs(round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{sign}{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{sign}{minutes}:{whole % 60:02d}"
