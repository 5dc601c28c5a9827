"""A warm circle that opens and closes around a thin midline: wider is more.

The disc is exact: in idle only its glow moves, and, without a value, the pale disc itself.
"""

from __future__ import annotations

from feedback.palette import LIGHT, SAND, WARM
from feedback.shapes import Disc, Glow, Ring, Shape
from feedback.views import Glance

MIDDLE = 0.135  # radius of the neutral middle
SWING = 0.06  # what a value of 1 adds to it
GLOW = 1.30  # radius of the glow, in radii of the disc
OUTLINE_GAP = 0.016


def circle(glance: Glance) -> tuple[Shape, ...]:
    radius = radius_of(glance.value) * (1.0 + 0.02 * glance.idle * (1.0 - glance.presence))
    glow = radius * (GLOW + 0.04 * glance.idle * glance.presence)
    shapes: tuple[Shape, ...] = (
        Glow(0.0, 0.0, glow, SAND, 0.5 * (1.0 - glance.presence)),
        Glow(0.0, 0.0, glow, WARM, 0.8 * glance.presence),
        Disc(0.0, 0.0, radius, SAND, 0.42 * (1.0 - glance.presence)),
        Disc(0.0, 0.0, radius, WARM, glance.presence),
        Ring(0.0, 0.0, MIDDLE, LIGHT, 0.55),
    )
    if glance.outline > 0.0:
        shapes = (*shapes, Ring(0.0, 0.0, radius + OUTLINE_GAP, LIGHT, 0.6 * glance.outline, dotted=True))
    return shapes


def radius_of(value: float) -> float:
    """Radius of the disc for -1 ... 1: wider is more, never nothing."""
    return MIDDLE + SWING * min(max(value, -1.0), 1.0)
