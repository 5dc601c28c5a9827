"""Call a lab's own measure in a process of its own, with a time limit: what it does can never harm the run.

The contract is in ``rtfmri/signals/measures/function.py``. The process is spawned when the run opens and imports the function then; each
volume is sent to it and the answer awaited for at most ``limit_s``. A process that does not answer in time is ended and started anew:
until it is ready the volumes are held too. In a replay ``limit_s`` is None (it waits) and ``late`` names the volumes that were late in
the run.
"""

from __future__ import annotations

import importlib
import math
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from rtfmri.errors import StudyError
from rtfmri.signals.measures.answer import Answer
from rtfmri.signals.measures.function import Seen

READY = "ready"
START_LIMIT_S = 60.0
LATE = "the study's function took longer than its time limit"


class UserFunction:
    """An ``Ask``. Use it as ``with user_function(...) as ask``."""

    def __init__(self, name: str, limit_s: float | None, late: frozenset[int]) -> None:
        self._name, self._limit_s, self._late = name, limit_s, late
        self._ready = False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._name, theirs, os.getcwd()), daemon=True)
        self._process.start()
        theirs.close()
        self._ready = False

    def wait_until_ready(self) -> None:
        """
        Raises
        ------
        StudyError : the function cannot be imported.
        """
        try:
            said = self._ours.recv() if self._ours.poll(START_LIMIT_S) else f"it was not imported within {START_LIMIT_S:g} s"
        except (EOFError, OSError):
            said = "its process ended while it was imported"
        if said != READY:
            raise StudyError(f"signal.measure: the function {self._name} cannot be used: {said}.")
        self._ready = True

    def __call__(self, seen: Seen) -> Answer:
        """The function's value for this volume; held, with the reason, where it gives none in time."""
        if seen.index in self._late:
            return Answer(None, why=LATE, held=True, late=True, needs_se=False)
        try:
            if not self._ready and not self._came_back():
                return Answer(None, why=LATE, held=True, late=True, needs_se=False)
            self._ours.send(seen)
            if not self._ours.poll(self._limit_s):
                self.close()
                self._start()
                return Answer(None, why=LATE, held=True, late=True, needs_se=False)
            value = self._ours.recv()
        except (OSError, EOFError):
            self.close()
            self._start()
            return Answer(None, why="the study's function ended its process", held=True, needs_se=False)
        if isinstance(value, float):
            return Answer(value, needs_se=False)
        return Answer(None, why=f"the study's function: {value}", held=True, needs_se=False)

    def _came_back(self) -> bool:
        """Whether the process that was started anew has imported the function by now."""
        self._ready = self._ours.poll(0) and self._ours.recv() == READY
        return self._ready

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join(5.0)
        self._ours.close()


@contextmanager
def user_function(name: str, limit_s: float | None, late: frozenset[int] = frozenset()) -> Iterator[UserFunction]:
    """The function ``package.module:function``, ready to be asked.

    Raises
    ------
    StudyError : it cannot be imported.
    """
    function = UserFunction(name, limit_s, late)
    try:
        function.wait_until_ready()
        yield function
    finally:
        function.close()


def _serve(name: str, pipe: Connection[Any, Any], folder: str) -> None:
    """The other process: import once, then answer until the pipe closes. A Ctrl-C at the terminal is the session's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.insert(0, folder)
    try:
        module, _, attribute = name.partition(":")
        function = getattr(importlib.import_module(module), attribute)
    except BaseException as error:  # whatever a lab's module does when it is imported
        pipe.send(f"{type(error).__name__}: {error}")
        return
    pipe.send(READY)
    while True:
        try:
            seen = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_value(function, seen))


def _value(function: Callable[[Seen], object], seen: Seen) -> float | str:
    """What it returns as a float, or what is wrong with it."""
    try:
        value = float(function(seen))  # type: ignore[arg-type]
    except Exception as error:  # whatever a lab's function does
        return f"{type(error).__name__}: {error}"
    return value if math.isfinite(value) else f"it returned {value}, which is no finite number"
