"""Views of the value: the display's own, and a lab's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback.gallery import gallery
from feedback.look import Look
from feedback.scene import Moment, depicted
from feedback.shapes import Curve, Disc, Dots, Rect, Ring, Shape, Text
from feedback.views import Glance, View
from feedback.views.circle import circle, radius_of
from feedback.views.known import OWN, seen, view_problems, views_of
from feedback.views.line import height_of
from feedback.views.thermometer import level_of
from rtfmri.errors import StudyError
from rtfmri.messages import DisplaySettings

EACH = pytest.mark.parametrize("view", OWN.values(), ids=list(OWN))
TRACE = st.lists(st.tuples(st.floats(0, 60), st.floats(-1, 1)), max_size=200).map(lambda points: tuple(sorted(points)))
GLANCES = st.builds(
    Glance,
    value=st.floats(-1, 1),
    presence=st.floats(0, 1),
    outline=st.floats(0, 1),
    trace=TRACE,
    block_s=st.floats(0, 60),
    idle=st.floats(-1, 1),
)
LAB = """
from feedback.shapes import Disc
from feedback.views import Glance

def sun(glance: Glance):
    return (Disc(0.0, 0.0, 0.1 + 0.05 * glance.value, "#E69F00", 1.0),)

def raises(glance):
    return 1 / 0

def vast(glance: Glance):
    return (Disc(0.0, 0.0, 3.0, "#E69F00", 1.0),)

def moody(glance: Glance):
    return (Disc(0.0, 0.0, 0.1, "#E69F00", 1.0),) if glance.idle != 0.25 else None

def helper(length):
    return length

def _own(glance: Glance):
    return ()
"""


def glance(value: float, presence: float = 1.0, outline: float = 0.0, idle: float = 0.0, **fields: object) -> Glance:
    return Glance(**{"value": value, "presence": presence, "outline": outline, "trace": (), "block_s": 40.0, "idle": idle, **fields})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> dict[str, View]:
    file = tmp_path_factory.mktemp("lab") / "our_views.py"
    file.write_text(LAB)
    return views_of(file)


@EACH
@given(seen_at=GLANCES)
def test_every_glance_gives_shapes_that_can_be_drawn_in_the_views_place(view: View, seen_at: Glance) -> None:
    assert seen(view, seen_at).why == ""


@EACH
def test_nothing_is_wrong_with_the_displays_own_views(view: View) -> None:
    name = next(name for name, known in OWN.items() if known is view)
    assert view_problems(name, OWN) == ()


@pytest.mark.parametrize("measure", [radius_of, level_of, height_of])
@given(a=st.floats(-1, 1), b=st.floats(-1, 1))
def test_a_larger_value_is_wider_or_higher_and_values_beyond_the_range_are_its_ends(measure: object, a: float, b: float) -> None:
    assert callable(measure)
    low, high = sorted((a, b))
    assert measure(low) <= measure(high)
    assert measure(1.0) - measure(-1.0) > 0.1
    assert measure(float("inf")) == measure(1.0)


@EACH
def test_the_same_value_grows_the_same_way_in_every_view(view: View) -> None:
    """Half of the way from the middle to the end is half of the way in the picture."""
    middle, half, end = (_extent(view(glance(value))) for value in (0.0, 0.5, 1.0))
    assert middle < half < end
    assert half - middle == pytest.approx(end - half)


def _extent(shapes: tuple[Shape, ...]) -> float:
    """Radius of the disc, top of the filling, or height of the newest point."""
    warm = [shape for shape in shapes if isinstance(shape, Disc | Rect) and shape.colour == "#E69F00"][-1]
    if isinstance(warm, Rect):
        return warm.y + warm.height / 2
    return warm.radius + warm.y


@EACH
def test_the_least_value_is_never_nothing(view: View) -> None:
    shapes = [shape for shape in view(glance(-1.0)) if isinstance(shape, Disc | Rect) and shape.colour == "#E69F00"]
    assert min(shape.radius if isinstance(shape, Disc) else shape.height / 2 for shape in shapes) >= 0.02


@EACH
def test_a_held_value_has_faint_dots_and_the_same_shape_as_before(view: View) -> None:
    fresh, held = view(glance(0.5)), view(glance(0.5, outline=1.0))
    assert held[: len(fresh)] == fresh
    (dots,) = held[len(fresh) :]
    assert isinstance(dots, Dots) or (isinstance(dots, Ring) and dots.dotted)
    assert dots.opacity < 0.8


@EACH
def test_without_a_value_nothing_is_warm_and_something_pale_moves(view: View) -> None:
    still, moved = view(glance(0.0, presence=0.0)), view(glance(0.0, presence=0.0, idle=0.7))
    assert not [shape for shape in still if shape.colour == "#E69F00" and shape.opacity > 0]
    assert [shape for shape in still if isinstance(shape, Disc | Rect) and shape.opacity > 0.3]
    assert still != moved


@EACH
def test_with_a_value_only_the_glow_moves_in_idle(view: View) -> None:
    def exact(idle: float) -> list[Shape]:
        return [shape for shape in view(glance(0.5, idle=idle)) if type(shape).__name__ != "Glow" and shape.opacity > 0]

    assert exact(0.0) == exact(0.9)
    assert view(glance(0.5)) != view(glance(0.5, idle=0.9))


def test_a_line_joins_measured_values_only_and_ends_at_the_eased_one() -> None:
    trace = ((1.0, 0.2), (3.0, -0.4), (5.0, 0.9))
    (curve,) = [shape for shape in OWN["line"](glance(0.5, trace=trace)) if isinstance(shape, Curve) and len(shape.points) > 2]
    assert [y for _, y in curve.points] == pytest.approx([height_of(0.2), height_of(-0.4), height_of(0.5)])
    assert [x for x, _ in curve.points] == sorted(x for x, _ in curve.points)


def test_a_long_trace_is_thinned_and_keeps_its_newest_values() -> None:
    trace = tuple((0.1 * step, 0.5) for step in range(1000))
    curve = max((shape for shape in OWN["line"](glance(0.5, trace=trace)) if isinstance(shape, Curve)), key=lambda shape: len(shape.points))
    assert 50 < len(curve.points) <= 122


def test_a_labs_public_functions_of_one_glance_are_views_by_name(lab: dict[str, View]) -> None:
    assert set(lab) == {*OWN, "sun", "raises", "vast", "moody"}
    assert view_problems("sun", lab) == ()


def test_the_scene_draws_a_labs_view_in_the_place_of_the_circle(lab: dict[str, View]) -> None:
    picture = depicted(_moment("sun"), views=lab)
    assert picture.problem == ""
    (disc,) = [shape for shape in picture.shapes if isinstance(shape, Disc)]
    assert disc.radius == pytest.approx(0.125, rel=0.1)


@pytest.mark.parametrize(("name", "reason"), [("raises", "ZeroDivisionError"), ("vast", "beyond")])
def test_a_view_that_cannot_be_drawn_is_the_circle_and_the_operator_is_told(lab: dict[str, View], name: str, reason: str) -> None:
    picture = depicted(_moment(name), views=lab)
    assert picture.shapes == depicted(_moment("circle")).shapes
    assert name in picture.problem
    assert reason in picture.problem
    assert reason in view_problems(name, lab)[0]


def test_a_view_that_goes_wrong_in_the_middle_of_a_run_is_the_circle_for_that_frame(lab: dict[str, View]) -> None:
    assert view_problems("moody", lab) == ()
    outcome = seen(lab["moody"], glance(0.5, idle=0.25))
    assert outcome.why
    assert outcome.shapes == circle(glance(0.5, idle=0.25))


def test_an_unknown_view_is_the_circle_and_the_operator_reads_which_there_are() -> None:
    assert depicted(_moment("clock")).shapes == depicted(_moment("circle")).shapes
    (sentence,) = view_problems("clock", OWN)
    assert "clock" in sentence
    assert "thermometer" in sentence


@pytest.mark.parametrize(
    "bad", [Text(0, 0, "7", 0.1, "#FFFFFF"), Disc(0, 0, 0.1, "orange", 1.0), Disc(0, 0, float("nan"), "#E69F00", 1.0), 5]
)
def test_words_colours_by_name_and_what_is_no_number_are_no_view(bad: object) -> None:
    assert seen(lambda _: (bad,), glance(0.0)).why  # type: ignore[arg-type, return-value]
    assert seen(lambda _: (), glance(0.0)).why


@pytest.mark.parametrize("text", ["def (", "x = 1", "import nothing_of_this_name"])
def test_a_file_without_views_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "views.py"
    file.write_text(text)
    with pytest.raises(StudyError, match=r"views\.py"):
        views_of(file)


def test_a_file_that_is_not_there_is_refused() -> None:
    with pytest.raises(StudyError, match="not there"):
        views_of(Path("/nowhere/views.py"))


def test_no_plate_of_the_gallery_fell_back_to_the_circle() -> None:
    plates = {name: shapes for name, _, shapes in gallery(("en",))}
    for name in ("neutral", "low", "high", "held", "score", "resting"):
        assert len({plates[f"en_{view}_{name}"] for view in OWN}) == len(OWN)


def _moment(view: str) -> Moment:
    return Moment(Look("idle"), DisplaySettings(view=view), opening=0.5, presence=1.0)
