"""A line that is drawn through the block from left to right around a midline: higher is more.

Only measured values are joined; where there is one value alone (intermittent feedback) it is a level line. The newest point has a glow.
"""

from __future__ import annotations

import math

from feedback.palette import FAINT, LIGHT, SAND, WARM
from feedback.shapes import Curve, Disc, Dots, Glow, Shape
from feedback.views import HALF_WIDTH, Glance

REACH = HALF_WIDTH - 0.10
SWING = 0.165  # how high a value of 1 stands above the midline
POINT = 0.032
MOST_POINTS = 120


def line(glance: Glance) -> tuple[Shape, ...]:
    points = _points(glance)
    x, y = points[-1]
    pale = 0.004 * glance.idle * (1.0 - glance.presence)
    glow = 0.085 + 0.01 * glance.idle
    shapes: tuple[Shape, ...] = (
        Curve(((-REACH, 0.0), (REACH, 0.0)), 0.005, FAINT, 0.9),
        Glow(x, y, glow, SAND, 0.5 * (1.0 - glance.presence)),
        Glow(x, y, glow, WARM, 0.8 * glance.presence),
        Curve(points, 0.014, WARM, glance.presence),
        Disc(x, y, POINT + pale, SAND, 0.55 * (1.0 - glance.presence)),
        Disc(x, y, POINT, WARM, glance.presence),
    )
    if glance.outline > 0.0:
        shapes = (*shapes, Dots(_around(x, y), 0.005, LIGHT, 0.6 * glance.outline))
    return shapes


def height_of(value: float) -> float:
    """Height above the midline for -1 ... 1."""
    return SWING * min(max(value, -1.0), 1.0)


def _points(glance: Glance) -> tuple[tuple[float, float], ...]:
    """At least two; the last one stands at the eased value, so that it never jumps."""
    y = height_of(glance.value)
    if not glance.trace:
        return ((-REACH, y), (0.0, y)) if glance.presence <= 0.0 else ((-REACH, y), (REACH, y))
    whole_s = max(glance.block_s, glance.trace[-1][0], 1.0)
    step = 1 + len(glance.trace) // MOST_POINTS
    before = [(_across(s, whole_s), height_of(value)) for s, value in glance.trace[:-1][::-step][::-1]]
    x = _across(glance.trace[-1][0], whole_s)
    return (*(before or [(x - 0.001, y)]), (x, y))


def _across(s: float, whole_s: float) -> float:
    return REACH * (2.0 * min(max(s / whole_s, 0.0), 1.0) - 1.0)


def _around(x: float, y: float) -> tuple[tuple[float, float], ...]:
    """Twelve points around (x, y)."""
    gap = POINT + 0.040
    return tuple((x + gap * math.cos(step * math.pi / 6), y + gap * math.sin(step * math.pi / 6)) for step in range(12))
