"""What the network brought, until the run's thread takes it. Bounded: who brings more than is taken must wait, and then is refused.

Between runs objects are dropped, as files are ignored that lie in the folder before a run; how many there were is said when one begins.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rtfmri.volume import SourceFault

MOST_BYTES = 256 * 2**20
PATIENCE_S = 20.0
MOST_TOLD = 100


@dataclass(frozen=True)
class Received:
    """One object, whole: ``data`` as a DICOM file would hold it; ``name`` is what the operator may be told of it."""

    name: str
    data: bytes = field(repr=False)
    noticed_s: float  # time.perf_counter() when its last byte was here
    noticed_unix_s: float


class Mailbox:
    """Objects and faults in the order of their coming.

    Parameters
    ----------
    most_bytes : objects wait outside while so much waits inside; one object always fits.
    patience_s : how long ``put`` waits for room.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES, patience_s: float = PATIENCE_S) -> None:
        self._most_bytes, self._patience_s = most_bytes, patience_s
        self._changed = threading.Condition()
        self._items: list[Received | SourceFault] = []
        self._bytes = 0
        self._told: set[str] = set()
        self._dropped = 0
        self._wake: Callable[[], None] | None = None

    @contextmanager
    def opened(self, wake: Callable[[], None]) -> Iterator[Mailbox]:
        """Keep what comes for as long as this lasts (a run); ``wake`` is called when there is something to take.

        What is still inside at the end is dropped; faults that come between runs are kept for the next.
        """
        with self._changed:
            self._wake = wake
            if self._dropped:
                text = f"{self._dropped} images that came over the network before the run was armed are not of it"
                self._items.append(SourceFault("before_run", text, severity="info"))
            if self._items:
                wake()
        try:
            yield self
        finally:
            with self._changed:
                self._wake, self._items, self._bytes, self._dropped, self._told = None, [], 0, 0, set()
                self._changed.notify_all()

    def put(self, received: Received) -> bool:
        """Keep an object, or drop it between runs; False where there was no room for ``patience_s``: it is not kept."""
        end_s = time.monotonic() + self._patience_s
        with self._changed:
            while self._wake is not None and self._bytes and self._bytes + len(received.data) > self._most_bytes:
                if not self._changed.wait(max(0.0, end_s - time.monotonic())):
                    return False
            if self._wake is None:
                self._dropped += 1
                return True
            self._items.append(received)
            self._bytes += len(received.data)
            self._wake()
        return True

    def say(self, fault: SourceFault) -> None:
        """Tell of something: the same words once in a run, and no more than ``MOST_TOLD`` of them."""
        with self._changed:
            if fault.text not in self._told and len(self._told) < MOST_TOLD:
                self._told.add(fault.text)
                self._items.append(fault)
                if self._wake is not None:
                    self._wake()

    def take(self) -> list[Received | SourceFault]:
        """All that has come since the last time."""
        with self._changed:
            items, self._items, self._bytes = self._items, [], 0
            self._changed.notify_all()
        return items
