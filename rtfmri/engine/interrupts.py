"""Ctrl-C and SIGTERM end a session between two items, never within one.

Python raises ``KeyboardInterrupt`` wherever the main thread happens to be: between a message's number and its sending, for instance, which
would leave a hole in the stream. So a signal is only noted while an item is worked on, and raised when the session waits for the next. A
second signal does not wait any more.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """What was asked by signals, and whether this is the moment for it; of the main thread alone."""

    def __init__(self) -> None:
        self._waiting = self._asked = False

    def ask(self) -> None:
        """Raises KeyboardInterrupt now, or when the session waits next."""
        if self._waiting or self._asked:
            self._asked = False
            raise KeyboardInterrupt
        self._asked = True

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within, a signal may interrupt; one that came before does at once."""
        self._waiting = True
        try:
            if self._asked:
                self.ask()
            yield
        finally:
            self._waiting = False

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Signals come here instead of to Python's own handler."""

        def handle(_signal: int, _frame: FrameType | None) -> None:
            self.ask()

        before = {number: signal.signal(number, handle) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
