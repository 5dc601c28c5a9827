"""The simulated scanner's trigger: one byte at the beginning of each volume's acquisition, on a pseudo-terminal that a display reads as its
serial port. A simulated volume's file is whole ``EXPORT_S`` after the end of its acquisition, which begins one TR earlier.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PULSE = b"5"
EXPORT_S = 0.1


class PulseLine:
    """``path`` is the port to give to a display; a byte that nobody reads in time is dropped."""

    def __init__(self, ours: int, path: str) -> None:
        self._ours, self.path = ours, path

    def pulse(self) -> None:
        try:
            os.write(self._ours, PULSE)
        except BlockingIOError:
            return  # nobody reads, as on a real line


@contextmanager
def pulse_line() -> Iterator[PulseLine | None]:
    """A line for as long as it is needed; None where this system has no pseudo-terminals."""
    if sys.platform == "win32":
        yield None
        return
    import tty

    ours, theirs = os.openpty()  # theirs stays open, so that the line is there before and after a display
    try:
        tty.setraw(theirs)
        os.set_blocking(ours, False)
        yield PulseLine(ours, os.ttyname(theirs))
    finally:
        os.close(ours)
        os.close(theirs)


def beat(line: PulseLine, volumes: int, tr_s: float, first_file_unix_s: float, stop: threading.Event) -> None:
    """A pulse for each of ``volumes``, the first file of which is due at ``first_file_unix_s``; lateness never adds up."""
    begin_s = time.monotonic() + first_file_unix_s - time.time() - EXPORT_S - tr_s
    for number in range(volumes):
        if stop.wait(max(0.0, begin_s + number * tr_s - time.monotonic())):
            return
        line.pulse()
