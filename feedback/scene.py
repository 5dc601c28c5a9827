"""A state of the display as shapes. Pure: the window only draws what stands here.

Units: heights of the window; the origin is its centre, x to the right, y up. Everything stays within the central 70 % of a window 4:3 or
wider. Colours are Okabe and Ito's (2008, told apart with every colour blindness) or greys; no red. Size carries the value, never colour
alone. The disc is exact: only its glow and, where there is no value, the disc itself move in idle, so that it never looks frozen. That
motion is two slow waves without a common rhythm: it must not pace the breath, as breathing changes the signal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from feedback.state import DisplayState, look
from feedback.wording import wording

Flip = Literal["none", "x", "y", "180"]

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


@dataclass(frozen=True)
class Disc:
    x: float
    y: float
    radius: float
    colour: str
    opacity: float


@dataclass(frozen=True)
class Glow:
    """A disc that fades towards its radius."""

    x: float
    y: float
    radius: float
    colour: str
    opacity: float


@dataclass(frozen=True)
class Ring:
    x: float
    y: float
    radius: float
    colour: str
    opacity: float
    dotted: bool = False


@dataclass(frozen=True)
class Text:
    """One line, centred on (x, y); mirrored about its own centre where the screen is."""

    x: float
    y: float
    text: str
    height: float
    colour: str
    mirror_x: bool = False
    mirror_y: bool = False


Shape: TypeAlias = Disc | Glow | Ring | Text


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


def flipped(shapes: tuple[Shape, ...], flip: Flip) -> tuple[Shape, ...]:
    """The same picture for a mirror (x), a projector on its head (y) or one from behind on its head (180 degrees)."""
    mirror_x, mirror_y = flip in ("x", "180"), flip in ("y", "180")
    return tuple(_mirrored(shape, mirror_x, mirror_y) for shape in shapes)


def _mirrored(shape: Shape, mirror_x: bool, mirror_y: bool) -> Shape:
    x, y = (-shape.x if mirror_x else shape.x), (-shape.y if mirror_y else shape.y)
    if isinstance(shape, Text):
        return replace(shape, x=x, y=y, mirror_x=shape.mirror_x != mirror_x, mirror_y=shape.mirror_y != mirror_y)
    return replace(shape, x=x, y=y)
