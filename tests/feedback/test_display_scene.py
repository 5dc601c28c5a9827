"""Geometry, colours and flips of the participant's picture."""

from __future__ import annotations

from typing import Any

import pytest
from display_parts import played, run_start, ticked, volume
from hypothesis import given
from hypothesis import strategies as st

from feedback.scene import CENTRAL, GROUND, LIGHT, SAND, SECOND_LINE, WARM, idle_wave, radius_of, scene
from feedback.shapes import Disc, Glow, Ring, Shape, Text, flipped
from feedback.state import DisplayState, on_tick
from rtfmri.messages import DisplaySettings

NARROWEST = 4 / 3  # width of the window, in heights
EM = 0.51  # mean width of a letter of Noto Sans, in letter heights


def shown(value: float, validity: str = "ok", later_s: float = 1.0, **fields: Any) -> tuple[Shape, ...]:
    return scene(played([volume(12, value), volume(13, value, validity)], run_start(**fields), later_s))


def disc(shapes: tuple[Shape, ...]) -> Disc:
    return next(shape for shape in reversed(shapes) if isinstance(shape, Disc))


@given(value=st.floats(allow_nan=False, allow_infinity=True))
def test_the_radius_stays_within_bounds_for_any_value(value: float) -> None:
    assert 0.05 <= radius_of(value) <= 0.22


@given(a=st.floats(-1, 1), b=st.floats(-1, 1))
def test_a_larger_value_is_a_wider_circle(a: float, b: float) -> None:
    assert (radius_of(a) <= radius_of(b)) == (a <= b) or radius_of(a) == radius_of(b)


@given(
    value=st.floats(-2, 2),
    later_s=st.floats(0, 12),
    language=st.sampled_from(["en", "de"]),
    validity=st.sampled_from(["ok", "held", "settling"]),
)
def test_everything_stays_within_the_central_70_percent(value: float, later_s: float, language: str, validity: str) -> None:
    for shape in shown(value, validity, later_s, display=DisplaySettings(feedback="continuous", language=language)):
        if isinstance(shape, Text):
            width, height = EM * shape.height * len(shape.text) / 2, shape.height / 2
        else:
            width = height = shape.radius
        assert abs(shape.x) + width <= CENTRAL / 2 * NARROWEST
        assert abs(shape.y) + height <= CENTRAL / 2


def test_words_and_circle_do_not_touch() -> None:
    shapes = shown(1.0, "held")
    top = max(shape.y + shape.radius for shape in shapes if not isinstance(shape, Text))
    assert top < min(shape.y - shape.height * 0.6 for shape in shapes if isinstance(shape, Text))


def test_the_disc_has_the_values_radius_and_does_not_move_in_idle() -> None:
    state = played([volume(12, 0.5)], later_s=1.0)
    radii = {disc(scene(on_tick(state, state.now_s + step / 10)[0])).radius for step in range(10)}
    assert radii == {radius_of(0.5)}


def test_the_picture_always_moves_a_little() -> None:
    for state in (DisplayState("d"), played([volume(12, 0.5)], later_s=1.0), played([volume(3)], later_s=20.0)):
        now = state.now_s + 5.0
        pictures = {circle_of(on_tick(state, now + step * 0.5)[0]) for step in range(4)}
        assert len(pictures) > 1


def circle_of(state: DisplayState) -> tuple[Shape, ...]:
    return tuple(shape for shape in scene(state) if isinstance(shape, Glow))


@given(now_s=st.floats(0, 1e6))
def test_the_idle_wave_is_small(now_s: float) -> None:
    assert abs(idle_wave(now_s)) <= 1.0


def test_a_held_value_has_a_dotted_outline_and_a_fresh_one_has_none() -> None:
    held = [shape for shape in shown(0.5, "held") if isinstance(shape, Ring) and shape.dotted]
    assert len(held) == 1
    assert held[0].radius > radius_of(0.5)
    assert not [shape for shape in shown(0.5) if isinstance(shape, Ring) and shape.dotted]


def test_the_neutral_middle_differs_from_a_value_of_zero() -> None:
    neutral, zero = shown(0.0, "settling"), shown(0.0)
    assert [s.opacity for s in neutral if isinstance(s, Disc)] != [s.opacity for s in zero if isinstance(s, Disc)]


def test_before_a_run_there_are_no_words_as_flip_and_language_are_not_known() -> None:
    assert not [shape for shape in scene(DisplayState("d")) if isinstance(shape, Text)]


@pytest.mark.parametrize(("flip", "x", "y"), [("none", 1, 1), ("x", -1, 1), ("y", 1, -1), ("180", -1, -1)])
def test_a_flip_turns_every_shape_and_every_letter(flip: str, x: int, y: int) -> None:
    upright = (*shown(0.5, "held"), Disc(0.1, 0.2, 0.05, WARM, 1.0), Text(0.1, 0.2, "a", 0.05, LIGHT))
    for before, after in zip(upright, flipped(upright, flip), strict=True):  # type: ignore[arg-type]
        assert (after.x, after.y) == (x * before.x, y * before.y)
        if isinstance(after, Text):
            assert (after.mirror_x, after.mirror_y) == (x < 0, y < 0)


@pytest.mark.parametrize("flip", ["none", "x", "y", "180"])
def test_a_flip_twice_is_no_flip(flip: str) -> None:
    upright = shown(0.5, "held")
    assert flipped(flipped(upright, flip), flip) == upright  # type: ignore[arg-type]


@pytest.mark.parametrize("colour", [LIGHT, SECOND_LINE])
def test_text_has_a_contrast_of_seven_to_one_or_more(colour: str) -> None:
    assert contrast(colour, GROUND) >= 7.0


def test_the_circle_stands_out_from_the_ground() -> None:
    assert contrast(WARM, GROUND) >= 4.5


@pytest.mark.parametrize("colour", [WARM, SAND, LIGHT, SECOND_LINE, GROUND])
def test_no_colour_is_red(colour: str) -> None:
    red, green, _ = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    assert green >= 0.6 * red


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21.0)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    lights = sorted((luminance(one), luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_stale_words_say_that_the_circle_rests() -> None:
    state = ticked(played([volume(12)]), 3.0)
    assert "The circle is resting." in [shape.text for shape in scene(state) if isinstance(shape, Text)]
