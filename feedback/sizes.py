"""How large things are: window heights, degrees of visual angle, and lines of text in a box. Pure.

``aspect`` is the window's width in heights. A text's size in degrees is that of its capital letters, the stricter reading of "text of
0.8 degrees"; its ``height`` elsewhere is the em. Everything stays within the central ``CENTRAL`` of the window, in width and in height.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TypeAlias

from rtfmri.messages import ScreenSettings

CENTRAL = 0.70
LEAST_DEGREES = 0.8
CAPITAL = 0.714  # of the em, Noto Sans
SPACING = 1.3  # from line to line, in ems
SECOND = 0.87  # size of a text's further lines, of the first's
WHOLE = 0.8  # how much smaller a text may become before its lines are broken
STEP = 0.97  # from one size that is tried to the next
SMALLEST = 0.02  # em, below which nothing is made smaller to fit
LETTER_WIDTHS = (("iíîïjl.,:;!'’| ", 0.29), ("Ifrt()[]-", 0.42), ("aäcesvxyzJLß?", 0.57), ("OQGHNUD", 0.79), ("mwMW@%—…", 0.95))  # ems

Split: TypeAlias = Callable[[str, float], tuple[str, ...]]  # a line, and its width in ems


@dataclass(frozen=True)
class Box:
    """Centred on (x, y)."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True)
class Row:
    """One line where it stands; ``line``: the number of the text's line that it belongs to."""

    x: float
    y: float
    text: str
    em: float
    line: int


def central(aspect: float) -> Box:
    return Box(0.0, 0.0, CENTRAL * aspect, CENTRAL)


def degrees(em: float, screen: ScreenSettings, aspect: float) -> float | None:
    """Height of the capitals of a text of ``em``, degrees; None where the screen's width or distance is not known."""
    if screen.screen_width_mm is None or screen.distance_mm is None:
        return None
    capital_mm = CAPITAL * em * screen.screen_width_mm / aspect
    return math.degrees(2.0 * math.atan(capital_mm / 2.0 / screen.distance_mm))


def least_em(screen: ScreenSettings, aspect: float) -> float:
    """The em whose capitals are ``LEAST_DEGREES`` high; 0.0 where the screen's width or distance is not known."""
    if screen.screen_width_mm is None or screen.distance_mm is None:
        return 0.0
    capital_mm = 2.0 * screen.distance_mm * math.tan(math.radians(LEAST_DEGREES) / 2.0)
    return capital_mm / CAPITAL * aspect / screen.screen_width_mm


@lru_cache(maxsize=4096)
def text_width(text: str) -> float:
    """Width of ``text`` in ems, never less than Noto Sans' or DejaVu Sans' own (a test compares)."""
    return sum(_letter_width(letter) for letter in text)


@dataclass(frozen=True)
class Type:
    """How a text is set.

    em : its size. least : what it should not become smaller than. second : size of its further lines, of the first's.
    usual : the size that is large enough to keep lines whole, where ``em`` is larger still.
    """

    em: float
    least: float = 0.0
    second: float = SECOND
    usual: float = math.inf

    def of(self, line: int) -> float:
        """The em of line ``line``."""
        return self.em if line == 0 else max(self.second * self.em, min(self.em, self.least))


@lru_cache(maxsize=256)  # the same texts stand there frame after frame
def fitted(lines: tuple[str, ...], box: Box, type_: Type) -> tuple[Row, ...]:
    """``lines`` from the top of ``box`` down, in ``type_``, at least its ``least``, smaller where the box asks for it.

    Lines are kept whole as long as their letters need not become smaller than ``least`` and ``WHOLE`` of ``em`` or ``usual`` for it;
    else they are broken. So a size below ``least`` comes out only where the box cannot hold the text otherwise.
    """
    wanted = replace(type_, em=max(type_.em, type_.least))
    whole = _largest(lines, box, wanted, lambda line, _: (line,))
    if whole.em >= max(type_.least, WHOLE * min(wanted.em, type_.usual)):
        return _stacked([(line, number) for number, line in enumerate(lines)], box, whole)
    broken = _largest(lines, box, wanted, _greedy)
    return _stacked(_rows(lines, box, broken, _broken), box, broken)


def _largest(lines: Sequence[str], box: Box, type_: Type, split: Split) -> Type:
    """The largest size up to ``type_.em`` at which ``lines``, split so, fit into ``box``."""
    while type_.em > SMALLEST:
        rows = _rows(lines, box, type_, split)
        widest = max((text_width(row) * type_.of(number) for row, number in rows), default=0.0)
        if widest <= box.width and sum(type_.of(number) * SPACING for _, number in rows) <= box.height:
            break
        type_ = replace(type_, em=type_.em * STEP)
    return type_


def _rows(lines: Sequence[str], box: Box, type_: Type, split: Split) -> list[tuple[str, int]]:
    return [(row, number) for number, line in enumerate(lines) for row in split(line, box.width / type_.of(number))]


def _stacked(rows: Sequence[tuple[str, int]], box: Box, type_: Type) -> tuple[Row, ...]:
    placed, top = [], box.top
    for text, line in rows:
        em = type_.of(line)
        placed.append(Row(box.x, top - em * SPACING / 2, text, em, line))
        top -= em * SPACING
    return tuple(placed)


def _broken(line: str, width_em: float) -> tuple[str, ...]:
    """``line`` in as many rows as it needs, of about the same width."""
    rows = _greedy(line, width_em)
    while len(rows) > 1 and width_em > 1.0:
        narrower = _greedy(line, width_em * STEP)
        if len(narrower) > len(rows):
            break
        rows, width_em = narrower, width_em * STEP
    return rows


def _greedy(line: str, width_em: float) -> tuple[str, ...]:
    """``line`` in rows that are filled one after the other; broken between words, and anywhere in a script without spaces."""
    spaced = not any(unicodedata.east_asian_width(letter) in "WF" for letter in line)
    words, glue = (line.split(), " ") if spaced else (list(line), "")
    space, rows, reached = text_width(glue), [""], 0.0
    for word in words:
        width = text_width(word)
        if rows[-1] and reached + space + width > width_em:
            rows.append("")
            reached = 0.0
        reached += width + (space if rows[-1] else 0.0)
        rows[-1] += glue + word if rows[-1] else word
    return tuple(rows)


def _letter_width(letter: str) -> float:
    if unicodedata.combining(letter):
        return 0.0
    if unicodedata.east_asian_width(letter) in "WF":
        return 1.0
    width = next((width for letters, width in LETTER_WIDTHS if letter in letters), None)
    return width or (0.72 if letter.isupper() else 0.64)
