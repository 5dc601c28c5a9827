"""Lines, dots and rounded bars as many small upright or turned squares: what one draw call of the window takes. Pure.

Lengths in heights of the window, angles in degrees clockwise, as PsychoPy has them. Elements of one batch overlap at the joints of a line,
so lines and dots are opaque in a colour that is mixed with the ground; the parts of a bar do not overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feedback.masks import MARGIN, MaskName
from feedback.palette import GROUND
from feedback.shapes import Curve, Dots, Rect

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Batch:
    """``centres`` and ``sizes`` (N, 2), ``turns`` (N,); one ``colour`` and ``opacity``."""

    mask: MaskName | None  # None: all of the square
    centres: Numbers
    sizes: Numbers
    turns: Numbers
    colour: str
    opacity: float


def batches(shape: Rect | Curve | Dots) -> tuple[Batch, ...]:
    """What ``shape`` is drawn of, from back to front."""
    if isinstance(shape, Rect):
        return _bar(shape)
    colour = mixed(shape.colour, shape.opacity)
    if isinstance(shape, Dots):
        return (_discs(shape.points, shape.radius, colour),)
    points = np.asarray(shape.points, float)
    steps = np.diff(points, axis=0)
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    sizes = np.column_stack([lengths, np.full(len(lengths), shape.width * MARGIN)])
    turns = -np.degrees(np.arctan2(steps[:, 1], steps[:, 0]))
    line = Batch("bar", (points[1:] + points[:-1]) / 2.0, sizes, turns, colour, 1.0)
    return line, _discs(shape.points, shape.width / 2.0, colour)


def mixed(colour: str, opacity: float) -> str:
    """What ``colour`` looks like on the ground at ``opacity``."""
    part = min(max(opacity, 0.0), 1.0)
    pairs = [(int(colour[i : i + 2], 16), int(GROUND[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(below + (above - below) * part):02x}" for above, below in pairs)


def _discs(points: tuple[tuple[float, float], ...], radius: float, colour: str) -> Batch:
    centres = np.asarray(points, float)
    return Batch("dot", centres, np.full((len(centres), 2), 2.0 * radius * MARGIN), np.zeros(len(centres)), colour, 1.0)


def _bar(shape: Rect) -> tuple[Batch, ...]:
    """A cross of three plain parts, and a quarter of a disc in each corner."""
    corner = min(shape.corner, shape.width / 2.0, shape.height / 2.0)
    if corner <= 0.0:
        return (_plain(shape, [(0.0, 0.0, shape.width, shape.height)]),)
    inner, tall = shape.width - 2.0 * corner, shape.height - 2.0 * corner
    side = (shape.width - corner) / 2.0
    parts = [(0.0, 0.0, inner, shape.height), (-side, 0.0, corner, tall), (side, 0.0, corner, tall)]
    across, up = inner / 2.0 + corner / 2.0, tall / 2.0 + corner / 2.0
    centres = np.array([(shape.x + sx * across, shape.y + sy * up) for sx, sy in ((1, 1), (1, -1), (-1, -1), (-1, 1))])
    quarters = Batch("quarter", centres, np.full((4, 2), corner), np.array([0.0, 90.0, 180.0, 270.0]), shape.colour, shape.opacity)
    return _plain(shape, parts), quarters


def _plain(shape: Rect, parts: list[tuple[float, float, float, float]]) -> Batch:
    numbers = np.asarray(parts, float)
    centres = numbers[:, :2] + np.array([shape.x, shape.y])
    return Batch(None, centres, numbers[:, 2:], np.zeros(len(numbers)), shape.colour, shape.opacity)
