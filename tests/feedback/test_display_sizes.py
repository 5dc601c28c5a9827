"""Sizes of text in degrees and in boxes, and where things stand on the screen."""

from __future__ import annotations

import math
from importlib.util import find_spec
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.fonts import font_for, font_problems
from feedback.gallery import RIGHT_TO_LEFT
from feedback.layout import EM, Layout, in_box
from feedback.scene import problems
from feedback.shapes import Curve, Disc, Dots, Rect
from feedback.sizes import CAPITAL, CENTRAL, LEAST_DEGREES, Box, Type, degrees, fitted, least_em, text_width
from feedback.wording import languages
from rtfmri.messages import BlockInfo, DisplaySettings, Entities, RatingScale, RunStart, ScreenSettings, TrialInfo

ASPECTS = st.floats(1.25, 2.4)
NEAR = ScreenSettings(screen_width_mm=400.0, distance_mm=900.0)
FAR = ScreenSettings(screen_width_mm=300.0, distance_mm=1400.0)
EVERY_LINE = sorted({line for words in languages().values() for text in words.texts.values() for line in text})
fonts = pytest.mark.skipif(find_spec("psychopy") is None, reason="the fonts come with PsychoPy")


def test_degrees_are_those_of_the_capitals_at_the_eyes_distance() -> None:
    """Capitals of 17.4533 mm at 1 m are 1 degree high."""
    screen = ScreenSettings(screen_width_mm=400.0, distance_mm=1000.0)
    em = 17.4533 / 300.0 / CAPITAL  # the window is 300 mm high
    assert degrees(em, screen, 4 / 3) == pytest.approx(1.0, abs=1e-4)
    assert degrees(em, ScreenSettings(), 4 / 3) is None


@given(aspect=ASPECTS, width_mm=st.floats(100, 1000), distance_mm=st.floats(300, 3000))
def test_the_least_size_is_the_one_that_has_the_least_degrees(aspect: float, width_mm: float, distance_mm: float) -> None:
    screen = ScreenSettings(screen_width_mm=width_mm, distance_mm=distance_mm)
    assert degrees(least_em(screen, aspect), screen, aspect) == pytest.approx(LEAST_DEGREES)
    assert least_em(ScreenSettings(), aspect) == 0.0


@given(
    lines=st.lists(st.sampled_from(EVERY_LINE), min_size=1, max_size=4),
    em=st.floats(0.03, 0.2),
    least=st.floats(0.0, 0.15),
    width=st.floats(0.6, 1.6),
)
def test_fitted_rows_stay_in_their_box_and_keep_every_word_in_order(lines: list[str], em: float, least: float, width: float) -> None:
    box = Box(0.1, 0.2, width, 0.4)
    rows = fitted(tuple(lines), box, Type(em, least))
    for row in rows:
        assert text_width(row.text) * row.em <= box.width + 1e-9
        assert row.y + row.em / 2 <= box.top
    assert rows[-1].y - rows[-1].em / 2 >= box.y - box.height / 2 - 1e-9
    assert " ".join(row.text for row in rows) == " ".join(lines)
    assert [row.y for row in rows] == sorted((row.y for row in rows), reverse=True)


def test_a_text_is_enlarged_to_its_least_degrees_where_the_box_has_room_and_broken_for_it() -> None:
    lines, box = ("Let your thoughts come and go.",), Box(0.0, 0.1, 0.9, 0.5)
    (whole,) = fitted(lines, box, Type(0.05))
    rows = fitted(lines, box, Type(0.05, 0.09))
    assert whole.em == 0.05
    assert len(rows) == 2
    assert {row.em for row in rows} == {0.09}


def test_a_text_in_a_script_without_spaces_is_broken_between_letters() -> None:
    rows = fitted(("请让你的身体安定下来然后慢慢呼吸一会儿",), Box(0.0, 0.0, 0.5, 0.4), Type(0.06, 0.06))
    assert len(rows) > 1
    assert all(len(row.text) * row.em <= 0.5 for row in rows)


@fonts
@pytest.mark.parametrize("line", EVERY_LINE)
def test_the_reckoned_width_is_the_fonts_or_a_little_more(line: str) -> None:
    assert 1.0 <= text_width(line) / _true_width(line) <= 1.2


@fonts
@pytest.mark.parametrize("line", [line for lines in RIGHT_TO_LEFT.values() for line in lines])
def test_fonts_with_hebrew_arabic_and_persian_letters_come_with_the_display(line: str) -> None:
    from arabic_reshaper import ArabicReshaper  # PsychoPy brings it; joins Arabic letters as its TextStim does

    assert font_problems([line, ArabicReshaper().reshape(line)]) == ()
    assert text_width(line) >= 0.9 * _true_width(ArabicReshaper().reshape(line))


@fonts
def test_letters_that_no_font_here_has_are_told_with_what_to_install() -> None:
    (unknown,) = font_problems(["Rest.", "\U00013000"])  # a hieroglyph
    assert "\U00013000" in unknown
    assert "Install" in unknown
    assert "picture" in font_problems(["नमस्ते"])[0]
    assert font_problems(EVERY_LINE) == ()


def _true_width(line: str) -> float:
    from fontTools.ttLib import TTFont

    font = font_for(line)
    assert font is not None
    with TTFont(font.file, lazy=True) as opened:
        letters, widths = opened.getBestCmap(), opened["hmtx"]
        return float(sum(widths[letters[ord(letter)]][0] for letter in line) / opened["head"].unitsPerEm)


@pytest.mark.parametrize("aspect", [4 / 3, 16 / 10, 16 / 9])
@pytest.mark.parametrize("language", languages())
def test_at_a_usual_scanner_every_text_is_large_enough(aspect: float, language: str) -> None:
    settings = DisplaySettings(language=language, screen_width_mm=400.0, distance_mm=900.0)
    layout = Layout(settings, aspect)
    for key, lines in languages()[language].texts.items():
        for text in () if key.startswith(("ends.", "card.")) else layout.words(lines):
            assert (layout.degrees(text) or 0.0) >= LEAST_DEGREES - 1e-6, text
    scales = tuple(RatingScale(name=key.split(".")[1]) for key in languages()[language].texts if key.startswith("rating."))
    settings = settings.model_copy(update={"ratings": scales})
    assert problems(run_start(settings), aspect) == ()


def test_where_a_text_cannot_be_large_enough_the_operator_is_told_which_and_how_small() -> None:
    settings = DisplaySettings(screen_width_mm=150.0, distance_mm=2000.0)
    (sentence,) = problems(run_start(settings))
    assert "degrees" in sentence
    small = Layout(settings, 4 / 3)
    usual = Layout(DisplaySettings(), 4 / 3)
    text = languages()["en"].texts["role.rest"]
    assert min(row.height for row in small.words(text)) > 1.3 * min(row.height for row in usual.words(text))


def test_a_long_trial_is_reckoned_too() -> None:
    trial = TrialInfo(block="read", lines=("A long line that goes on and on and will not end for a while",) * 6)
    settings = DisplaySettings(screen_width_mm=400.0, distance_mm=900.0, trials=(trial,))
    assert "A long line" in problems(run_start(settings))[0]
    unknown = settings.model_copy(update={"screen_width_mm": None})
    assert "very small" in problems(run_start(unknown))[0]


@given(size=st.floats(0.5, 1.5), aspect=ASPECTS, line=st.sampled_from(EVERY_LINE))
def test_size_scales_words_and_never_beyond_the_central_part(size: float, aspect: float, line: str) -> None:
    layout = Layout(ScreenSettings(size=size), aspect)
    (*rows,) = layout.words((line,))
    assert rows[0].height <= size * EM + 1e-9
    for row in rows:
        assert abs(row.x) + text_width(row.text) * row.height / 2 <= CENTRAL * aspect / 2 + 1e-9
        assert abs(row.y) + row.height / 2 <= CENTRAL / 2


def test_a_smaller_size_is_a_smaller_picture_but_for_text_that_would_become_illegible() -> None:
    small, usual = Layout(ScreenSettings(size=0.5), 4 / 3), Layout(ScreenSettings(), 4 / 3)
    assert small.words(("Rest.",))[0].height == pytest.approx(0.5 * usual.words(("Rest.",))[0].height)
    near = Layout(FAR.model_copy(update={"size": 0.5}), 4 / 3)
    assert near.words(("Rest.",))[0].height == pytest.approx(near.least)


@given(size=st.floats(0.5, 1.5), height=st.floats(0.1, 0.6), width=st.floats(0.3, 2.0))
def test_a_view_is_scaled_into_its_box_without_being_stretched(size: float, height: float, width: float) -> None:
    box = Box(0.05, -0.1, width, height)
    shapes = (
        Disc(0, 0, 0.265, "#E69F00", 1),
        Rect(0.44 - 0.1, 0, 0.2, 0.1, "#E69F00"),
        Curve(((-0.44, 0), (0.44, 0)), 0.01, "#E69F00"),
        Dots(((0, 0.2),), 0.01, "#E69F00"),
    )
    disc, rect, curve, dots = in_box(shapes, box, size)
    assert isinstance(disc, Disc)
    assert isinstance(rect, Rect)
    assert isinstance(curve, Curve)
    assert isinstance(dots, Dots)
    scale = disc.radius / 0.265
    assert scale <= size + 1e-9
    assert abs(disc.y - box.y) + disc.radius <= height / 2 + 1e-9
    assert rect.x + rect.width / 2 <= box.x + width / 2 + 1e-9
    assert rect.width / rect.height == pytest.approx(2.0)
    assert curve.points[1][0] - curve.points[0][0] == pytest.approx(0.88 * scale)
    assert math.isclose(dots.points[0][1], box.y + 0.2 * scale)


def run_start(settings: DisplaySettings, **fields: Any) -> RunStart:
    plain: dict[str, Any] = {
        "software": "test",
        "study": "test",
        "entities": Entities(sub="01"),
        "run_kind": "feedback",
        "run_uid": "run-a",
        "started_unix_s": 0.0,
        "tr_s": 1.0,
        "dummies": 0,
        "planned_volumes": 40,
        "blocks": (
            BlockInfo(name="rest", onset_s=0, duration_s=30, role="rest"),
            BlockInfo(name="show", onset_s=30, duration_s=6, role="other"),
        ),
        "rois": (),
        "range_percent": 1.0,
        "display": settings,
        "fd_hold_mm": 0.5,
        "stale_after_s": 2.5,
        "pause_after_s": 10.0,
    }
    return RunStart(**{**plain, **fields})
