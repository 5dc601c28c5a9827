"""A state of the display as shapes. Pure: the window only draws what stands here.

Units: heights of the window; the origin is its centre, x to the right, y up. Everything stays within the central 70 % of a window 4:3 or
wider. Colours are Okabe and Ito's (2008, told apart with every colour blindness) or greys; no red. Size carries the value, never colour
alone. The disc is exact: only its glow and, where there is no value, the disc itself move in idle, so that it never looks frozen. That
motion is two slow waves without a common rhythm: it must not pace the breath, as breathing changes the signal.
"""

from __future__ import annotations

import math

from feedback.shapes import Disc, Glow, Ring, Shape, Text
from feedback.state import DisplayState, look
from feedback.wording import wording

CENTRAL = 0.70
GROUND = "#262626"
WARM = "#E69F00"  # Okabe and Ito's orange
SAND = "#D8C9AE"  # the neutral middle
LIGHT = "#F0E9DC"
SECOND_LINE = "#C9C2B6"

CENTRE_Y = -0.09
MIDDLE = 0.135  # radius of the neutral middle
SWING = 0.06  # what a value of 1 adds to it
GLOW = 1.30  # radius of the glow, in radii of the disc
OUTLINE_GAP = 0.016
LINES_Y = (0.294, 0.212)
LETTERS = (0.060, 0.052)  # heights


def scene(state: DisplayState) -> tuple[Shape, ...]:
    """What to draw for ``state``, from back to front, upright (see ``flipped``)."""
    lines = wording(state.run.display.language).lines(look(state)) if state.run is not None else ()
    texts = tuple(
        Text(0.0, y, line, height, colour) for line, y, height, colour in zip(lines, LINES_Y, LETTERS, (LIGHT, SECOND_LINE), strict=False)
    )
    return (*circle(state), *texts)


def circle(state: DisplayState) -> tuple[Shape, ...]:
    """The warm circle that opens and closes around its midline."""
    now_s = state.now_s
    opening, presence, outline = state.opening.at(now_s), state.presence.at(now_s), state.outline.at(now_s)
    idle = idle_wave(now_s)
    radius = radius_of(opening) * (1.0 + 0.02 * idle * (1.0 - presence))
    shapes: tuple[Shape, ...] = (
        Glow(0.0, CENTRE_Y, radius * (GLOW + 0.04 * idle), SAND, 0.5 * (1.0 - presence)),
        Glow(0.0, CENTRE_Y, radius * (GLOW + 0.04 * idle), WARM, 0.8 * presence),
        Disc(0.0, CENTRE_Y, radius, SAND, 0.42 * (1.0 - presence)),
        Disc(0.0, CENTRE_Y, radius, WARM, presence),
        Ring(0.0, CENTRE_Y, MIDDLE, LIGHT, 0.55),
    )
    if outline > 0.0:
        shapes = (*shapes, Ring(0.0, CENTRE_Y, radius + OUTLINE_GAP, LIGHT, 0.6 * outline, dotted=True))
    return shapes


def radius_of(opening: float) -> float:
    """Radius of the disc for -1 ... 1: wider is more, never nothing."""
    return MIDDLE + SWING * min(max(opening, -1.0), 1.0)


def idle_wave(now_s: float) -> float:
    """-1 ... 1, never at rest and without a rhythm to breathe to."""
    return 0.5 * (math.sin(2 * math.pi * now_s / 7.3) + math.sin(2 * math.pi * now_s / 11.9))
