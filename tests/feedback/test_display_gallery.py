"""Every state of every view and language, as it stands on the screen."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from feedback.gallery import gallery, moments
from feedback.scene import depicted
from feedback.shapes import Curve, Dots, Image, Rect, Shape, Text
from feedback.sizes import CENTRAL, text_width
from feedback.views.known import OWN
from feedback.wording import languages, wording

PLATES = list(gallery())
NAMES = [name for name, _, _ in PLATES]
STATES = ("neutral", "low", "middle", "high", "held", "resting", "score")


def reach(shape: Shape) -> tuple[float, float]:
    """How far it goes from the middle, sideways and up or down."""
    if isinstance(shape, Curve | Dots):
        wide = shape.width / 2 if isinstance(shape, Curve) else shape.radius
        return max(abs(x) for x, _ in shape.points) + wide, max(abs(y) for _, y in shape.points) + wide
    if isinstance(shape, Text):
        half_width, half_height = text_width(shape.text) * shape.height / 2, shape.height / 2
    elif isinstance(shape, Rect | Image):
        half_width, half_height = shape.width / 2, shape.height / 2
    else:
        half_width = half_height = shape.radius
    return abs(shape.x) + half_width, abs(shape.y) + half_height


def test_every_state_of_every_view_and_language_has_a_plate_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", name) for name in NAMES)
    for language in languages():
        assert {f"{language}_{view}_{state}" for view in OWN for state in STATES} <= set(NAMES)
        assert {f"{language}_{name}" for name in ("welcome", "waiting", "paused", "own_pause", "ended", "trial", "rating_pain")} <= set(
            NAMES
        )
        assert {f"{language}_card_{flip}" for flip in ("none", "x", "y", "180")} <= set(NAMES)
    assert {"idle", "blank", "right_to_left_ar", "right_to_left_he", "right_to_left_fa"} <= set(NAMES)


def test_only_the_languages_that_are_asked_for_are_drawn() -> None:
    names = [name for name, _, _ in gallery(("de",))]
    assert not [name for name in names if name.startswith("en_")]
    assert "de_circle_held" in names


@pytest.mark.parametrize("aspect", [1.25, 4 / 3, 16 / 9])
def test_everything_stays_within_the_central_70_percent(aspect: float) -> None:
    for name, _, shapes in gallery((), aspect):
        for shape in shapes:
            x, y = reach(shape)
            assert x <= CENTRAL / 2 * aspect + 0.002, (name, shape)  # 0.002: half of the frame's own width
            assert y <= CENTRAL / 2 + 0.002, (name, shape)


@pytest.mark.parametrize("aspect", [4 / 3, 16 / 9])
@pytest.mark.parametrize(
    "screen",
    [{"size": 0.5}, {"size": 1.5}, {"screen_width_mm": 400.0, "distance_mm": 900.0}, {"screen_width_mm": 300.0, "distance_mm": 1400.0}],
)
def test_other_sizes_and_distances_stay_there_too_and_no_text_covers_another(screen: dict[str, float], aspect: float) -> None:
    for name, _, moment in moments(tuple(languages())):
        shapes = depicted(replace(moment, settings=moment.settings.model_copy(update=screen)), aspect).shapes
        for shape in shapes:
            x, y = reach(shape)
            assert x <= CENTRAL / 2 * aspect + 0.002, (name, shape)
            assert y <= CENTRAL / 2 + 0.002, (name, shape)
        assert_texts_apart(name, shapes)


def test_words_and_shapes_do_not_touch() -> None:
    for name, _, shapes in PLATES:
        if "card" in name or "rating" in name:
            continue  # a slider's words lie beside it, see the colours' test
        words = [shape.y - 0.4 * shape.height for shape in shapes if isinstance(shape, Text)]
        tops = [_top(shape) for shape in shapes if not isinstance(shape, Text)]
        assert not words or max(tops) <= min(words), name


def _top(shape: Shape) -> float:
    if isinstance(shape, Curve | Dots):
        return max(y for _, y in shape.points)
    return shape.y + (shape.height / 2 if isinstance(shape, Rect | Image | Text) else shape.radius)


def test_texts_on_one_plate_do_not_overlap() -> None:
    for name, _, shapes in PLATES:
        assert_texts_apart(name, shapes)


def assert_texts_apart(name: str, shapes: tuple[Shape, ...]) -> None:
    texts = [shape for shape in shapes if isinstance(shape, Text)]
    for number, one in enumerate(texts):
        for other in texts[:number]:
            apart_x = abs(one.x - other.x) >= (text_width(one.text) * one.height + text_width(other.text) * other.height) / 2
            apart_y = abs(one.y - other.y) >= 0.5 * (one.height + other.height)
            assert apart_x or apart_y, (name, one.text, other.text)


def test_no_plate_shows_a_number_but_where_the_scale_asks_for_them() -> None:
    for name, _, shapes in PLATES:
        text = " ".join(shape.text for shape in shapes if isinstance(shape, Text))
        assert bool(re.search(r"\d", text)) == ("rating_numbers" in name), name


def test_every_text_of_every_language_is_on_a_plate() -> None:
    drawn = {shape.text for _, _, shapes in PLATES for shape in shapes if isinstance(shape, Text)}
    said = " ".join(sorted(drawn))
    for language in languages():
        for key, lines in wording(language).texts.items():
            for line in lines:
                assert line in drawn or all(word in said for word in line.split()), (language, key, line)


def test_right_to_left_text_says_its_direction() -> None:
    directions = {name: {shape.direction for shape in shapes if isinstance(shape, Text)} for name, _, shapes in PLATES}
    assert directions["right_to_left_ar"] == {"Arabic"}
    assert directions["right_to_left_fa"] == {"Arabic"}
    assert directions["right_to_left_he"] == {"RTL"}
    assert directions["de_paused"] == {"LTR"}


def test_a_blank_screen_is_the_ground_alone() -> None:
    assert {name: shapes for name, _, shapes in PLATES}["blank"] == ()
