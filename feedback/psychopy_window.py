"""The window: the only file that imports PsychoPy's pictures (GPL-3), and only when a window is opened.

What is drawn in it stands in ``stimuli.py``. Keys are the window's own, so what the operator types elsewhere is never the participant's.
Nothing closes it but this program: Escape twice is the only way out.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from feedback.home import home_that_can_be_written
from feedback.keyboard import HeldKeys, Press
from feedback.palette import GROUND
from feedback.shapes import Shape
from feedback.stimuli import Stimuli
from feedback.watching import NoScreenError
from rtfmri.errors import StudyError

NEEDLESS = "openpyxl"  # spreadsheets: PsychoPy does without, and starts a tenth sooner
FLIPS_MEASURED = 8
FREE_RUNNING_HZ = 250.0  # no screen refreshes as often: flips do not wait for it

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

    Attributes
    ----------
    size_px : what it really has.
    refresh_hz : how often flips can happen; None where they do not wait for the screen (no such screen, or a driver that does not tell).

    Raises
    ------
    StudyError : on entering, when no screen can be opened (``NoScreenError``) or PsychoPy is not there.
    """

    size_px: tuple[int, int]
    refresh_hz: float | None

    def __init__(self, size: tuple[int, int] | None, screen: int = 0) -> None:
        self._size, self._screen = size, screen
        self._resources = ExitStack()
        self._held = HeldKeys()
        self._has_keys = True

    def __enter__(self) -> PsychopyWindow:
        with ExitStack() as resources:
            resources.enter_context(home_that_can_be_written())
            visual = _psychopy_visual()
            self._window = self._open(visual)
            self._stimuli = Stimuli(visual, self._window)
            resources.callback(self._window.close)
            width, height = self._window.size
            self.size_px = (int(width), int(height))
            self._hear()
            self.refresh_hz = self._measured_hz()
            self._resources = resources.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stimuli.clear()
        self._resources.close()

    @property
    def aspect(self) -> float:
        """Width in heights."""
        return self.size_px[0] / self.size_px[1]

    @property
    def has_keys(self) -> bool:
        """False once another window has taken the keyboard away."""
        return self._has_keys

    def draw(self, shapes: tuple[Shape, ...]) -> None:
        """Make the back buffer hold ``shapes``, from back to front, and nothing that was drawn before."""
        self._window.clearBuffer()
        for slot, shape in enumerate(shapes):
            self._stimuli.draw(slot, shape)

    def flip(self) -> None:
        """Put what was drawn on the glass; waits for the screen's refresh where the graphics card allows it."""
        self._window.flip()

    def presses(self, now_s: float) -> tuple[Press, ...]:
        """Keys pressed since the last call, by PsychoPy's names, and those that are held down."""
        self._window.winHandle.dispatch_events()
        return self._held.taken(now_s)

    def take_keys(self) -> None:
        """Ask the window manager for the keyboard."""
        self._window.winHandle.activate()

    def prepare(self, images: Iterable[str]) -> None:
        """Load pictures before they are needed."""
        for path in images:
            self._stimuli.texture(path)

    def screenshot(self, path: Path) -> None:
        """Save the back buffer as PNG: call it between ``draw`` and ``flip``, as the front buffer cannot be read everywhere."""
        self._window.getMovieFrame(buffer="back").convert("RGB").save(path)
        self._window.movieFrames = []

    def _open(self, visual: Any) -> Any:
        whole = {"fullscr": True} if self._size is None else {"size": self._size, "fullscr": False}
        try:
            window = visual.Window(
                **whole, screen=self._screen, units="height", color=GROUND, checkTiming=False, allowGUI=False, autoLog=False
            )
        except Exception as error:  # pyglet raises whatever the platform's calls raise
            raise NoScreenError(NO_SCREEN.format(reason=_first_line(error))) from None
        screens = len(window.winHandle.display.get_screens())
        if self._screen >= screens:  # PsychoPy would take the first one without a word
            window.close()
            raise StudyError(f"There is no screen {self._screen}: this computer has {screens}, counted from 0; choose with --screen.")
        window.mouseVisible = False
        return window

    def _hear(self) -> None:
        """Take the window's keys, its focus, and what would close it."""
        from pyglet.window import key

        def focus(has_keys: bool) -> None:
            self._has_keys = has_keys
            self._held.released_all()

        def on_key_press(symbol: int, _modifiers: int) -> bool:
            self._held.pressed(_key_name(key.symbol_string(symbol)))
            return True

        def on_key_release(symbol: int, _modifiers: int) -> bool:
            self._held.released(_key_name(key.symbol_string(symbol)))
            return True

        self._window.winHandle.push_handlers(
            on_key_press,
            on_key_release,
            on_activate=lambda: focus(True),
            on_deactivate=lambda: focus(False),
            on_close=lambda: True,
        )

    def _measured_hz(self) -> float | None:
        times_s = []
        for _ in range(FLIPS_MEASURED + 1):
            self._window.flip()
            times_s.append(time.perf_counter())
        period_s = statistics.median(np.diff(times_s))
        return None if period_s * FREE_RUNNING_HZ < 1.0 else 1.0 / float(period_s)


def _psychopy_visual() -> Any:
    """``psychopy.visual``, without its noise, without a look at the network, and without what it would load for nothing."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # Mesa's software renderer: one core is enough
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PsychoPy's and pyglet's own
            from psychopy import logging, prefs

            logging.console.setLevel(logging.CRITICAL)
            prefs.connections["allowUsageStats"] = False
            prefs.connections["checkForUpdates"] = False
            with _hidden(NEEDLESS):
                from psychopy import visual
    except ImportError as error:
        if "ibrary" in str(error):  # pyglet: Library "GLU" not found
            raise NoScreenError(NO_SCREEN.format(reason=_first_line(error))) from None
        raise StudyError(NO_PSYCHOPY.format(reason=_first_line(error))) from None
    except Exception as error:  # pyglet opens the screen as soon as it is imported
        raise NoScreenError(NO_SCREEN.format(reason=_first_line(error))) from None
    return visual


@contextmanager
def _hidden(module: str) -> Iterator[None]:
    """As if ``module`` were not installed; where it is loaded already, nothing changes."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # Python's own way to say so
    try:
        yield
    finally:
        del sys.modules[module]


def _key_name(symbol: str) -> str:
    """PsychoPy's name of pyglet's key; those of the number pad are the digits', as button boxes send either."""
    name = symbol.lower().removeprefix("_").removeprefix("num_")
    return "return" if name == "enter" else name


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
