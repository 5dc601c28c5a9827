"""A question with its slider: a line with two ends, and a handle on it. Pure.

The handle is hollow until it is moved, then filled; the answer puts a ring around it. No number stands anywhere, unless the scale asks for
them. The time that is left is a thin line below that draws in from both sides; nothing else hurries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from feedback.layout import Layout
from feedback.look import Asked
from feedback.palette import FAINT, GROUND, LIGHT, SAND, SOFT, WARM
from feedback.shapes import Curve, Disc, Dots, Glow, Shape, Text
from feedback.sizes import CENTRAL, SPACING
from feedback.wording import Wording

TRACK_Y = -0.07  # where the line stands, unless large text below it needs the room
MOST_HALF = 0.38  # half the length of the line
HANDLE, WALL = 0.032, 0.007
GLOW = 0.072
LABELS_DOWN = 0.085  # from the line to what stands below it
NUMBERS_HIGH, LABELS_HIGH = 0.075, 0.21  # room for them
LEFT_DOWN = 0.035  # from there to the time that is left
MOST_DOTS = 21
MOST_NUMBERS = 11


def slider(asked: Asked, words: Wording, layout: Layout, idle: float) -> tuple[Shape, ...]:
    """``idle``: -1 ... 1, what keeps the handle's glow alive."""
    half = min(MOST_HALF * min(layout.screen.size, 1.0), layout.area.width / 2 - 0.06)
    numbers, labels = _numbers(asked, layout, half), _labels(asked, words, layout, half)
    below = LABELS_DOWN + (NUMBERS_HIGH if numbers else 0.0) + _height(labels) + LEFT_DOWN + 0.01
    y = max(TRACK_Y, -CENTRAL / 2 + below)
    text = words.texts["answered"] if asked.answered else words.question(asked.scale)
    left_y = min(-0.29, y - below + 0.01)
    return (
        *layout.passage(text, CENTRAL / 2 - y - GLOW - 0.025),
        Curve(((-half, y), (half, y)), 0.006, FAINT),
        _steps(asked, half, y),
        *_handle(asked, half * (2.0 * _part(asked, asked.place) - 1.0), y, idle),
        *(replace(text, y=text.y + y - LABELS_DOWN) for text in numbers),
        *(replace(text, y=text.y + y - LABELS_DOWN - (NUMBERS_HIGH if numbers else 0.0)) for text in labels),
        *_left(asked, left_y),
    )


def _part(asked: Asked, place: float) -> float:
    """Where ``place`` is on the scale, 0 ... 1."""
    scale = asked.scale
    return min(max((place - scale.low) / (scale.high - scale.low), 0.0), 1.0)


def _count(asked: Asked) -> int:
    """How many steps the scale has."""
    return max(1, round((asked.scale.high - asked.scale.low) / asked.scale.step))


def _steps(asked: Asked, half: float, y: float) -> Shape:
    """The places where the handle can stand, where they are few enough to be seen as such; else the two ends."""
    steps = _count(asked)
    places = [number / steps for number in range(steps + 1)] if steps < MOST_DOTS else [0.0, 1.0]
    return Dots(tuple((half * (2.0 * place - 1.0), y) for place in places), 0.0075, SOFT)


def _handle(asked: Asked, x: float, y: float, idle: float) -> tuple[Shape, ...]:
    glow = Glow(x, y, GLOW + 0.010 * idle, WARM if asked.moved else SAND, 0.7 if asked.moved else 0.5)
    ring = (Disc(x, y, HANDLE + 3 * WALL, LIGHT, 1.0), Disc(x, y, HANDLE + 2 * WALL, GROUND, 1.0)) if asked.answered else ()
    if asked.moved or asked.answered:
        return (glow, *ring, Disc(x, y, HANDLE, WARM, 1.0))
    return (glow, Disc(x, y, HANDLE, LIGHT, 1.0), Disc(x, y, HANDLE - WALL, GROUND, 1.0))


def _numbers(asked: Asked, layout: Layout, half: float) -> tuple[Text, ...]:
    """Those of the steps, down from 0, all of one size; none unless the scale asks for them."""
    steps, scale = _count(asked), asked.scale
    if not scale.numbers or steps >= MOST_NUMBERS:
        return ()
    values = [f"{scale.low + number * scale.step:g}" for number in range(steps + 1)]
    box = (1.6 * half / steps, NUMBERS_HIGH)
    em = min(layout.small(value, 0.0, 0.0, box)[0].height for value in values)
    return tuple(
        text for number, value in enumerate(values) for text in layout.small(value, half * (2.0 * number / steps - 1.0), 0.0, box, em)
    )


def _labels(asked: Asked, words: Wording, layout: Layout, half: float) -> tuple[Text, ...]:
    """Both ends, down from 0, of one size."""
    ends, box = words.ends(asked.scale), (layout.area.width / 2 - 0.03, LABELS_HIGH)
    em = min(text.height for end in ends for text in layout.small(end, 0.0, 0.0, box))
    return tuple(text for end, x in zip(ends, (-half, half), strict=True) for text in layout.small(end, x, 0.0, box, em))


def _height(texts: Sequence[Text]) -> float:
    """How far down from 0 they reach."""
    return -min(text.y - SPACING * text.height / 2 for text in texts)


def _left(asked: Asked, y: float) -> tuple[Shape, ...]:
    """The time that is left, until the question is answered."""
    reach = 0.16 * min(max(asked.left, 0.02), 1.0)
    return () if asked.answered else (Curve(((-reach, y), (reach, y)), 0.005, FAINT, 0.8),)
