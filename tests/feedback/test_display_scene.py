"""From a state of the display to shapes: what is on the screen when, flips, and what the operator is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from display_parts import played, run_start, ticked, volume
from hypothesis import given
from hypothesis import strategies as st

from feedback.look import Asked, Kind, Look
from feedback.palette import GROUND, LIGHT, WARM
from feedback.scene import Moment, calm, depicted, idle_wave, problems, scene, texts_of
from feedback.shapes import Curve, Disc, Dots, Glow, Image, Rect, Ring, Shape, Text, flipped
from feedback.sizes import text_width
from feedback.state import DisplayState, on_tick
from feedback.views.circle import radius_of
from feedback.wording import wording
from rtfmri.messages import DisplaySettings, RatingScale, TrialInfo
from rtfmri.paradigm import Block

FLIPS = [("none", 1, 1), ("x", -1, 1), ("y", 1, -1), ("180", -1, -1)]


def shown(value: float, validity: str = "ok", later_s: float = 1.0, **fields: Any) -> tuple[Shape, ...]:
    return scene(played([volume(12, value), volume(13, value, validity)], run_start(**fields), later_s))


def disc(shapes: tuple[Shape, ...]) -> Disc:
    return next(shape for shape in reversed(shapes) if isinstance(shape, Disc))


def words(shapes: tuple[Shape, ...]) -> list[str]:
    return [shape.text for shape in shapes if isinstance(shape, Text)]


def test_the_disc_has_the_values_radius_and_does_not_move_in_idle() -> None:
    state = played([volume(12, 0.5)], later_s=1.0)
    radii = [disc(scene(on_tick(state, state.now_s + step * 0.3)[0])).radius for step in range(4)]
    assert radii == pytest.approx([radius_of(0.5)] * 4)
    assert len(set(radii)) == 1


def test_something_always_moves_a_little() -> None:
    for state in (DisplayState("d"), played([volume(12, 0.5)], later_s=1.0), played([volume(3)], later_s=20.0)):
        now = state.now_s + 5.0
        pictures = {_glows(scene(on_tick(state, now + step * 0.5)[0])) for step in range(4)}
        assert len(pictures) > 1


def _glows(shapes: tuple[Shape, ...]) -> tuple[Shape, ...]:
    return tuple(shape for shape in shapes if isinstance(shape, Glow))


@pytest.mark.parametrize("kind", ["idle", "waiting", "block", "rating", "paused", "ended"])
def test_every_look_but_card_and_blank_has_something_that_lives(kind: Kind) -> None:
    asked = Asked(RatingScale(name="pain"), 3.0, 0.5) if kind == "rating" else None
    moments = [Moment(Look(kind, asked=asked), now_s=now_s) for now_s in (0.0, 1.0)]
    still, moved = (_glows(depicted(moment).shapes) for moment in moments)
    assert still
    assert still != moved


@given(now_s=st.floats(0, 1e6))
def test_the_idle_wave_is_small(now_s: float) -> None:
    assert abs(idle_wave(now_s)) <= 1.0


def test_a_held_value_has_a_dotted_outline_and_a_fresh_one_has_none() -> None:
    (outline,) = [shape for shape in shown(0.5, "held") if isinstance(shape, Ring) and shape.dotted]
    assert outline.radius > disc(shown(0.5, "held")).radius
    assert not [shape for shape in shown(0.5) if isinstance(shape, Ring) and shape.dotted]


def test_the_neutral_middle_differs_from_a_value_of_zero() -> None:
    neutral, zero = shown(0.0, "settling"), shown(0.0)
    assert [s.opacity for s in neutral if isinstance(s, Disc)] != [s.opacity for s in zero if isinstance(s, Disc)]


def test_stale_words_say_that_the_shape_rests() -> None:
    state = ticked(played([volume(12)]), 3.0)
    assert "The shape is resting." in words(scene(state))


def test_before_a_run_there_are_no_words_as_flip_and_language_are_not_known() -> None:
    assert words(scene(DisplayState("d"))) == []


def test_a_blank_screen_is_the_ground_alone() -> None:
    assert scene(replace(played([volume(12)]), blanked=True)) == ()


def test_a_value_looks_the_same_in_every_block_and_while_it_rests_however_long_their_texts_are() -> None:
    long = ("A first line that is rather long,", "a second one that is as long,", "and a third one.")
    settings = DisplaySettings(feedback="continuous", wording={"en": {"block.self_compassion": long}})
    start = run_start(display=settings)
    fresh, rest = played([volume(12, 0.5)], start, 1.0), played([volume(12, 0.5)], start, 6.0)
    other = played([volume(3)], start, 1.0)
    rings = [next(s for s in scene(state) if isinstance(s, Ring)) for state in (fresh, rest, other)]
    assert len({(ring.y, ring.radius) for ring in rings}) == 1
    assert rings[0].radius < next(s for s in shown(0.5) if isinstance(s, Ring)).radius


def test_a_run_names_its_view_and_language() -> None:
    settings = DisplaySettings(feedback="continuous", view="thermometer", language="de")
    shapes = shown(0.5, display=settings)
    assert [shape for shape in shapes if isinstance(shape, Rect)]
    assert "Seien Sie freundlich zu sich." in words(shapes)


def test_the_card_can_be_shown_before_any_run_is_known() -> None:
    shapes = depicted(Moment(Look("card"))).shapes
    assert {"L", "R", "top", "Can you read this line?"} <= set(words(shapes))
    left, right = (next(shape for shape in shapes if isinstance(shape, Text) and shape.text == letter) for letter in "LR")
    assert left.x < 0 < right.x
    assert disc(shapes).x < 0  # the disc is left, the bar is right
    assert max(shape.x for shape in shapes if isinstance(shape, Rect) and shape.colour == WARM) > 0


def test_the_frame_of_the_card_is_the_central_70_percent() -> None:
    frame = max(
        (shape for shape in depicted(Moment(Look("card")), 16 / 9).shapes if isinstance(shape, Curve)), key=lambda curve: len(curve.points)
    )
    assert {(round(abs(x), 6), round(abs(y), 6)) for x, y in frame.points} == {(round(0.35 * 16 / 9, 6), 0.35)}


def test_sides_that_are_words_stay_inside_the_frame() -> None:
    settings = DisplaySettings(wording={"en": {"card.left": ("gauche",), "card.right": ("droite",)}})
    sides = [
        shape for shape in depicted(Moment(Look("card"), settings)).shapes if isinstance(shape, Text) and shape.text in ("gauche", "droite")
    ]
    assert len(sides) == 2
    assert all(abs(text.x) + text_width(text.text) * text.height / 2 <= 0.35 * 4 / 3 for text in sides)


def handle(place: float, moved: bool = False, answered: bool = False, **scale: Any) -> tuple[Shape, ...]:
    return depicted(Moment(Look("rating", asked=Asked(RatingScale(name="pain", **scale), place, 0.5, moved, answered)))).shapes


@pytest.mark.parametrize(("low", "high"), [(0.0, 10.0), (-5.0, 5.0), (1.0, 7.0)])
def test_the_handle_stands_where_the_place_is_on_the_scale(low: float, high: float) -> None:
    ends = next(shape for shape in handle(low, low=low, high=high) if isinstance(shape, Curve)).points
    assert disc(handle(low, low=low, high=high)).x == pytest.approx(ends[0][0])
    assert disc(handle(high, low=low, high=high)).x == pytest.approx(ends[1][0])
    assert disc(handle((low + high) / 2, low=low, high=high)).x == pytest.approx(0.0)


def test_a_handle_is_hollow_then_filled_then_ringed() -> None:
    assert disc(handle(3.0)).colour == GROUND
    assert disc(handle(3.0, moved=True)).colour == WARM
    assert len([s for s in handle(3.0, moved=True, answered=True) if isinstance(s, Disc)]) == 3
    assert "Thank you." in words(handle(3.0, moved=True, answered=True))


def test_a_slider_has_a_dot_for_each_step_that_can_be_told_apart() -> None:
    assert [len(s.points) for s in handle(3.0) if isinstance(s, Dots)] == [11]
    assert [len(s.points) for s in handle(3.0, high=100.0) if isinstance(s, Dots)] == [2]


def test_a_trial_shows_its_lines_or_its_image_in_place_of_the_view() -> None:
    block = Block("situation", 0.0, 10.0, "other")
    text = depicted(Moment(Look("block", block, 0, trial=TrialInfo(block="situation", lines=("A letter has come.",))))).shapes
    picture = depicted(Moment(Look("block", block, 0, trial=TrialInfo(block="situation", image="letter.png")))).shapes
    assert words(text) == ["A letter has come."]
    (image,) = [shape for shape in picture if isinstance(shape, Image)]
    assert image.path == "letter.png"
    assert not [shape for shape in picture if isinstance(shape, Disc)]
    assert _glows(picture)


@pytest.mark.parametrize(("flip", "x", "y"), FLIPS)
def test_a_flip_turns_every_shape_and_every_letter(flip: str, x: int, y: int) -> None:
    upright = (*shown(0.5, "held"), Rect(0.1, 0.2, 0.3, 0.1, WARM), Image(0.1, 0.2, 0.3, 0.1, "a.png"), Text(0.1, 0.2, "a", 0.05, LIGHT))
    for before, after in zip(upright, flipped(upright, flip), strict=True):  # type: ignore[arg-type]
        assert not isinstance(before, Curve | Dots)
        assert not isinstance(after, Curve | Dots)
        assert (after.x, after.y) == (x * before.x, y * before.y)
        if isinstance(after, Text | Image):
            assert (after.mirror_x, after.mirror_y) == (x < 0, y < 0)


@pytest.mark.parametrize(("flip", "x", "y"), FLIPS)
def test_a_flip_turns_lines_and_dots_point_by_point(flip: str, x: int, y: int) -> None:
    upright = (Curve(((0.1, 0.2), (0.3, 0.4)), 0.01, WARM), Dots(((0.1, 0.2),), 0.01, WARM))
    curve, dots = flipped(upright, flip)  # type: ignore[arg-type]
    assert isinstance(curve, Curve)
    assert isinstance(dots, Dots)
    assert curve.points == ((x * 0.1, y * 0.2), (x * 0.3, y * 0.4))
    assert dots.points == ((x * 0.1, y * 0.2),)


@pytest.mark.parametrize("flip", ["none", "x", "y", "180"])
def test_a_flip_twice_is_no_flip(flip: str) -> None:
    upright = shown(0.5, "held")
    assert flipped(flipped(upright, flip), flip) == upright  # type: ignore[arg-type]


def test_the_outline_of_a_rounded_bar_lies_on_its_edge() -> None:
    square, rounded = Rect(0.1, 0.2, 0.4, 0.2, WARM), Rect(0.1, 0.2, 0.4, 0.2, WARM, 1.0, 0.05)
    assert {(round(x, 6), round(y, 6)) for x, y in square.outline} == {(0.3, 0.3), (-0.1, 0.3), (-0.1, 0.1), (0.3, 0.1)}
    assert max(x for x, _ in rounded.outline) == pytest.approx(0.3)
    assert max(y for _, y in rounded.outline) == pytest.approx(0.3)
    corner = min(abs(x - 0.3) + abs(y - 0.3) for x, y in rounded.outline)
    assert corner == pytest.approx(0.05 * (2 - 2**0.5), abs=1e-6)


def test_the_calm_picture_is_the_neutral_circle_without_words_and_lives() -> None:
    assert words(calm(0.0)) == []
    assert disc(calm(0.0)).opacity == 0.0  # the warm one
    assert _glows(calm(0.0)) != _glows(calm(1.0))


def test_every_text_of_a_run_is_looked_at_for_its_size_and_its_letters() -> None:
    scale = RatingScale(name="calm", question={"en": ("How calm?",)})
    trial = TrialInfo(block="situation", lines=("A letter has come.",))
    run = run_start(display=DisplaySettings(ratings=(scale,), trials=(trial,), wording={"en": {"block.wait": ("Wait.",)}}))
    texts = set(texts_of(run))
    assert {("How calm?",), ("A letter has come.",), ("Wait.",), wording("en").texts["paused"], wording("en").texts["block.show"]} <= texts


def test_a_plain_run_gives_the_operator_nothing_to_read_and_an_odd_one_a_sentence_for_each_oddity() -> None:
    assert problems(run_start()) == ()
    odd = DisplaySettings(view="clock", language="xx", wording={"xx": {"blok": ("a",)}}, screen_width_mm=100.0, distance_mm=3000.0)
    told = problems(run_start(display=odd))
    assert len(told) == 4
    assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in told)
