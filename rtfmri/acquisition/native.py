"""The system's own events of a folder and all below it, by watchdog: armed, looked after, armed anew."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

JOIN_S = 2.0
WANTED: list[type[FileSystemEvent]] = [
    FileClosedEvent,
    FileMovedEvent,
    FileCreatedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]

# watchdog says this where a folder is announced while it is being listed; the watch is the same, nothing is lost
warnings.filterwarnings("ignore", message="Callback with id .* already exists", category=RuntimeWarning)
logging.getLogger("watchdog").addHandler(logging.NullHandler())  # it tells of queues that ran over; the listing catches those


class NativeEvents:
    """Calls ``on_event`` on a thread of its own for what happens below ``root``, from ``arm`` to ``disarm``."""

    def __init__(self, root: Path, on_event: Callable[[FileSystemEvent], None]) -> None:
        self._root, self._handler = root, _Handler(on_event)
        self._observer: Any = None
        self._threads: list[threading.Thread] = []  # watchdog's
        self.armed = False

    def arm(self) -> None:
        """``armed`` tells whether it could be done: systems limit their watches, and some file systems give no events."""
        self.disarm()
        before = set(threading.enumerate())
        try:
            self._observer = Observer(generate_full_events=True) if sys.platform == "linux" else Observer()
            self._observer.schedule(self._handler, str(self._root), recursive=True, event_filter=WANTED)
            self._observer.start()
            self.armed = True
        except OSError:
            self.armed = False
        self._threads = [thread for thread in set(threading.enumerate()) - before if type(thread).__module__.startswith("watchdog")]

    def disarm(self) -> None:
        """No events after this."""
        if self._observer is not None:
            self._observer.stop()
            if self._observer.is_alive():
                self._observer.join(JOIN_S)
            self._observer, self.armed = None, False

    @property
    def broken(self) -> bool:
        """Armed, but one of its threads has died."""
        return self.armed and not all(thread.is_alive() for thread in self._threads)


class _Handler(FileSystemEventHandler):
    def __init__(self, on_event: Callable[[FileSystemEvent], None]) -> None:
        self._on_event = on_event

    def dispatch(self, event: FileSystemEvent) -> None:
        self._on_event(event)
