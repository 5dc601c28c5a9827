"""Which font has the letters of a text.

Noto Sans comes with PsychoPy and DejaVu Sans with matplotlib, which PsychoPy brings, so a text looks the same on every stimulus PC: Latin,
Greek and Cyrillic in the first; Hebrew, Arabic and Persian in the second. Chinese, Japanese and Korean need a font of the computer's.
Scripts whose letters change by their neighbours in other ways (Devanagari, Thai and their kin) cannot be laid out by PsychoPy: the
operator is told.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

NOTO = ("psychopy", "assets/fonts/NotoSans-Regular.ttf")
DEJAVU = ("matplotlib", "mpl-data/fonts/ttf/DejaVuSans.ttf")
CJK_FILES = (
    "cjk",
    "wqy",
    "droidsansfallback",
    "msyh",
    "simsun",
    "malgun",
    "meiryo",
    "yugoth",
    "msgothic",
    "pingfang",
    "hiragino",
    "applesd",
)
UNSHAPED = ("DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "THAI", "LAO", "KHMER")
INSTALL = "Install one that has them on the stimulus PC, for Chinese, Japanese and Korean Noto Sans CJK (Debian: fonts-noto-cjk)."


@dataclass(frozen=True)
class Font:
    family: str
    file: Path


def font_for(text: str) -> Font | None:
    """The first font that has every letter of ``text``; the first of all where none has; None where there is no font at all."""
    fonts = _fonts()
    return next((font for font in (*fonts, *_installed(text)) if _has(font, text)), fonts[0] if fonts else None)


def font_problems(texts: Iterable[str]) -> tuple[str, ...]:
    """Sentences for the operator about letters that cannot be shown."""
    texts = tuple(texts)
    unshaped = sorted(
        {script for text in texts for letter in text for script in UNSHAPED if unicodedata.name(letter, "").startswith(script)}
    )
    problems = [f"Text in {script.capitalize()} letters cannot be laid out by PsychoPy: show it as a picture." for script in unshaped]
    lacking = [text for text in texts if (font := font_for(text)) is None or not _has(font, text)]
    if lacking:
        problems.append(f"No font on this computer has every letter of “{lacking[0]}”. {INSTALL}")
    return tuple(problems)


def _has(font: Font, text: str) -> bool:
    _, letters = _read(font.file)
    return all(letter.isspace() or ord(letter) in letters for letter in text)


@cache
def _fonts() -> tuple[Font, ...]:
    """Those that come with the display's own libraries."""
    files = []
    for package, place in (NOTO, DEJAVU):
        spec = find_spec(package)
        files += [] if spec is None or spec.origin is None else [Path(spec.origin).parent / place]
    return tuple(Font(_read(file)[0], file) for file in files if file.is_file())


def _installed(text: str) -> Iterator[Font]:
    """Fonts of the computer's for Chinese, Japanese and Korean, found by the names of their files."""
    if any(unicodedata.east_asian_width(letter) in "WF" for letter in text):
        yield from _cjk_fonts()


@cache
def _cjk_fonts() -> tuple[Font, ...]:
    from matplotlib import font_manager

    files = sorted(Path(file) for file in font_manager.findSystemFonts())
    return tuple(Font(_read(file)[0], file) for file in files if any(part in file.name.lower() for part in CJK_FILES))


@cache
def _read(file: Path) -> tuple[str, frozenset[int]]:
    """Family and letters of the file's font; of a collection the first."""
    from fontTools.ttLib import TTFont

    with TTFont(file, lazy=True, fontNumber=0) as font:
        return str(font["name"].getBestFamilyName()), frozenset(font.getBestCmap() or ())
