"""The process that keeps the display alive, with a child that freezes."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil
import pytest

from feedback.watching import ENDED, kept_alive

CHILD = """
import os, pathlib, signal, sys, threading
from feedback.watching import Teller
folder, stop = pathlib.Path(sys.argv[1]), threading.Event()
first = not any(folder.iterdir())
(folder / str(os.getpid())).touch()
teller = Teller(stop)
teller.ready()
if first:
    os.kill(os.getpid(), signal.SIGSTOP)
(folder / "second").touch()
while not stop.wait(0.05):
    teller.alive()
"""
PATIENCE_S = 60.0
FROZEN_S = 1.5  # a child that lives says so each second


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGSTOP")
def test_a_display_that_freezes_is_ended_and_started_again_and_it_is_told(tmp_path: Path) -> None:
    stop, second = threading.Event(), tmp_path / "second"
    frozen: list[int] = []
    told: list[tuple[str, bool]] = []

    def ready() -> None:
        frozen.extend(int(path.name) for path in tmp_path.iterdir())

    def tell(sentence: str) -> None:
        told.append((sentence, psutil.pid_exists(frozen[0])))

    guard = threading.Timer(PATIENCE_S, stop.set)
    guard.start()
    threading.Thread(target=lambda: wait_for(second, stop), daemon=True).start()
    code = kept_alive([sys.executable, "-c", CHILD, str(tmp_path)], stop, tell, ready, FROZEN_S)
    guard.cancel()
    assert second.exists()
    assert (code, len(frozen)) == (ENDED, 1)
    assert told[0] == ("The display did not answer any more and is started again; the run goes on.", False)
    assert not any(psutil.pid_exists(int(path.name)) for path in tmp_path.iterdir() if path != second)


def wait_for(path: Path, stop: threading.Event) -> None:
    """Until it is there, or ``stop`` is set; then sets it."""
    while not (stop.wait(0.02) or path.exists()):
        pass
    stop.set()
