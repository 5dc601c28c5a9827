"""Start a session from the page: `rtfmri run` as a process of its own, which lives on when the console ends.

The rule: the session gets a process group of its own, no terminal, and a log file under OUT; the console holds nothing of it. Whether it
runs is asked of the session itself; the log is read only where it does not come up.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports

UP_WITHIN_S = 30.0
ASK_S = 0.5
FIRST_WORDS = 600  # characters of the log that are shown
LOGS = Path("derivatives") / "rtfmri" / "logs"


@dataclass(frozen=True)
class Launch:
    """What a session is started with; ``port`` is the first of its four."""

    study_file: Path
    out: Path
    watch: Path | None
    listen: int | None
    port: int

    @property
    def command(self) -> list[str]:
        words = [
            sys.executable,
            "-m",
            "rtfmri",
            "run",
            str(self.study_file),
            "--out",
            str(self.out),
            "--port",
            str(self.port),
            "--no-status",
        ]
        words += [] if self.watch is None else ["--watch", str(self.watch)]
        return words if self.listen is None else [*words, "--listen", str(self.listen)]


@dataclass(frozen=True)
class Started:
    """A session that answers, or (``failed``) its first words."""

    pid: int
    log: Path
    failed: str = ""


def launch(wanted: Launch, within_s: float = UP_WITHIN_S) -> Started:
    """Start it and wait until it answers or ends; takes seconds, so never on the event loop.

    Raises
    ------
    StudyError : the log cannot be written, or nothing could be started.
    """
    log = wanted.out / LOGS / time.strftime("session_%Y%m%dT%H%M%S.log")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as stream:
            process = subprocess.Popen(
                wanted.command, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT, start_new_session=True
            )
    except OSError as error:
        raise StudyError(f"The session cannot be started ({error.strerror}: {error.filename}); check the output folder.") from None
    threading.Thread(target=process.wait, name="session", daemon=True).start()  # so that it does not stay as a zombie when it ends
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        if process.poll() is not None:
            return Started(process.pid, log, first_words(log) or f"It ended at once, with exit code {process.returncode}.")
        if _answers(wanted.port, process.pid):
            return Started(process.pid, log)
    return Started(process.pid, log, f"It does not answer after {within_s:.0f} s. {first_words(log)}".strip())


def _answers(port: int, pid: int) -> bool:
    try:
        session = ask(Ports("127.0.0.1", port), Command(action="status"), ASK_S).session
    except StudyError:
        return False
    return session is not None and session.pid == pid


def first_words(log: Path) -> str:
    """The beginning of what the session wrote."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").strip()[:FIRST_WORDS]
    except OSError:
        return ""
