"""Where everything that happens to a session waits for the main thread: volumes first, then the operator, then displays.

Volumes wait in bounded number: a burst of thousands of files stays on the disk, not in memory. Whoever puts a volume blocks until there
is room or the run has closed the inbox to its source.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from rtfmri.volume import Volume

VOLUMES_WAITING = 32
LOOK_AGAIN_S = 0.2
SOURCE, OPERATOR, RETURN = 0, 1, 2


@dataclass(frozen=True, order=True)
class _Entry:
    priority: int
    number: int
    item: Any = field(compare=False)


class Inbox:
    """A queue for many threads to put into and one to get from."""

    def __init__(self) -> None:
        self._queue: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
        self._room = threading.Semaphore(VOLUMES_WAITING)
        self._lock = threading.Lock()
        self._count = 0
        self._open = threading.Event()

    def open_source(self) -> None:
        """A run begins: take what its source brings."""
        self._open.set()

    def close_source(self) -> None:
        """The run is over: whoever waits to put a volume is let go, and what came too late is dropped."""
        self._open.clear()
        kept = []
        while not self._queue.empty():
            kept.append(self._queue.get())
        for entry in kept:
            if entry.priority != SOURCE:
                self._queue.put(entry)
            elif isinstance(entry.item, Volume):
                self._room.release()

    def put_source(self, item: Any) -> None:
        """From acquisition, in order; blocks while too many volumes wait."""
        if isinstance(item, Volume):
            while not self._room.acquire(timeout=LOOK_AGAIN_S):
                if not self._open.is_set():
                    return
        if self._open.is_set():
            self._put(SOURCE, item)
        elif isinstance(item, Volume):
            self._room.release()

    def put_operator(self, item: Any) -> None:
        self._put(OPERATOR, item)

    def put_return(self, item: Any) -> None:
        """From displays, whose number and size the returns server bounds."""
        self._put(RETURN, item)

    def get(self, timeout_s: float | None) -> Any:
        """The next item; waits for ever where ``timeout_s`` is None.

        Raises
        ------
        queue.Empty : nothing came in ``timeout_s``.
        """
        item = self._queue.get(timeout=None if timeout_s is None else max(0.0, timeout_s)).item
        if isinstance(item, Volume):
            self._room.release()
        return item

    def _put(self, priority: int, item: Any) -> None:
        with self._lock:
            self._count += 1
            number = self._count
        self._queue.put(_Entry(priority, number, item))
