"""Where things stand on the participant's screen: words above, a view below, all within the central 70 %. Pure.

``display.size`` scales words and view; it is never obeyed beyond the central 70 %, and a text never becomes smaller by it than
``sizes.LEAST_DEGREES``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from feedback.palette import LIGHT, SOFT
from feedback.shapes import Curve, Dots, Shape, Text
from feedback.sizes import CENTRAL, SPACING, Box, Row, Type, central, degrees, fitted, least_em, text_width
from feedback.views import HALF_HEIGHT, HALF_WIDTH
from rtfmri.messages import ScreenSettings

EM = 0.060  # of a text's first line
PASSAGE_EM = 0.056
PLEASANT = 0.75  # how much smaller a text may become before it takes more room
SMALL_EM = 0.046  # of what stands beside a shape
WORDS = 0.158  # height of two lines and the room around them
MOST_WORDS = 0.52  # as much as a long text may take
GAP = 0.012  # between words and view
LENGTHS = ("radius", "width", "height", "corner")  # of a shape, beside its place


@dataclass(frozen=True)
class Layout:
    """One screen: its settings, and the window's width in heights."""

    screen: ScreenSettings
    aspect: float

    @property
    def area(self) -> Box:
        return central(self.aspect)

    @property
    def least(self) -> float:
        return least_em(self.screen, self.aspect)

    def words(self, lines: tuple[str, ...]) -> tuple[Text, ...]:
        """``lines`` from the top down, the first a little larger and lighter; a long text gets more room, which its view then lacks."""
        rows = self._from_top(lines, Type(EM * self.screen.size, self.least, usual=EM))
        return tuple(Text(row.x, row.y, row.text, row.em, LIGHT if row.line == 0 else SOFT) for row in rows)

    def passage(self, lines: tuple[str, ...], most: float = MOST_WORDS) -> tuple[Text, ...]:
        """The same with lines that are all alike, at most ``most`` high: what is to be read as a whole."""
        rows = self._from_top(lines, Type(PASSAGE_EM * self.screen.size, self.least, 1.0), most)
        return tuple(Text(row.x, row.y, row.text, row.em, LIGHT) for row in rows)

    def _from_top(self, lines: tuple[str, ...], type_: Type, most: float = MOST_WORDS) -> tuple[Row, ...]:
        """In the usual place of two lines; in the larger one where a text is longer or would become small."""
        rows: tuple[Row, ...] = ()
        for height in (min(most, WORDS * max(1.0, self.screen.size)), most):
            rows = fitted(lines, Box(0.0, self.area.top - height / 2, self.area.width, height), type_)
            if all(row.em >= max(type_.least, PLEASANT * min(type_.of(row.line), type_.usual)) - 1e-9 for row in rows):
                break
        return rows

    def below(self, words: Sequence[Text]) -> Box:
        """What is left for a view: at least from the usual place of two lines down, so that shapes do not move from text to text."""
        bottom = min((text.y - text.height * SPACING / 2 for text in words), default=0.0) - GAP
        usual = self.area.top - WORDS - GAP
        top = min(usual, bottom) if words else usual
        return Box(0.0, (top - CENTRAL / 2) / 2, self.area.width, top + CENTRAL / 2)

    def small(self, line: str, x: float, top: float, box: tuple[float, float], em: float | None = None) -> tuple[Text, ...]:
        """A short line beside a shape, around x and down from ``top`` in a ``box`` (width, height), ``em`` high or as is usual there.

        It is shifted sideways where it would leave the central part.
        """
        type_ = Type(SMALL_EM * self.screen.size, self.least) if em is None else Type(em, em)
        width, height = box
        rows = fitted((line,), Box(0.0, top - height / 2, width, height), type_)
        half = max(text_width(row.text) * row.em for row in rows) / 2
        most = max(0.0, self.area.width / 2 - half)
        return tuple(Text(min(max(x, -most), most), row.y, row.text, row.em, SOFT) for row in rows)

    def degrees(self, text: Text) -> float | None:
        """Height of its capitals, degrees; None where the screen's measures are not known."""
        return degrees(text.height, self.screen, self.aspect)


def in_box(shapes: Sequence[Shape], box: Box, size: float) -> tuple[Shape, ...]:
    """A view's shapes, drawn around the origin, in ``box``: ``size`` times as large, or as the box allows."""
    scale = min(size, box.height / (2 * HALF_HEIGHT), box.width / (2 * HALF_WIDTH))
    return tuple(_moved(shape, box.x, box.y, scale) for shape in shapes)


def _moved(shape: Shape, x: float, y: float, scale: float) -> Shape:
    changes: dict[str, Any] = {name: scale * getattr(shape, name) for name in LENGTHS if hasattr(shape, name)}
    if isinstance(shape, Curve | Dots):
        changes["points"] = tuple((x + scale * px, y + scale * py) for px, py in shape.points)
    else:
        changes |= {"x": x + scale * shape.x, "y": y + scale * shape.y}
    return replace(shape, **changes)
