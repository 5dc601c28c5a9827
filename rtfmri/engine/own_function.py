"""A lab's own measure (``package.module:function``), called in a process of its own and given a limited time.

Whatever the function does - an error, an endless loop, the end of its process - costs its own value only: that volume is held with the
reason. The contract is in ``rtfmri/signals/measures/function.py``. A volume for which it was late is journalled as such, and a replay has
it late again (``late_at``).
"""

from __future__ import annotations

import importlib
import math
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from rtfmri.errors import StudyError
from rtfmri.signals.measures.answer import Answer
from rtfmri.signals.measures.function import Ask, Seen

READY_WITHIN_S = 60.0  # a function's imports may be large; this is before the run
ENDED = "the study's own function has ended; stop the run and look into its code"


@contextmanager
def own_function(name: str, time_limit_ms: float, late_at: frozenset[int] = frozenset()) -> Iterator[Ask]:
    """The function's ``Ask`` while its process lives.

    Raises
    ------
    StudyError : the function cannot be imported or called.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, name), daemon=True, name=f"own function {name}")
    process.start()
    theirs.close()
    try:
        _refuse_unready(ours, name)
        yield _Asking(ours, time_limit_ms / 1e3, late_at)
    finally:
        ours.close()
        process.kill()
        process.join()


def _refuse_unready(ours: Connection, name: str) -> None:
    try:
        problem = ours.recv() if ours.poll(READY_WITHIN_S) else f"it was not imported within {READY_WITHIN_S:g} s"
    except EOFError:
        problem = "its process ended while it was imported"
    if problem:
        raise StudyError(
            f"signal.measure: the function {name} cannot be used: {problem}; run from the folder that it lies in, or install it."
        )


class _Asking:
    """Sends what is seen and waits for the answer; an answer that came late is thrown away when the next volume asks."""

    def __init__(self, ours: Connection, limit_s: float, late_at: frozenset[int]) -> None:
        self._ours, self._limit_s, self._late_at = ours, limit_s, late_at
        self._unanswered = 0

    def __call__(self, seen: Seen) -> Answer:
        late = Answer(
            None, why=f"the study's own function took longer than {1e3 * self._limit_s:g} ms", held=True, late=True, needs_se=False
        )
        if seen.index in self._late_at:
            return late
        until_s = time.monotonic() + self._limit_s
        try:
            while self._unanswered:  # it is still at an earlier volume
                if not self._ours.poll(max(0.0, until_s - time.monotonic())):
                    return late
                self._ours.recv()
                self._unanswered -= 1
            self._ours.send(seen)
            self._unanswered += 1
            if not self._ours.poll(max(0.0, until_s - time.monotonic())):
                return late
            value, problem = self._ours.recv()
            self._unanswered -= 1
        except (EOFError, OSError):
            return Answer(None, why=ENDED, held=True, needs_se=False)
        return Answer(value, why=problem, held=value is None, needs_se=False)


def _serve(theirs: Connection, name: str) -> None:
    """The child: import, say "" or why not, then answer one volume after another until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.path.insert(0, os.getcwd())
    try:
        function = _imported(name)
    except Exception as error:
        theirs.send(f"{type(error).__name__}: {error}")
        return
    theirs.send("")
    try:
        while True:
            theirs.send(_answer(function, theirs.recv()))
    except (EOFError, OSError):
        return


def _imported(name: str) -> Callable[[Seen], float]:
    module, _, function = name.partition(":")
    found: Callable[[Seen], float] = getattr(importlib.import_module(module), function)
    if not callable(found):
        raise TypeError(f"{function} is no function")
    return found


def _answer(function: Callable[[Seen], float], seen: Seen) -> tuple[float | None, str]:
    try:
        value = float(function(seen))
    except Exception as error:
        return None, f"the study's own function failed: {type(error).__name__}: {error}"
    return (value, "") if math.isfinite(value) else (None, f"the study's own function gave {value}, which is no finite number")
