"""The simulated scanner: copies rendered files into the watched folder at the pace of the TR, and notes when each was closed.

Deadlines are absolute: file i is written at start + i * period, so lateness never adds up. A file is written the way a scanner writes
it (open, write, close); with ``rename`` it is written under another name and renamed when whole.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from rtfmri.errors import StudyError

WRITTEN_HEADER = "index\tname\tdue_unix_s\tclosed_unix_s\n"


@dataclass(frozen=True)
class Written:
    """One file in place: ``index`` is 0-based, times are this computer's unix time."""

    index: int
    name: str
    due_unix_s: float
    closed_unix_s: float


def play(
    rendered: Path,
    to: Path,
    tr_s: float,
    *,
    delay_s: float = 0.0,
    start_at_unix_s: float | None = None,
    speed: float = 1.0,
    publish: Literal["write", "rename"] = "write",
    stop: threading.Event | None = None,
    written_log: Path | None = None,
    on_written: Callable[[Written], None] | None = None,
) -> list[Written]:
    """Write every file of ``rendered`` into ``to``; returns what was written, which is less than all when ``stop`` is set.

    Parameters
    ----------
    tr_s : seconds from one file to the next at ``speed`` 1; ``speed`` infinity writes all at once.
    start_at_unix_s : when the first file is due; without it ``delay_s`` from now.
    written_log : where to note each file as it is closed; ``<rendered>/written.tsv`` without it.

    Raises
    ------
    StudyError : ``rendered`` holds no files, ``speed`` is not above 0, or ``to`` or the log cannot be written.
    """
    if not speed > 0:
        raise StudyError(f"The speed must be above 0 (found {speed:g}).")
    files = rendered_files(rendered)
    period_s = tr_s / speed
    stop = stop or threading.Event()
    start_unix_s = time.time() + delay_s if start_at_unix_s is None else start_at_unix_s
    start_s = time.monotonic() + start_unix_s - time.time()  # deadlines do not follow a clock that is set meanwhile
    done: list[Written] = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        with (written_log or rendered / "written.tsv").open("w", encoding="utf-8") as log:
            log.write(WRITTEN_HEADER)
            for index, source in enumerate(files):
                content = source.read_bytes()  # read ahead: only the writing happens at the deadline
                if stop.wait(max(0.0, start_s + index * period_s - time.monotonic())):
                    break
                closed_unix_s = _put(content, to / source.name, publish)
                done.append(Written(index, source.name, start_unix_s + index * period_s, closed_unix_s))
                _note(log, done[-1])
                if on_written:
                    on_written(done[-1])
    except OSError as error:
        raise StudyError(f"The simulated scanner cannot write {error.filename or to} ({error.strerror}).") from None
    return done


def rendered_files(rendered: Path) -> list[Path]:
    """The DICOM files of a rendered run, in the order of the volumes.

    Raises
    ------
    StudyError : there are none.
    """
    files = sorted((rendered / "dicoms").glob("*.dcm"))
    if not files:
        raise StudyError(f"{rendered} holds no rendered run: there are no files in {rendered / 'dicoms'}.")
    return files


def read_written(log: Path) -> list[Written]:
    """What a log says was written; a torn last line is left out."""
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
    rows = [line.rstrip("\n").split("\t") for line in lines if line.endswith("\n")]
    return [Written(int(index), name, float(due), float(closed)) for index, name, due, closed in rows]


def _put(content: bytes, target: Path, publish: Literal["write", "rename"]) -> float:
    """Write one file; returns the unix time at which it was whole and under its name."""
    first = target if publish == "write" else target.with_name(target.name + ".part")
    with first.open("wb") as file:
        file.write(content)
    if first != target:
        os.replace(first, target)
    return time.time()


def _note(log: TextIO, written: Written) -> None:
    log.write(f"{written.index}\t{written.name}\t{written.due_unix_s:.6f}\t{written.closed_unix_s:.6f}\n")
    log.flush()
