"""Contrast, and what is told apart with every kind of colour vision. Colours are computed as they stand on the glass.

Text: WCAG 2.1, relative luminance and contrast ratio. Colour blindness: Machado, Oliveira and Fernandes 2009 (IEEE TVCG 15(6):1291-1298),
table 1, severity 1.0, in linear RGB. Difference: CIE76 in CIELAB (D65); 2.3 is one just noticeable difference.
"""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback import palette
from feedback.gallery import gallery
from feedback.palette import FAINT, GREYS, GROUND, LIGHT, SAND, SOFT, WARM
from feedback.shapes import Curve, Disc, Dots, Glow, Image, Rect, Ring, Shape, Text
from feedback.sizes import text_width

Colour = npt.NDArray[np.float64]  # (3,), sRGB 0 ... 1
LEAST_CONTRAST = 7.0
LEAST_DIFFERENCE = 20.0  # about nine just noticeable differences
OKABE_ITO = {"#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"}
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}
XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]])
WHITE = XYZ.sum(axis=1)
PLATES = {name: shapes for name, _, shapes in gallery()}
EVERY_VISION = pytest.mark.parametrize("vision", VISION)


def rgb(colour: str) -> Colour:
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def over(colour: str, opacity: float, ground: Colour) -> Colour:
    """What is on the glass where ``colour`` is drawn over ``ground``: PsychoPy blends sRGB values."""
    return opacity * rgb(colour) + (1.0 - opacity) * ground


def linear(colour: Colour) -> Colour:
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def luminance(colour: Colour) -> float:
    return float(linear(colour) @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: Colour, other: Colour) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: Colour, vision: str = "normal") -> Colour:
    t = XYZ @ np.clip(VISION[vision] @ linear(colour), 0.0, 1.0) / WHITE
    x, y, z = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: Colour, other: Colour, vision: str) -> float:
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


def behind(shapes: tuple[Shape, ...], x: float, y: float) -> Colour:
    """What is on the glass at (x, y) of ``shapes``; a glow counts as if it were full, a line or an outline with its whole reach."""
    ground = rgb(GROUND)
    for shape in shapes:
        if not isinstance(shape, Text | Image) and _covers(shape, x, y):
            ground = over(shape.colour, shape.opacity, ground)
    return ground


def _covers(shape: Disc | Glow | Ring | Rect | Curve | Dots, x: float, y: float) -> bool:
    if isinstance(shape, Rect):
        return abs(x - shape.x) <= shape.width / 2 and abs(y - shape.y) <= shape.height / 2
    if isinstance(shape, Curve):
        return any(_near_line(a, b, x, y) <= shape.width / 2 for a, b in itertools.pairwise(shape.points))
    if isinstance(shape, Dots):
        return any(np.hypot(x - px, y - py) <= shape.radius for px, py in shape.points)
    return bool(np.hypot(x - shape.x, y - shape.y) <= shape.radius)


def _near_line(a: tuple[float, float], b: tuple[float, float], x: float, y: float) -> float:
    start, way = np.array(a), np.array(b) - np.array(a)
    part = np.clip(np.dot(np.array([x, y]) - start, way) / max(way @ way, 1e-12), 0.0, 1.0)
    return float(np.hypot(*(np.array([x, y]) - start - part * way)))


def test_the_yardsticks_are_those_of_their_sources() -> None:
    assert contrast(rgb("#FFFFFF"), rgb("#000000")) == pytest.approx(21.0)
    assert contrast(rgb("#777777"), rgb("#FFFFFF")) == pytest.approx(4.48, abs=0.01)
    assert lab(rgb("#FFFFFF")) == pytest.approx([100.0, 0.0, 0.0], abs=0.01)
    assert lab(rgb("#FF0000")) == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    for matrix in VISION.values():
        assert matrix.sum(axis=1) == pytest.approx([1.0, 1.0, 1.0], abs=1e-5)  # greys stay greys
    assert difference(rgb("#FF0000"), rgb("#00A000"), "deuteranopia") < 0.35 * difference(rgb("#FF0000"), rgb("#00A000"), "normal")


@pytest.mark.parametrize("name", PLATES)
def test_every_text_has_a_contrast_of_seven_to_one_or_more_against_all_that_is_behind_it(name: str) -> None:
    shapes = PLATES[name]
    for number, text in enumerate(shapes):
        if isinstance(text, Text):
            width, height = text_width(text.text) * text.height, text.height
            grounds = [
                behind(shapes[:number], text.x + u * width, text.y + v * height)
                for u in np.linspace(-0.5, 0.5, 9)
                for v in (-0.5, -0.2, 0.2, 0.5)
            ]
            worst = min(contrast(over(text.colour, text.opacity, ground), ground) for ground in grounds)
            assert worst >= LEAST_CONTRAST, (text.text, worst)


def test_colours_are_okabe_and_itos_or_greys() -> None:
    colours = {value for value in vars(palette).values() if isinstance(value, str) and value.startswith("#")} | set(GREYS)
    for colour in colours - OKABE_ITO:
        assert np.ptp(rgb(colour)) <= 0.06, colour  # a grey, a little warm at most


@pytest.mark.parametrize("name", PLATES)
def test_no_plate_has_a_colour_that_is_not_in_the_palette(name: str) -> None:
    known = {GROUND, WARM, SAND, LIGHT, SOFT, FAINT, *GREYS}
    assert {shape.colour for shape in PLATES[name] if not isinstance(shape, Image)} <= known


@EVERY_VISION
@pytest.mark.parametrize("view", ["circle", "thermometer", "line"])
def test_a_value_is_told_from_the_neutral_middle_and_from_the_ground(view: str, vision: str) -> None:
    """The filled shapes at full presence, and without a value, where they lie on the ground."""
    warm, pale = (_filled(PLATES[f"en_{view}_{name}"]) for name in ("middle", "neutral"))
    for one, other in itertools.combinations((warm, pale, rgb(GROUND)), 2):
        assert difference(one, other, vision) >= LEAST_DIFFERENCE
        assert contrast(one, other) >= 1.3  # in grey, too


def _filled(shapes: tuple[Shape, ...]) -> Colour:
    solid = [shape for shape in shapes if isinstance(shape, Disc | Rect) and shape.opacity > 0 and shape.colour in (WARM, SAND)]
    ground = rgb(GROUND)
    for shape in solid:
        ground = over(shape.colour, shape.opacity, ground)
    return ground


@EVERY_VISION
def test_a_slider_that_was_moved_is_told_from_one_that_was_not(vision: str) -> None:
    assert difference(rgb(WARM), rgb(GROUND), vision) >= LEAST_DIFFERENCE  # filled, hollow
    assert difference(rgb(WARM), rgb(LIGHT), vision) >= LEAST_DIFFERENCE


@EVERY_VISION
def test_the_outline_of_a_held_value_is_seen_on_the_ground(vision: str) -> None:
    assert difference(over(LIGHT, 0.6, rgb(GROUND)), rgb(GROUND), vision) >= LEAST_DIFFERENCE


def test_marks_and_shapes_stand_out_from_the_ground() -> None:
    """WCAG 2.1, 1.4.11: 3:1 for what carries a meaning."""
    for colour in (WARM, LIGHT, SOFT, FAINT):
        assert contrast(rgb(colour), rgb(GROUND)) >= 3.0


def test_each_grey_of_the_card_is_lighter_than_the_last_and_the_first_is_not_the_ground() -> None:
    steps = [luminance(rgb(colour)) for colour in (GROUND, *GREYS)]
    assert all(contrast(rgb(a), rgb(b)) > 1.1 for a, b in itertools.pairwise((GROUND, *GREYS)))
    assert steps == sorted(steps)


@given(share=st.floats(0, 1))
def test_no_colour_on_the_way_from_neutral_to_a_value_is_red(share: float) -> None:
    red, green, _ = over(WARM, share, over(SAND, 0.42 * (1 - share), rgb(GROUND)))
    assert green >= 0.6 * red
