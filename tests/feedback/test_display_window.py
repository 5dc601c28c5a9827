"""What PsychoPy really puts into the frame buffer."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from feedback.gallery import gallery
from feedback.palette import GROUND, LIGHT, SAND, WARM
from feedback.shapes import Curve, Disc, Dots, Image, Rect, Ring, Shape, Text, flipped

pytestmark = [pytest.mark.display, pytest.mark.skipif(find_spec("psychopy") is None, reason="PsychoPy is not installed")]

WIDTH, HEIGHT = 640, 480
Pixels = npt.NDArray[np.int16]
TEXTS = {"latin": "Wir sind gleich so weit", "hebrew": "אין דבר שעליך לעשות", "arabic": "لا يوجد شيء عليك فعله", "greek": "Ξεκουραστείτε"}
MIXED: tuple[Shape, ...] = (
    Disc(-0.3, 0.2, 0.08, WARM, 1.0),
    Rect(0.2, 0.1, 0.3, 0.06, LIGHT, 1.0, 0.02),
    Curve(((-0.3, -0.2), (-0.1, -0.1), (0.0, -0.25)), 0.012, SAND),
    Dots(((0.1, -0.1), (0.2, -0.15), (0.3, -0.3)), 0.01, LIGHT),
    Ring(0.3, -0.1, 0.05, LIGHT, 1.0),
)


def shapes_drawn(image: Path) -> dict[str, tuple[Shape, ...]]:
    plates = {name: flipped(shapes, flip) for name, flip, shapes in gallery(("de",))}
    return {
        **plates,
        **{f"text_{name}": (Text(0.0, 0.0, text, 0.06, LIGHT),) for name, text in TEXTS.items()},
        **{f"mixed_{flip}": flipped(MIXED, flip) for flip in ("none", "x", "y", "180")},  # type: ignore[arg-type]
        **{f"image_{flip}": flipped((Image(0.1, 0.1, 0.4, 0.4, str(image)),), flip) for flip in ("none", "x", "y", "180")},  # type: ignore[arg-type]
        "bar": (Rect(0.0, 0.0, 0.25, 0.5, WARM),),
        "round_bar": (Rect(0.0, 0.0, 0.25, 0.5, WARM, 1.0, 0.1),),
        "half_bar": (Rect(0.0, 0.0, 0.25, 0.5, WARM, 0.5, 0.1),),
        "line": (Curve(((-0.4, -0.3), (0.4, 0.3)), 0.05, WARM),),
        "dots": (Dots(tuple((x / 10, 0.0) for x in range(-4, 5)), 0.03, WARM),),
        "clear": (Disc(0.0, 0.0, 0.2, WARM, 0.0), Rect(0.0, 0.0, 0.3, 0.3, WARM, 0.0), Text(0.0, 0.0, "nothing", 0.06, LIGHT, 0.0)),
    }


@pytest.fixture(scope="module")
def pictures(screen: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pixels]:
    """(height, width, 3), 0 ... 255."""
    from PIL import Image as Pictures  # comes with PsychoPy

    folder = tmp_path_factory.mktemp("pictures")
    quarters = np.zeros((60, 120, 3), np.uint8)  # light above, and lightest above on the left
    quarters[:30, :60], quarters[:30, 60:] = 250, 150
    Pictures.fromarray(quarters).save(folder / "trial.png")
    wanted = shapes_drawn(folder / "trial.png")
    script = Path(__file__).with_name("draw_pictures.py")
    command = [sys.executable, str(script), str(folder), str(WIDTH), str(HEIGHT)]
    done = subprocess.run(command, input=pickle.dumps(wanted), env=screen, capture_output=True, timeout=150, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return {name: np.asarray(Pictures.open(folder / f"{name}.png"), dtype=np.int16) for name in wanted}


def drawn(picture: Pixels) -> npt.NDArray[np.bool_]:
    """Where something differs from the ground."""
    ground = np.array([int(GROUND[i : i + 2], 16) for i in (1, 3, 5)])
    return np.asarray(np.abs(picture - ground).max(axis=2) > 8)


def warm(picture: Pixels) -> int:
    """How many pixels are the warm colour's."""
    return int(((picture[..., 0] > 180) & (picture[..., 2] < 110)).sum())


def test_the_ground_is_dark_grey_and_not_black(pictures: dict[str, Pixels]) -> None:
    for picture in pictures.values():
        assert picture.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(picture[:5] - 0x26).max() <= 1


def test_what_is_clear_is_not_drawn_and_a_blank_screen_is_empty(pictures: dict[str, Pixels]) -> None:
    assert not drawn(pictures["clear"]).any()
    assert not drawn(pictures["blank"]).any()


def test_everything_lies_within_the_central_70_percent(pictures: dict[str, Pixels]) -> None:
    for name in (name for name in pictures if name.startswith("de_")):
        rows, columns = np.nonzero(drawn(pictures[name]))
        assert abs(rows - HEIGHT / 2).max() <= 0.35 * HEIGHT + 1, name
        assert abs(columns - WIDTH / 2).max() <= 0.35 * WIDTH + 1, name


@pytest.mark.parametrize("view", ["circle", "thermometer", "line"])
def test_a_larger_value_is_more_of_the_warm_colour_or_higher_and_no_value_is_none_of_it(pictures: dict[str, Pixels], view: str) -> None:
    assert warm(pictures[f"de_{view}_neutral"]) == warm(pictures[f"de_{view}_resting"]) == 0
    low, high = pictures[f"de_{view}_low"], pictures[f"de_{view}_high"]
    assert warm(low) > 0
    if view == "line":
        assert top_of_warm(high) < top_of_warm(low)
    else:
        assert warm(high) > 1.5 * warm(low)


def top_of_warm(picture: Pixels) -> int:
    return int(np.nonzero(((picture[..., 0] > 180) & (picture[..., 2] < 110)).any(axis=1))[0][0])


@pytest.mark.parametrize("view", ["circle", "thermometer", "line"])
def test_a_held_value_looks_otherwise_than_a_fresh_one(pictures: dict[str, Pixels], view: str) -> None:
    assert np.abs(pictures[f"de_{view}_held"] - pictures["de_flip_none" if view == "circle" else f"de_{view}_high"]).max() > 60


@pytest.mark.parametrize(("flip", "turn"), [("x", np.s_[:, ::-1]), ("y", np.s_[::-1, :]), ("180", np.s_[::-1, ::-1])])
@pytest.mark.parametrize("what", ["de_flip", "mixed", "image"])
def test_a_flip_turns_the_whole_picture(pictures: dict[str, Pixels], what: str, flip: str, turn: tuple[slice, slice]) -> None:
    upright, turned = drawn(pictures[f"{what}_none"])[turn], drawn(pictures[f"{what}_{flip}"])
    assert (upright ^ turned).sum() < 0.04 * upright.sum()  # letters are rasterised to whole pixels
    assert what == "image" or (drawn(pictures[f"{what}_none"]) ^ turned).sum() > 0.04 * upright.sum() or flip == "x"


def test_a_picture_keeps_its_proportions_and_is_turned_with_the_screen(pictures: dict[str, Pixels]) -> None:
    rows, columns = np.nonzero(drawn(pictures["image_none"]))
    assert np.ptp(columns) == pytest.approx(0.4 * HEIGHT, abs=3)
    assert np.ptp(rows) == pytest.approx(0.2 * HEIGHT, abs=3)
    lightest = {flip: np.argwhere(pictures[f"image_{flip}"].min(axis=2) > 200).mean(axis=0) for flip in ("none", "x", "y", "180")}
    middle = np.array([HEIGHT, WIDTH]) / 2 - 0.5
    for flip, sides in (("x", (1, -1)), ("y", (-1, 1)), ("180", (-1, -1))):
        np.testing.assert_allclose(lightest[flip] - middle, (lightest["none"] - middle) * sides, atol=1.5)


def test_bars_lines_and_dots_are_as_large_as_they_should_be(pictures: dict[str, Pixels]) -> None:
    unit = HEIGHT**2
    assert warm(pictures["bar"]) == pytest.approx(0.25 * 0.5 * unit, rel=0.02)
    assert warm(pictures["round_bar"]) == pytest.approx((0.25 * 0.5 - (4 - np.pi) * 0.1**2) * unit, rel=0.03)
    assert warm(pictures["line"]) == pytest.approx((1.0 * 0.05 + np.pi * 0.025**2) * unit, rel=0.06)
    assert warm(pictures["dots"]) == pytest.approx(9 * np.pi * 0.03**2 * unit, rel=0.12)


def test_a_bar_that_is_half_clear_has_one_colour_all_over(pictures: dict[str, Pixels]) -> None:
    bar = pictures["half_bar"]
    inside = bar[HEIGHT // 2 - 90 : HEIGHT // 2 + 90, WIDTH // 2 - 50 : WIDTH // 2 + 50].reshape(-1, 3)
    assert np.ptp(inside, axis=0).max() <= 2


@pytest.mark.parametrize("name", TEXTS)
def test_every_script_is_drawn_with_letters_and_not_with_boxes(pictures: dict[str, Pixels], name: str) -> None:
    ink = drawn(pictures[f"text_{name}"])
    rows, columns = np.nonzero(ink)
    assert 0.15 * WIDTH < np.ptp(columns) < 0.75 * WIDTH
    profile = ink.any(axis=0)[columns.min() : columns.max()]
    assert ink.sum() < 0.5 * np.ptp(rows) * np.ptp(columns)
    assert (~profile).any()  # gaps between words or letters
