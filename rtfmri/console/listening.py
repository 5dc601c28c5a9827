"""The console's ear: one ``Subscriber`` in a thread for all browsers; everything that it hears is kept on the event loop.

The rules: only the thread touches the socket, only the event loop touches story and feed, so there is no lock; what would unblind is
taken out before either has it. What comes within ``GATHER_S`` (a volume and the word that it was published) is told in one piece.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from rtfmri.console.blinding import veiled
from rtfmri.console.context import Hearing, Redraw
from rtfmri.console.feed import Feed
from rtfmri.console.story import Story, after
from rtfmri.messages import Envelope
from rtfmri.stream.control import SessionInfo
from rtfmri.stream.subscriber import LOST_AFTER_S, Subscriber

GATHER_S = 0.015
TICK_S = 1.0  # pages show how long ago something was

_log = logging.getLogger(__name__)


class Listening:
    """Async context manager on the event loop that serves the pages; ``StudyError`` where ``address`` is none."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.story = Story()
        self.feed = Feed()
        self.session: SessionInfo | None = None
        self._subscriber = Subscriber(address, clock)
        self._clock = clock
        self._redraws: set[Redraw] = set()
        self._heard_s: float | None = None
        self._told: asyncio.TimerHandle | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listening", daemon=True)

    async def __aenter__(self) -> Listening:
        self._loop = asyncio.get_running_loop()
        self._thread.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ending.set()
        await asyncio.to_thread(self._thread.join)

    @property
    def hearing(self) -> Hearing:
        if self._heard_s is None:
            return Hearing()
        silent_s = self._clock() - self._heard_s
        return Hearing(silent_s < LOST_AFTER_S, silent_s)

    def watch(self, redraw: Redraw) -> Callable[[], None]:
        """Call ``redraw`` after every change and once a second; what is returned ends that."""
        self._redraws.add(redraw)
        return lambda: self._redraws.discard(redraw)

    def _listen(self) -> None:
        with self._subscriber as subscriber:
            while not self._ending.is_set():
                envelopes = subscriber.receive(TICK_S / 2)
                try:
                    self._loop.call_soon_threadsafe(self._take, envelopes, subscriber.last_heard_s)
                except RuntimeError:  # the loop was closed without us
                    return

    def _take(self, envelopes: tuple[Envelope, ...], heard_s: float | None) -> None:
        self._heard_s = heard_s
        for envelope in envelopes:
            if (kept := veiled(envelope, self.story.blind)) is not None:
                self.story = after(self.story, kept)
                self.feed.take(self.story, kept)
        if self._told is None:
            self._told = self._loop.call_later(GATHER_S if envelopes else TICK_S, self._tell)
        elif envelopes and self._told.when() > self._loop.time() + GATHER_S:
            self._told.cancel()
            self._told = self._loop.call_later(GATHER_S, self._tell)

    def _tell(self) -> None:
        self._told = None
        self.feed.tell()
        for redraw in tuple(self._redraws):
            try:
                redraw(self.story, self.hearing)
            except Exception:
                _log.exception("a page could not be redrawn")  # the other pages go on
