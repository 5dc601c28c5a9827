"""A tube that is filled around a midline: higher is more. It is never empty and never full to the brim."""

from __future__ import annotations

from feedback.palette import FAINT, GROUND, LIGHT, SAND, WARM
from feedback.shapes import Curve, Dots, Glow, Rect, Shape
from feedback.views import Glance

WIDTH = 0.12
HEIGHT = 0.46
WALL = 0.006
GAP = 0.012  # between the tube and what fills it
SWING = 0.150  # what a value of 1 adds to the level of the middle
TICK = (0.016, 0.05)  # where the midline's marks begin and end, beside the tube
DOT_STEP = 0.034


def thermometer(glance: Glance) -> tuple[Shape, ...]:
    bottom, level = -HEIGHT / 2 + GAP, level_of(glance.value) + 0.006 * glance.idle * (1.0 - glance.presence)
    across, tall = WIDTH - 2 * GAP, level - bottom
    corner, glow = across / 2, 0.095 + 0.012 * glance.idle
    shapes: tuple[Shape, ...] = (
        Glow(0.0, level, glow, SAND, 0.6 * (1.0 - glance.presence)),
        Glow(0.0, level, glow, WARM, 0.85 * glance.presence),
        Rect(0.0, 0.0, WIDTH, HEIGHT, FAINT, 1.0, WIDTH / 2),
        Rect(0.0, 0.0, WIDTH - 2 * WALL, HEIGHT - 2 * WALL, GROUND, 1.0, WIDTH / 2 - WALL),
        Rect(0.0, bottom + tall / 2, across, tall, SAND, 0.5 * (1.0 - glance.presence), corner),
        Rect(0.0, bottom + tall / 2, across, tall, WARM, glance.presence, corner),
        *(Curve(((side * (WIDTH / 2 + TICK[0]), 0.0), (side * (WIDTH / 2 + TICK[1]), 0.0)), 0.005, LIGHT, 0.55) for side in (-1.0, 1.0)),
    )
    if glance.outline > 0.0:
        shapes = (*shapes, Dots(_around(), 0.0045, LIGHT, 0.6 * glance.outline))
    return shapes


def level_of(value: float) -> float:
    """How high the tube is filled for -1 ... 1, from its middle."""
    return SWING * min(max(value, -1.0), 1.0)


def _around() -> tuple[tuple[float, float], ...]:
    """Points on both sides of the tube."""
    x, count = WIDTH / 2 + 0.022, int((HEIGHT - WIDTH) / DOT_STEP)
    heights = [(number - count / 2) * DOT_STEP for number in range(count + 1)]
    return tuple((side * x, y) for side in (-1.0, 1.0) for y in heights if abs(y) > 0.02)
