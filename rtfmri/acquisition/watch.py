"""Noticing files below a folder: the system's own events and a rescan together.

Events come at once but not for everything (no close event for hard links or files in a folder that has just appeared; none at all from
other computers on NFS or SMB; none after the watched folder was deleted and made again), so the folder is also listed again and again.
The root's identity is compared at each listing, and events are armed anew when it is another. Names that start with a dot are left out.
"""

from __future__ import annotations

import os
import queue
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from watchdog.events import DirDeletedEvent, FileClosedEvent, FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from rtfmri.volume import SourceFault

JOIN_S = 2.0

# watchdog says this where a folder is announced while it is being listed; the watch is the same, nothing is lost
warnings.filterwarnings("ignore", message="Callback with id .* already exists", category=RuntimeWarning)


@dataclass(frozen=True)
class Hint:
    """Something happened to ``path``; ``settled``: its writer closed it or renamed it into place. Both clocks at that moment."""

    path: str
    settled: bool
    noticed_s: float  # time.perf_counter()
    noticed_unix_s: float


class FolderWatch:
    """Hints of files below ``root``; a context manager that owns the threads of the native events."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._hints: queue.SimpleQueue[Hint | None] = queue.SimpleQueue()
        self._observer: Any = None
        self._identity: tuple[int, int] | None = None
        self._lost = False  # told of; not yet back
        self._blind = False  # the watched folder was deleted, so its events have ended
        self.native = False  # whether the system's events are armed

    def __enter__(self) -> FolderWatch:
        self._identity = _identity(self._root)
        self._arm()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._disarm()

    def next(self, timeout_s: float) -> Hint | None:
        """The next hint; None after ``timeout_s``, or when woken."""
        try:
            return self._hints.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None

    def wake(self) -> None:
        """Let ``next`` return at once."""
        self._hints.put(None)

    def rescan(self) -> tuple[list[str], SourceFault | None]:
        """All files below the root, by name; and what to say if the root has gone or come back."""
        identity = _identity(self._root)
        if identity is None:
            fault = None if self._lost else SourceFault("folder_lost", "the watched folder has gone", "Check the network share.", "error")
            self._lost = True
            return [], fault
        fault = None
        if self._lost or self._blind or identity != self._identity:
            self._identity, self._lost, self._blind = identity, False, False
            self._disarm()
            self._arm()
            fault = SourceFault("folder_back", "the watched folder is there again", severity="info")
        return sorted(files_below(str(self._root))), fault

    def _arm(self) -> None:
        self._observer = Observer(generate_full_events=True) if sys.platform == "linux" else Observer()
        wanted: list[type[FileSystemEvent]] = [FileClosedEvent, FileMovedEvent, FileCreatedEvent, DirDeletedEvent]
        try:
            self._observer.schedule(_Handler(self), str(self._root), recursive=True, event_filter=wanted)
            self._observer.start()
            self.native = True
        except OSError:  # the system's limit on watches, or a file system without events: the rescan must do
            self.native = False

    def _disarm(self) -> None:
        self._observer.stop()
        if self._observer.is_alive():
            self._observer.join(JOIN_S)

    def on_event(self, event: FileSystemEvent) -> None:
        """Called on watchdog's thread."""
        path = os.fsdecode(event.dest_path or event.src_path)
        if isinstance(event, DirDeletedEvent):
            self._blind = self._blind or path == str(self._root)
            return
        moved_away = isinstance(event, FileMovedEvent) and not event.dest_path
        if not event.is_directory and not moved_away and not _hidden(path, self._root):
            self._hints.put(Hint(path, not isinstance(event, FileCreatedEvent), time.perf_counter(), time.time()))


class _Handler(FileSystemEventHandler):
    def __init__(self, watch: FolderWatch) -> None:
        self._watch = watch

    def dispatch(self, event: FileSystemEvent) -> None:
        self._watch.on_event(event)


def _identity(root: Path) -> tuple[int, int] | None:
    try:
        status = root.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _hidden(path: str, root: Path) -> bool:
    return any(part.startswith(".") for part in os.path.relpath(path, root).split(os.sep))


def files_below(folder: str) -> Iterator[str]:
    """Every file below ``folder`` whose name, and whose folders' names, do not start with a dot."""
    try:
        with os.scandir(folder) as entries:
            listed = [entry for entry in entries if not entry.name.startswith(".")]
    except OSError:  # it went away between two looks
        return
    for entry in listed:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path)
            elif entry.is_file():
                yield entry.path
        except OSError:
            continue
