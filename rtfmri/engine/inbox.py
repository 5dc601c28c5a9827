"""Where everything that happens to a session waits for the main thread.

The rule of who is next: the operator's command; then volumes in turn with what a person should hear of at once (``AT_ONCE``); then the
rest of what displays and helpers say. So a command waits for one volume at the longest, however many a stalled export brings at once, and
a display that sends without end cannot keep volumes back.

Volumes wait in bounded number: a burst of thousands of files stays on the disk, not in memory. Whoever puts a volume blocks until there
is room or the run has closed the inbox to its source.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from typing import Any

from rtfmri.messages import Fault, Pause, Rating
from rtfmri.volume import Volume

VOLUMES_WAITING = 32
LOOK_AGAIN_S = 0.2
AT_ONCE = (Pause, Rating, Fault)  # the participant's pause and unpleasant answers, and what went wrong


class Inbox:
    """A queue for many threads to put into and one to get from."""

    def __init__(self) -> None:
        self._operator: deque[Any] = deque()
        self._at_once: deque[Any] = deque()
        self._source: deque[Any] = deque()
        self._rest: deque[Any] = deque()
        self._changed = threading.Condition()
        self._room = threading.Semaphore(VOLUMES_WAITING)
        self._open = threading.Event()
        self._volumes_turn = False

    def open_source(self) -> None:
        """A run begins: take what its source brings."""
        self._open.set()

    def close_source(self) -> None:
        """The run is over: whoever waits to put a volume is let go, and what came too late is dropped."""
        with self._changed:
            self._open.clear()
            dropped = list(self._source)
            self._source.clear()
        for item in dropped:
            self._leaves(item)

    def put_source(self, item: Any) -> None:
        """From acquisition, in order; blocks while too many volumes wait."""
        if isinstance(item, Volume):
            while not self._room.acquire(timeout=LOOK_AGAIN_S):
                if not self._open.is_set():
                    return
        with self._changed:
            if self._open.is_set():
                self._source.append(item)
                self._changed.notify()
                return
        self._leaves(item)

    def put_operator(self, item: Any) -> None:
        self._put(self._operator, item)

    def put_return(self, item: Any) -> None:
        """From displays, whose number and size the returns server bounds, and from helpers of the run."""
        self._put(self._at_once if isinstance(item, AT_ONCE) else self._rest, item)

    def get(self, timeout_s: float | None) -> Any:
        """The next item; waits for ever where ``timeout_s`` is None.

        Raises
        ------
        queue.Empty : nothing came in ``timeout_s``.
        """
        with self._changed:
            if not self._changed.wait_for(self._any, None if timeout_s is None else max(0.0, timeout_s)):
                raise queue.Empty
            item = self._next().popleft()
        self._leaves(item)
        return item

    def _any(self) -> bool:
        return bool(self._operator or self._at_once or self._source or self._rest)

    def _next(self) -> deque[Any]:
        if self._operator:
            return self._operator
        if self._at_once and not (self._volumes_turn and self._source):
            self._volumes_turn = True
            return self._at_once
        self._volumes_turn = False
        return self._source or self._rest

    def _put(self, waiting: deque[Any], item: Any) -> None:
        with self._changed:
            waiting.append(item)
            self._changed.notify()

    def _leaves(self, item: Any) -> None:
        if isinstance(item, Volume):
            self._room.release()
