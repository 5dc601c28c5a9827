"""The window: the only file that imports PsychoPy (GPL-3), and only when a window is opened.

Draws the shapes of ``feedback/scene.py``. Stimuli are made once and reused: discs and rings are masks on one quad each, smooth at the edge
without multisampling, and a line of text is laid out when it first appears. One shape is one draw call.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from feedback.scene import GROUND
from feedback.shapes import Disc, Glow, Ring, Shape, Text
from rtfmri.errors import StudyError

TEXELS = 512
MARGIN = 1.06  # a mask's quad reaches so far beyond the radius, for the edge
DOTS = 44
RING_WIDTH = 0.022  # in radii
TEXTS_KEPT = 32
FONT = "Noto Sans"
FONT_FILE = "assets/fonts/NotoSans-Regular.ttf"  # comes with PsychoPy: the same letters on every computer, with fonts or without

NO_SCREEN = (
    "No screen can be opened for the participant's display ({reason}). Connect one and set DISPLAY, or install the Debian packages "
    "xvfb libgl1-mesa-dri libglu1-mesa and start it under xvfb-run."
)
NO_PSYCHOPY = "PsychoPy cannot be loaded ({reason}). Install it with: pip install 'rtfmri[display]'."


class PsychopyWindow:
    """A dark grey window for shapes; a context manager.

    Parameters
    ----------
    size : width and height in pixels; None takes the whole screen.
    screen : number of the screen, 0-based.

    Raises
    ------
    StudyError : on entering, when no screen can be opened or PsychoPy is not there.
    """

    def __init__(self, size: tuple[int, int] | None, screen: int = 0) -> None:
        self._size, self._screen = size, screen
        self._resources = ExitStack()
        self._stimuli: dict[tuple[Any, ...], Any] = {}

    def __enter__(self) -> PsychopyWindow:
        with ExitStack() as resources:
            resources.enter_context(_home_that_can_be_written())
            self._visual, self._event = _psychopy()
            self._font_files = [str(path) for path in Path(self._visual.__file__).parents[1].glob(FONT_FILE)]
            self._window = self._open()
            resources.callback(self._window.close)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stimuli.clear()
        self._resources.close()

    def _open(self) -> Any:
        whole = {"fullscr": True} if self._size is None else {"size": self._size, "fullscr": False}
        try:
            window = self._visual.Window(
                **whole, screen=self._screen, units="height", color=GROUND, checkTiming=False, allowGUI=False, autoLog=False
            )
        except Exception as error:  # pyglet raises whatever the platform's calls raise
            raise StudyError(NO_SCREEN.format(reason=_first_line(error))) from None
        screens = len(window.winHandle.display.get_screens())
        if self._screen >= screens:  # PsychoPy would take the first one without a word
            window.close()
            raise StudyError(f"There is no screen {self._screen}: this computer has {screens}, counted from 0; choose with --screen.")
        window.mouseVisible = False
        return window

    def draw(self, shapes: tuple[Shape, ...]) -> None:
        """Make the back buffer hold ``shapes``, from back to front, and nothing that was drawn before."""
        self._window.clearBuffer()
        for slot, shape in enumerate(shapes):
            if isinstance(shape, Text):
                self._text(shape).draw()
            elif isinstance(shape, Disc | Glow | Ring):
                self._patch(slot, shape).draw()

    def flip(self) -> None:
        """Put what was drawn on the glass; waits for the screen's refresh where the graphics card allows it."""
        self._window.flip()

    def pressed(self) -> tuple[str, ...]:
        """Keys pressed since the last call, by PsychoPy's names."""
        return tuple(self._event.getKeys())

    def screenshot(self, path: Path) -> None:
        """Save the back buffer as PNG: call it between ``draw`` and ``flip``, as the front buffer cannot be read everywhere."""
        self._window.getMovieFrame(buffer="back").convert("RGB").save(path)
        self._window.movieFrames = []

    def _text(self, shape: Text) -> Any:
        key = (shape.text, shape.height, shape.colour, shape.x, shape.y, shape.mirror_x, shape.mirror_y)
        if key not in self._stimuli:
            self._forget_texts()
            self._stimuli[key] = self._visual.TextStim(
                self._window,
                text=shape.text,
                font=FONT,
                fontFiles=self._font_files,
                pos=(shape.x, shape.y),
                height=shape.height,
                color=shape.colour,
                wrapWidth=4.0,
                flipHoriz=shape.mirror_x,
                flipVert=shape.mirror_y,
                autoLog=False,
            )
        return self._stimuli[key]

    def _forget_texts(self) -> None:
        texts = [key for key in self._stimuli if isinstance(key[0], str)]
        for key in texts[: max(0, len(texts) - TEXTS_KEPT + 1)]:
            del self._stimuli[key]

    def _patch(self, slot: int, shape: Disc | Glow | Ring) -> Any:
        key = (slot, _mask_name(shape), shape.colour)
        if key not in self._stimuli:
            self._stimuli[key] = self._visual.GratingStim(
                self._window, tex=None, mask=_mask(key[1]), color=shape.colour, units="height", interpolate=True, autoLog=False
            )
        patch = self._stimuli[key]
        patch.pos = (shape.x, shape.y)
        patch.size = 2.0 * shape.radius * MARGIN
        patch.opacity = min(max(shape.opacity, 0.0), 1.0)
        return patch


def _psychopy() -> tuple[Any, Any]:
    """``psychopy.visual`` and ``psychopy.event``, without their noise and without a look at the network."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # Mesa's software renderer: one core is enough
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PsychoPy's and pyglet's own
            from psychopy import logging, prefs

            logging.console.setLevel(logging.CRITICAL)
            prefs.connections["allowUsageStats"] = False
            prefs.connections["checkForUpdates"] = False
            from psychopy import event, visual
    except ImportError as error:
        sentence = NO_SCREEN if "ibrary" in str(error) else NO_PSYCHOPY  # pyglet: Library "GLU" not found
        raise StudyError(sentence.format(reason=_first_line(error))) from None
    except Exception as error:  # pyglet opens the screen as soon as it is imported
        raise StudyError(NO_SCREEN.format(reason=_first_line(error))) from None
    return visual, event


@contextmanager
def _home_that_can_be_written() -> Iterator[None]:
    """PsychoPy and matplotlib keep folders in HOME and stop where they cannot: lend them another one for as long as the window is open."""
    home = os.environ.get("HOME", "")
    if os.name != "posix" or _can_be_written(home):
        yield
        return
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="rtfmri-display-", ignore_cleanup_errors=True) as folder:
        authority = Path(home) / ".Xauthority"
        if authority.is_file():
            os.environ.setdefault("XAUTHORITY", str(authority))
        os.environ.update(HOME=folder, MPLCONFIGDIR=folder)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _can_be_written(folder: str) -> bool:
    try:
        with tempfile.TemporaryDirectory(dir=folder or os.devnull):
            return True
    except OSError:
        return False


def _mask_name(shape: Disc | Glow | Ring) -> str:
    if isinstance(shape, Ring):
        return "dotted" if shape.dotted else "ring"
    return "glow" if isinstance(shape, Glow) else "disc"


def _mask(name: str) -> npt.NDArray[np.float32]:
    """(TEXELS, TEXELS) of -1 (clear) ... 1 (opaque), the unit circle at ``1 / MARGIN`` of the half width."""
    axis = (np.arange(TEXELS) + 0.5) / TEXELS * 2.0 - 1.0
    x, y = np.meshgrid(axis * MARGIN, axis * MARGIN)
    radius, texel = np.hypot(x, y), 2.0 * MARGIN / TEXELS
    if name == "glow":
        cover = np.clip(2.2 * (1.0 - radius), 0.0, 1.0) ** 1.8
    elif name == "disc":
        cover = _edge(1.0 - radius, texel)
    else:
        cover = _edge(RING_WIDTH / 2 - np.abs(radius - 1.0), texel)
    if name == "dotted":
        step = 2.0 * np.pi / DOTS
        along = (np.arctan2(y, x) / step) % 1.0 - 0.5  # from the middle of a dot, in dots
        cover = _edge(1.4 * RING_WIDTH - np.hypot(radius - 1.0, along * step), texel)
    return (cover * 2.0 - 1.0).astype(np.float32)


def _edge(inside: npt.NDArray[np.float64], texel: float) -> npt.NDArray[np.float64]:
    """0 outside, 1 inside, over three texels in between; ``inside`` is the distance from the edge."""
    return np.clip(inside / (3.0 * texel) + 0.5, 0.0, 1.0)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
