"""Noticing files below a folder: the system's own events and a listing together.

Events come at once but not for everything (no close event for hard links or files in a folder that has just appeared; none at all from
other computers on NFS or SMB; none after the watched folder was deleted and made again; none once a thread of theirs has died), so the
folder is also listed again and again: see ``cadence.py`` for how often. At each listing the root's identity is compared and the threads
of the events are looked at, and events are armed anew where needed. Names that start with a dot are left out.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from watchdog.events import DirDeletedEvent, FileCreatedEvent, FileMovedEvent, FileSystemEvent

from rtfmri.acquisition.cadence import cadence_of, is_share
from rtfmri.acquisition.folders import Identity, files_below, hidden, identity_of, kind_of_folder
from rtfmri.acquisition.native import NativeEvents
from rtfmri.volume import SourceFault

REST = 4.0  # so many times as long as a listing took, the next one waits at least: a folder of many thousands must not fill the thread


@dataclass(frozen=True)
class Hint:
    """Something happened to ``path``; ``settled``: its writer closed it or renamed it into place. Both clocks at that moment."""

    path: str
    settled: bool
    noticed_s: float  # time.perf_counter()
    noticed_unix_s: float


class FolderWatch:
    """Hints of files below ``root``, and the listing of it.

    Parameters
    ----------
    poll_s : the time within which a file is noticed without events; None: as the file system asks for.
    """

    def __init__(self, root: Path, poll_s: float | None = None) -> None:
        self._root, self._poll_s = root, poll_s
        self._events = NativeEvents(root, self.on_event)
        self._hints: deque[Hint] = deque()  # filled on watchdog's thread
        self._wake: Callable[[], None]
        self._identity: Identity | None = None
        self._told: set[str] = set()
        self._lost = False  # told of; not yet back
        self._blind = False  # the watched folder was deleted, so its events have ended
        self._asked = False  # a new folder was seen
        self._due_s = 0.0
        self.cadence = cadence_of(poll_s, told_of_everything=False)

    @contextmanager
    def armed(self, wake: Callable[[], None]) -> Iterator[FolderWatch]:
        """With the native events, for as long as this lasts; ``wake`` is called when there is a hint, or a listing is due at once."""
        self._wake = wake
        self._identity = identity_of(self._root)
        self._arm()
        try:
            yield self
        finally:
            self._events.disarm()

    @property
    def due_s(self) -> float:
        """When the folder is to be listed next, by time.perf_counter()."""
        return 0.0 if self._asked else self._due_s

    def hints(self) -> list[Hint]:
        """All hints since the last time."""
        return [self._hints.popleft() for _ in range(len(self._hints))]

    def rescan(self) -> tuple[list[str], list[SourceFault]]:
        """All files below the root, by name; and what to say: of the root that has gone or come back, of folders that cannot be read."""
        began_s, self._asked = time.perf_counter(), False
        identity, problems = identity_of(self._root), dict[str, str]()
        paths = sorted(files_below(str(self._root), problems)) if identity else []
        now_s, lost = time.perf_counter(), self._loss(identity, problems)
        scan_s = cadence_of(self._poll_s, told_of_everything=False).scan_s if lost else self.cadence.scan_s
        self._due_s = max(began_s + scan_s, now_s + REST * (now_s - began_s))
        if lost:
            return [], self._lose(lost)
        rearmed = self._rearmed(identity)
        if rearmed:  # what was written between the listing and the arming had no event
            self._due_s = now_s + REST * (now_s - began_s)
        return paths, [*rearmed, *self._untold(problems)]

    def _loss(self, identity: Identity | None, problems: dict[str, str]) -> str | None:
        if identity is None:
            return "the watched folder has gone"
        if self._identity is not None and self._identity.mounted and not identity.mounted:
            return "the share of the watched folder is not mounted any more"
        reason = problems.get(str(self._root))
        return f"the watched folder cannot be listed ({reason})" if reason else None

    def _lose(self, text: str) -> list[SourceFault]:
        told, self._lost = self._lost, True
        return [] if told else [SourceFault("folder_lost", text, "Check the network share.", "error")]

    def _rearmed(self, identity: Identity | None) -> list[SourceFault]:
        """Arm the events anew where the root is another one, or a thread of theirs has died."""
        if self._lost or self._blind or identity != self._identity:
            fault = SourceFault("folder_back", "the watched folder is there again", severity="info")
        elif self._events.broken:
            fault = SourceFault("events_back", "the system's file events had stopped; they are armed again", severity="info")
        else:
            return []
        self._identity, self._lost, self._blind = identity, False, False
        self._arm()
        return [fault]

    def _untold(self, problems: dict[str, str]) -> list[SourceFault]:
        """Once for each: that there are no events, and folders that cannot be listed."""
        known = {
            text: SourceFault("unreadable_folder", text)
            for text in (f"the folder {os.path.basename(folder)} cannot be listed ({reason})" for folder, reason in problems.items())
        }
        if not self._events.armed:
            text = "this system gives no file events here: the folder is listed again and again instead"
            known[text] = SourceFault("no_events", text, severity="info")
        new = [fault for text, fault in known.items() if text not in self._told]
        self._told |= known.keys()
        return new

    def _arm(self) -> None:
        self._events.arm()
        local = not is_share(kind_of_folder(self._root))
        self.cadence = cadence_of(self._poll_s, told_of_everything=self._events.armed and local)

    def on_event(self, event: FileSystemEvent) -> None:
        """Called on watchdog's thread."""
        path = os.fsdecode(event.dest_path or event.src_path)
        if event.is_directory:
            self._blind = self._blind or (isinstance(event, DirDeletedEvent) and path == str(self._root))
            self._asked = True  # a new folder's files may have been there before its events
            self._wake()
        elif not (isinstance(event, FileMovedEvent) and not event.dest_path) and not hidden(path, self._root):
            self._hints.append(Hint(path, not isinstance(event, FileCreatedEvent), time.perf_counter(), time.time()))
            self._wake()
