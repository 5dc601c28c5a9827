"""The set-up card: the operator reads it through the mirror with the participant. Pure.

What it answers: is the picture the right way round (arrows, letters, disc on the left and bar on the right; a mirrored letter is seen at
once), is all of it in sight (four corners at the edges of the central 70 %), can the text be read (lines in the two sizes that are used),
are the greys told apart (eight steps, each lighter than the one before).
"""

from __future__ import annotations

from feedback.layout import EM, SMALL_EM, Layout
from feedback.palette import FAINT, GREYS, LIGHT, SOFT, WARM
from feedback.shapes import Curve, Disc, Point, Rect, Shape, Text
from feedback.sizes import Box, Type, fitted, text_width
from feedback.wording import Wording

LINE = 0.006
CORNER = 0.07  # length of the corner marks
SIGN = 0.08  # from the frame to the middle of the letters
SIDE = 0.15  # room for the letters and signs on each side
HEAD = 0.026  # of an arrow


def card(words: Wording, layout: Layout) -> tuple[Shape, ...]:
    area = layout.area
    x, y = area.width / 2, area.height / 2
    edge, sign = x - 0.035, x - SIGN
    return (
        Curve(((x, y), (-x, y), (-x, -y), (x, -y), (x, y)), 0.003, FAINT),
        *(_corner(sx * x, sy * y, sx, sy) for sx in (-1.0, 1.0) for sy in (-1.0, 1.0)),
        *_arrow((0.0, 0.235), (0.0, 0.325)),
        *layout.small(words.texts["card.top"][0], 0.10, 0.315, (0.3, 0.075)),
        *_arrow((-edge + 0.09, 0.005), (-edge, 0.005)),
        *_arrow((edge - 0.09, 0.005), (edge, 0.005)),
        _letter(words.texts["card.left"][0], -sign),
        _letter(words.texts["card.right"][0], sign),
        Disc(-sign, -0.16, 0.034, WARM, 1.0),
        Rect(sign, -0.16, 0.030, 0.075, WARM, 1.0, 0.006),
        *_lines(words, layout),
        *_greys(area.width),
    )


def _lines(words: Wording, layout: Layout) -> tuple[Text, ...]:
    """What is to be read, in the sizes of a text's first line and of what stands beside a shape; below, what is asked of the signs."""
    width, scale, least = layout.area.width - 0.05, layout.screen.size, layout.least
    large, small = words.texts["card.read"]
    asked = (*words.texts["card.sides"], *words.texts["card.edges"])
    rows = (
        *fitted((large,), Box(0.0, 0.175, width, 0.1), Type(EM * scale, least)),
        *fitted((small,), Box(0.0, 0.1, width, 0.08), Type(SMALL_EM * scale, least)),
        *fitted(asked, Box(0.0, -0.1, width - 2 * SIDE, 0.2), Type(SMALL_EM * scale, least, 1.0)),
    )
    return tuple(Text(row.x, row.y, row.text, row.em, LIGHT if row.text == large else SOFT) for row in rows)


def _letter(text: str, x: float) -> Text:
    """A language whose sides are no single letters gets them smaller."""
    return Text(x, -0.066, text, min(0.075, 2 * SIGN / text_width(text)), LIGHT)


def _corner(x: float, y: float, sx: float, sy: float) -> Curve:
    inside = LINE / 2
    ends = ((x - sx * CORNER, y - sy * inside), (x - sx * inside, y - sy * inside), (x - sx * inside, y - sy * CORNER))
    return Curve(ends, LINE, LIGHT)


def _arrow(tail: Point, tip: Point) -> tuple[Curve, Curve]:
    """Along one of the axes."""
    dx, dy = (tip[0] > tail[0]) - (tip[0] < tail[0]), (tip[1] > tail[1]) - (tip[1] < tail[1])
    back = (tip[0] - HEAD * dx, tip[1] - HEAD * dy)
    barbs = ((back[0] + HEAD * dy, back[1] + HEAD * dx), tip, (back[0] - HEAD * dy, back[1] - HEAD * dx))
    return Curve((tail, tip), LINE, LIGHT), Curve(barbs, LINE, LIGHT)


def _greys(width: float) -> tuple[Rect, ...]:
    step = (width - 0.1) / len(GREYS)
    return tuple(Rect((number - (len(GREYS) - 1) / 2) * step, -0.27, step, 0.07, grey) for number, grey in enumerate(GREYS))
