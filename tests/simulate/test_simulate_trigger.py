"""The simulated scanner's pulses, read as a display reads its serial port."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from rtfmri.simulate.trigger import EXPORT_S, PULSE, beat, pulse_line

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def test_each_volume_has_one_pulse_at_the_beginning_of_its_acquisition() -> None:
    came_s: list[float] = []
    with pulse_line() as line:
        assert line is not None
        port = os.open(line.path, os.O_RDONLY | os.O_NOCTTY)
        try:
            first_file_s = time.time() + 0.05 + EXPORT_S + 0.1
            beating = threading.Thread(target=beat, args=(line, 4, 0.05, first_file_s, threading.Event()))
            beating.start()
            while len(came_s) < 4:
                assert os.read(port, 1) == PULSE
                came_s.append(time.time())
            beating.join()
        finally:
            os.close(port)
    due_s = [first_file_s - EXPORT_S - 0.05 + number * 0.05 for number in range(4)]
    early_or_late_s = [came - due for came, due in zip(came_s, due_s, strict=True)]
    assert min(early_or_late_s) > -0.002
    assert sorted(early_or_late_s)[1] < 0.5, "a busy machine may be late; no pulse is early"


def test_a_line_that_nobody_reads_never_blocks_the_scanner() -> None:
    with pulse_line() as line:
        assert line is not None
        began_s = time.monotonic()
        for _ in range(20_000):
            line.pulse()
        assert time.monotonic() - began_s < 10.0


def test_a_scanner_that_is_stopped_sends_no_more_pulses() -> None:
    stop = threading.Event()
    stop.set()
    with pulse_line() as line:
        assert line is not None
        beat(line, 1000, 1.0, time.time() + 100.0, stop)
