"""Screens of a test's own, and what a person's hands do to them: keys, and a click on another window."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from types import TracebackType
from typing import Any

import pytest


class Screen:
    """An Xvfb; a context manager. ``name`` is its DISPLAY, which it keeps when it is started again."""

    def __init__(self) -> None:
        self.name = ""
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Screen:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(10)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.name}

    def start(self) -> None:
        program = shutil.which("Xvfb")
        if program is None:
            pytest.skip("no screen: Xvfb is not installed")
        reading, writing = os.pipe()
        known = [self.name] if self.name else []
        command = [program, *known, "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
        self._server = subprocess.Popen(command, pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as numbers:
            number = numbers.readline().strip()  # comes when the server takes connections; "" when it died
        assert number, "Xvfb did not start"
        self.name = f":{number}"

    def die(self) -> None:
        assert self._server is not None
        self._server.send_signal(signal.SIGKILL)
        self._server.wait(10)


class Hands:
    """Somebody at the keyboard and the mouse of screen ``name``."""

    def __init__(self, name: str) -> None:
        xlib = pytest.importorskip("Xlib.display", reason="python-xlib, which PsychoPy brings on Linux, is not installed")
        self._display: Any = xlib.Display(name)
        self._other: Any = None

    def press(self, key: str, down_s: float = 0.02) -> None:
        """``key`` by X's name: 5, p, Escape, Right."""
        from Xlib import XK, X
        from Xlib.ext import xtest

        code = self._display.keysym_to_keycode(XK.string_to_keysym(key))
        for event in (X.KeyPress, X.KeyRelease):
            xtest.fake_input(self._display, event, code)
            self._display.sync()
            time.sleep(down_s)

    def focus_another_window(self) -> None:
        from Xlib import X

        screen = self._display.screen()
        self._other = screen.root.create_window(0, 0, 50, 50, 0, screen.root_depth)
        self._other.map()
        self._display.sync()
        time.sleep(0.1)
        self._other.set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        self._display.sync()

    def click_on_the_display(self) -> None:
        """As a window manager would: the window that is not ours has the keyboard again."""
        from Xlib import X

        windows = [window for window in self._display.screen().root.query_tree().children if window != self._other]
        windows[-1].set_input_focus(X.RevertToPointerRoot, X.CurrentTime)
        self._display.sync()

    def close(self) -> None:
        self._display.close()
