"""What a picture is made of, and its mirror images. Pure.

Units: heights of the window; the origin is its centre, x to the right, y up. Colours are ``#rrggbb``; opacity 0 ... 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from rtfmri.messages import Flip


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


@dataclass(frozen=True)
class Rect:
    """An upright bar, centred on (x, y)."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Curve:
    """A line through ``points`` ((x, y), at least two)."""

    points: tuple[tuple[float, float], ...]
    width: float
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Image:
    """A picture that fits into (width, height) without being stretched, centred on (x, y)."""

    x: float
    y: float
    width: float
    height: float
    path: str
    mirror_x: bool = False
    mirror_y: bool = False


Shape: TypeAlias = Disc | Glow | Ring | Text | Rect | Curve | Image


def flipped(shapes: tuple[Shape, ...], flip: Flip) -> tuple[Shape, ...]:
    """The same picture for a mirror (x), a projector on its head (y) or one from behind on its head (180 degrees)."""
    mirror_x, mirror_y = flip in ("x", "180"), flip in ("y", "180")
    return tuple(_mirrored(shape, mirror_x, mirror_y) for shape in shapes)


def _mirrored(shape: Shape, mirror_x: bool, mirror_y: bool) -> Shape:
    if isinstance(shape, Curve):
        return replace(shape, points=tuple((-x if mirror_x else x, -y if mirror_y else y) for x, y in shape.points))
    x, y = (-shape.x if mirror_x else shape.x), (-shape.y if mirror_y else shape.y)
    if isinstance(shape, Text | Image):
        return replace(shape, x=x, y=y, mirror_x=shape.mirror_x != mirror_x, mirror_y=shape.mirror_y != mirror_y)
    return replace(shape, x=x, y=y)
