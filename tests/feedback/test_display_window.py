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
from display_parts import BEGIN_S, hear, played, run_start, run_stop, ticked, volume

from feedback.scene import CENTRE_Y, GROUND, LETTERS, LIGHT, LINES_Y, OUTLINE_GAP, SECOND_LINE, circle, radius_of, scene
from feedback.shapes import Shape, Text, flipped
from feedback.state import DisplayState, on_tick
from feedback.wording import languages
from rtfmri.messages import DisplaySettings

pytestmark = [pytest.mark.display, pytest.mark.skipif(find_spec("psychopy") is None, reason="PsychoPy is not installed")]

WIDTH, HEIGHT = 640, 480
Pixels = npt.NDArray[np.int16]


def at(value: float, validity: str = "ok", later_s: float = 1.0) -> DisplayState:
    return played([volume(12, value), volume(13, value, validity)], run_start(), later_s)


def every_line() -> dict[str, tuple[Shape, ...]]:
    """Each text of each language where it stands, two lines a picture."""
    texts = [text for words in languages().values() for table in (words.look, words.role, words.block) for text in table.values()]
    return {
        f"text_{number:03d}": tuple(
            Text(0.0, y, line, height, colour)
            for line, y, height, colour in zip(text, LINES_Y, LETTERS, (LIGHT, SECOND_LINE), strict=False)
        )
        for number, text in enumerate(sorted(set(texts)))
    }


def looks() -> dict[str, tuple[Shape, ...]]:
    states = {
        "before": on_tick(DisplayState("d"), BEGIN_S)[0],
        "waiting": hear(DisplayState("d"), run_start(), BEGIN_S),
        "rest": played([volume(3)], later_s=1.0),
        "wide": at(1.0),
        "middle": at(0.0),
        "narrow": at(-1.0),
        "held": ticked(played([volume(12, 0.5), volume(13, validity="held")]), 1.0),
        "stale": at(1.0, later_s=5.0),
        "paused": at(1.0, later_s=12.0),
        "settling": at(1.0, "settling"),
        "ended": ticked(hear(played([volume(12)]), run_stop(), BEGIN_S + 13), 1.0),
        "german": played([volume(3)], run_start(display=DisplaySettings(language="de")), later_s=1.0),
    }
    shapes = {name: scene(state) for name, state in states.items()}
    turned = {f"wide_{flip}": flipped(shapes["wide"], flip) for flip in ("x", "y", "180")}
    return {**shapes, **turned, "circle_only": circle(states["wide"])}


@pytest.fixture(scope="module")
def pictures(screen: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pixels]:
    """(height, width, 3) of every look and every text, 0 ... 255."""
    from PIL import Image  # comes with PsychoPy

    folder = tmp_path_factory.mktemp("pictures")
    wanted = {**looks(), **every_line()}
    script = Path(__file__).with_name("draw_pictures.py")
    command = [sys.executable, str(script), str(folder), str(WIDTH), str(HEIGHT)]
    done = subprocess.run(command, input=pickle.dumps(wanted), env=screen, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return {name: np.asarray(Image.open(folder / f"{name}.png"), dtype=np.int16) for name in wanted}


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


def test_a_larger_value_is_a_larger_circle_of_the_size_that_the_scene_says(pictures: dict[str, Pixels]) -> None:
    areas = [warm(pictures[name]) for name in ("narrow", "middle", "wide")]
    wanted = [np.pi * (radius_of(value) * HEIGHT) ** 2 for value in (-1.0, 0.0, 1.0)]
    np.testing.assert_allclose(areas, wanted, rtol=0.12)  # the midline covers a little of it


@pytest.mark.parametrize("name", ["before", "waiting", "rest", "stale", "paused", "settling", "ended", "german"])
def test_without_a_value_nothing_is_warm_but_a_shape_is_there(pictures: dict[str, Pixels], name: str) -> None:
    assert warm(pictures[name]) == 0
    centre = pictures[name][round(HEIGHT * (0.5 - CENTRE_Y)), WIDTH // 2]
    assert centre.min() > 80


def test_a_held_value_has_a_dotted_outline_around_the_disc_and_a_fresh_one_has_none(pictures: dict[str, Pixels]) -> None:
    assert 0.2 < light_around(pictures["held"], radius_of(0.5)) < 0.8
    assert light_around(pictures["middle"], radius_of(0.0)) == 0.0


def light_around(picture: Pixels, radius: float) -> float:
    """Which part of a circle around the disc, where the outline would be, is light."""
    angles = np.linspace(0.0, 2.0 * np.pi, 720, endpoint=False)
    rows = np.round(HEIGHT * (0.5 - CENTRE_Y - (radius + OUTLINE_GAP) * np.sin(angles)) - 0.5).astype(int)
    columns = np.round(WIDTH / 2 + HEIGHT * (radius + OUTLINE_GAP) * np.cos(angles) - 0.5).astype(int)
    return float((picture[rows, columns].min(axis=1) > 80).mean())


@pytest.mark.parametrize(("name", "turn"), [("wide_x", np.s_[:, ::-1]), ("wide_y", np.s_[::-1, :]), ("wide_180", np.s_[::-1, ::-1])])
def test_a_flip_turns_the_whole_picture(pictures: dict[str, Pixels], name: str, turn: tuple[slice, slice]) -> None:
    upright, turned = drawn(pictures["wide"])[turn], drawn(pictures[name])
    assert (upright ^ turned).sum() < 0.03 * upright.sum()  # letters are rasterised to whole pixels
    assert (drawn(pictures["wide"]) ^ turned).sum() > 0.03 * upright.sum()


def test_everything_lies_within_the_central_70_percent(pictures: dict[str, Pixels]) -> None:
    for name, picture in pictures.items():
        rows, columns = np.nonzero(drawn(picture))
        assert abs(rows - HEIGHT / 2).max() <= 0.35 * HEIGHT, name
        assert abs(columns - WIDTH / 2).max() <= 0.35 * WIDTH, name


def test_every_text_is_drawn(pictures: dict[str, Pixels]) -> None:
    for name, picture in pictures.items():
        if name.startswith("text_"):
            assert drawn(picture).sum() > 150, name
