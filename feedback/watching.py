"""The process that keeps the participant's display alive.

The display is a process of its own below this one. Whatever ends it against its will (a crash of the driver, the screen's server that
died, somebody who killed it) or freezes it, it is started again at once and rejoins the run by itself; a screen that is gone is waited
for. What the display says of itself comes over its standard output, a word a line: ``ready`` after the first frame, ``alive`` each second,
``no screen`` with the reason. It ends by itself when this process is gone, as its standard input is closed then.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from rtfmri.errors import StudyError

ENDED, BROKEN, REFUSED, NO_SCREEN = 0, 1, 2, 3  # exit codes; NO_SCREEN only between the two processes
OPENING_S = 60.0  # so long it may take to the first frame
FROZEN_S = 10.0  # so long it may be silent after that
ENDING_S = 5.0
PAUSE_S = 1.0  # before another try, where the last one did not get far
TRIES = 3  # that never got to a first frame
READY, ALIVE, SCREENLESS = "ready", "alive", "no screen: "


class NoScreenError(StudyError):
    """There is no screen now; there may be one later."""


def kept_alive(
    command: Sequence[str],
    stop: threading.Event,
    tell: Callable[[str], None],
    ready: Callable[[], None],
    frozen_s: float = FROZEN_S,
) -> int:
    """Run ``command``, the display, until it ends as it was told to; the exit code.

    ``tell``: sentences for the operator. ``ready``: called after the very first frame. ``frozen_s``: a longer silence after it is the end.
    """
    was_ready, told_screen, tries = False, False, 0
    while not stop.is_set():
        life = _Life(command, stop, frozen_s)
        code = life.lived((lambda: None) if was_ready else ready)
        was_ready |= life.was_ready
        if stop.is_set() or code in (ENDED, REFUSED):
            return ENDED if stop.is_set() else code
        if code == NO_SCREEN and not was_ready:
            tell(life.reason)
            return REFUSED
        if life.was_ready:
            tries, told_screen = 0, False
        if code == NO_SCREEN:
            if not told_screen:
                tell("The participant's screen is gone. The display waits for it and comes back by itself; the run goes on.")
            told_screen = True
            stop.wait(PAUSE_S)
            continue
        tries += 1
        if not was_ready and tries >= TRIES:
            tell("The display ended three times before its first frame; what stands above says why.")
            return BROKEN
        tell(f"The display {life.end(code)} and is started again; the run goes on.")
        stop.wait(0.0 if life.was_ready else PAUSE_S)
    return ENDED


class _Life:
    """One process of the display, from its start to its end."""

    def __init__(self, command: Sequence[str], stop: threading.Event, frozen_s: float) -> None:
        self.was_ready, self.reason, self.frozen = False, "", False
        self._command, self._stop, self._frozen_s = command, stop, frozen_s
        self._said: queue.Queue[str | None] = queue.Queue()

    def lived(self, ready: Callable[[], None]) -> int:
        """Its exit code; negative: the signal that ended it."""
        with subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            listening = threading.Thread(target=self._listen, args=(process,), daemon=True)
            listening.start()
            try:
                self._follow(ready)
            finally:
                _ended(process, 0.0 if self.frozen else ENDING_S)
        return process.returncode

    def end(self, code: int) -> str:
        """What happened to it, in words."""
        if self.frozen:
            return "did not answer any more"
        with suppress(ValueError):
            return f"was ended ({signal.Signals(-code).name})"
        return f"ended unexpectedly (exit code {code})"

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with suppress(ValueError, OSError):
            for line in process.stdout:
                self._said.put(line.strip())
        self._said.put(None)

    def _follow(self, ready: Callable[[], None]) -> None:
        """Until it has ended, is frozen, or shall end."""
        heard_s = time.monotonic()
        while not self._stop.is_set():
            try:
                said = self._said.get(timeout=0.2)
            except queue.Empty:
                self.frozen = time.monotonic() - heard_s > (self._frozen_s if self.was_ready else OPENING_S)
                if self.frozen:
                    return
                continue
            heard_s = time.monotonic()
            if said is None:
                return
            if said == READY and not self.was_ready:
                self.was_ready = True
                ready()
            elif said.startswith(SCREENLESS):
                self.reason = said.removeprefix(SCREENLESS)


def _ended(process: subprocess.Popen[str], patience_s: float) -> None:
    """Wait for its end, and help where that takes too long."""
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()  # it ends by itself then
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()


class Teller:
    """What the display's process says of itself to the one above."""

    def __init__(self, stop: threading.Event) -> None:
        self._said_s = 0.0
        threading.Thread(target=_follow_parent, args=(stop,), name="parent", daemon=True).start()

    def ready(self) -> None:
        self._say(READY)

    def alive(self) -> None:
        """To be called each frame."""
        if time.monotonic() - self._said_s >= 1.0:
            self._say(ALIVE)

    def no_screen(self, reason: str) -> None:
        self._say(SCREENLESS + reason)

    def _say(self, word: str) -> None:
        self._said_s = time.monotonic()
        with suppress(OSError):  # the process above is gone: standard input tells, too
            sys.stdout.write(word + "\n")
            sys.stdout.flush()


def _follow_parent(stop: threading.Event) -> None:
    with suppress(OSError):
        while os.read(0, 1):
            pass
    stop.set()
