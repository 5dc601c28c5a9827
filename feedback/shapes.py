"""What a picture is made of, and its mirror images. Pure.

Units: heights of the window; the origin is its centre, x to the right, y up. Colours are ``#rrggbb``; opacity 0 ... 1.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from rtfmri.messages import Flip

Point = tuple[float, float]
Direction = Literal["LTR", "RTL", "Arabic"]


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
    """One line, centred on (x, y); ``height`` is that of its letters' em. Mirrored about its own centre where the screen is."""

    x: float
    y: float
    text: str
    height: float
    colour: str
    opacity: float = 1.0
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def direction(self) -> Direction:
        """How its letters run: ``Arabic`` from right to left and joined to each other, ``RTL`` from right to left."""
        kinds = {unicodedata.bidirectional(letter) for letter in self.text}
        return "Arabic" if "AL" in kinds else "RTL" if "R" in kinds else "LTR"


@dataclass(frozen=True)
class Rect:
    """An upright bar, centred on (x, y); ``corner`` is the radius of its corners."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    opacity: float = 1.0
    corner: float = 0.0

    @property
    def outline(self) -> tuple[Point, ...]:
        """Its corners in order, each rounded one as nine points; the last is not the first again."""
        corner = min(self.corner, self.width / 2, self.height / 2)
        across, up = self.width / 2 - corner, self.height / 2 - corner
        if corner <= 0.0:
            return tuple((self.x + sx * across, self.y + sy * up) for sx, sy in QUARTERS)
        angles = [[(quarter + step / 8) * math.pi / 2 for step in range(9)] for quarter in range(4)]
        return tuple(
            (self.x + sx * across + corner * math.cos(angle), self.y + sy * up + corner * math.sin(angle))
            for (sx, sy), quarter in zip(QUARTERS, angles, strict=True)
            for angle in quarter
        )


QUARTERS = ((1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0))


@dataclass(frozen=True)
class Curve:
    """A line through ``points`` (at least two), with round ends and joints."""

    points: tuple[Point, ...]
    width: float
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True)
class Dots:
    """The same small disc at each of ``points`` (at least one)."""

    points: tuple[Point, ...]
    radius: float
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


Shape: TypeAlias = Disc | Glow | Ring | Text | Rect | Curve | Dots | Image


def flipped(shapes: tuple[Shape, ...], flip: Flip) -> tuple[Shape, ...]:
    """The same picture for a mirror (x), a projector on its head (y) or one from behind on its head (180 degrees)."""
    mirror_x, mirror_y = flip in ("x", "180"), flip in ("y", "180")
    return tuple(_mirrored(shape, mirror_x, mirror_y) for shape in shapes)


def _mirrored(shape: Shape, mirror_x: bool, mirror_y: bool) -> Shape:
    if isinstance(shape, Curve | Dots):
        return replace(shape, points=tuple((-x if mirror_x else x, -y if mirror_y else y) for x, y in shape.points))
    x, y = (-shape.x if mirror_x else shape.x), (-shape.y if mirror_y else shape.y)
    if isinstance(shape, Text | Image):
        return replace(shape, x=x, y=y, mirror_x=shape.mirror_x != mirror_x, mirror_y=shape.mirror_y != mirror_y)
    return replace(shape, x=x, y=y)
