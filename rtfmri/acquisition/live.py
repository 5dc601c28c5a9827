"""A run as it is measured: what comes in by its mouths -> intake -> deliver, on one thread of its own.

A mouth is a way in: a watched folder (``watched.py``), the DICOM listener (``received.py``). The thread wakes when a mouth calls it, or
when a mouth or the assembler has a deadline; it never just sleeps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol

from rtfmri.acquisition.intake import Intake, Opened, handed_on
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Arrival, EndOfSource, SourceFault, SourceItem

JOIN_S = 5.0

OpenFile = Callable[[bytes, bool], Opened]


@dataclass(frozen=True, eq=False)
class Arrived:
    """A complete file, opened; when it was noticed, by time.perf_counter() and in unix time."""

    opened: Opened
    noticed_s: float
    noticed_unix_s: float
    name: str = ""  # of the file, where it has one


class Mouth(Protocol):
    """A way in. All but ``wake`` is called on one thread."""

    def opened(self, open_file: OpenFile, wake: Callable[[], None]) -> AbstractContextManager[object]:
        """In use for as long as this lasts; ``open_file`` makes sense of bytes (``Intake.open``), ``wake`` asks for ``arrived``."""

    def deadline(self) -> float | None:
        """When ``arrived`` must be called, by time.perf_counter(), if there is no wake before."""

    def arrived(self) -> Iterable[Arrived | SourceFault]:
        """What has come since the last time, and what to say of it."""


class LiveRun:
    """Delivers the volumes of one run, in order, as they come; a context manager that owns the acquisition thread.

    Parameters
    ----------
    rule : which series is the run.
    settings : ``missing_after_tr`` is used.
    mouths : where files may come from; all feed the same run.
    deliver : called on the acquisition thread for each item, in order; it must not block for long.
    first_index : volumes before it are ignored (a resumed run).

    Raises
    ------
    StudyError : on entering, if a mouth cannot be opened.
    """

    def __init__(
        self,
        rule: SeriesRule,
        settings: Acquisition,
        mouths: Sequence[Mouth],
        deliver: Callable[[SourceItem], None],
        *,
        first_index: int = 0,
    ) -> None:
        self._mouths, self._deliver = mouths, deliver
        self._intake = Intake(rule, settings, first_index=first_index)
        self._woken, self._stop = threading.Event(), threading.Event()
        self._opened = ExitStack()
        self._thread = threading.Thread(target=self._run, name="acquisition", daemon=True)

    def __enter__(self) -> LiveRun:
        with ExitStack() as stack:
            for mouth in self._mouths:
                stack.enter_context(mouth.opened(self._open, self._woken.set))
            self._opened = stack.pop_all()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop within ``JOIN_S``; volumes that still waited for an earlier one are delivered first."""
        self._stop.set()
        self._woken.set()
        self._thread.join(JOIN_S)
        self._opened.close()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._turn()
            self._hand_on(self._intake.finish(time.perf_counter()))
        except Exception as error:  # a bug: whoever listens must know that no more will come
            self._deliver(EndOfSource(f"acquisition stopped on an internal error: {type(error).__name__}: {error}", failed=True))

    def _turn(self) -> None:
        """Wait for whatever is next and deal with it."""
        deadlines = [self._intake.deadline(), *(mouth.deadline() for mouth in self._mouths)]
        wake_s = min((at for at in deadlines if at is not None), default=None)
        self._woken.wait(None if wake_s is None else max(0.0, wake_s - time.perf_counter()))
        self._woken.clear()
        for mouth in self._mouths:
            for found in mouth.arrived():
                self._receive(found)
        self._hand_on(self._intake.tick(time.perf_counter()))

    def _open(self, data: bytes, settled: bool) -> Opened:
        started_s = time.perf_counter()
        opened = self._intake.open(data, settled)
        return replace(opened, decode_s=time.perf_counter() - started_s)

    def _receive(self, found: Arrived | SourceFault) -> None:
        if isinstance(found, SourceFault):
            self._deliver(found)
            return
        stamp = Arrival(found.noticed_unix_s, found.noticed_s, found.opened.decode_s)
        self._hand_on(self._intake.take(self._intake.named(found.opened, found.name), time.perf_counter(), stamp))

    def _hand_on(self, items: list[SourceItem]) -> None:
        for item in items:
            self._deliver(handed_on(item, time.perf_counter()))
