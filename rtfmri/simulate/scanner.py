"""The simulated scanner: performs a plan (``plan.py``) on a real folder at the pace of the TR, and notes when each file was whole.

Deadlines are absolute: an action is due at start + its time in the plan, so lateness never adds up.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, TextIO

from rtfmri.errors import StudyError
from rtfmri.simulate.changes import content_of
from rtfmri.simulate.faults import Fault
from rtfmri.simulate.plan import Action, Publish, Rename, Write, plan_scan

FILES_HEADER = "volume\tname\n"
WRITTEN_HEADER = "index\tname\tdue_unix_s\tclosed_unix_s\n"


@dataclass(frozen=True)
class Written:
    """One file whole and in place: ``index`` is its volume (0-based), times are this computer's unix time."""

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
    publish: Publish = "write",
    faults: Iterable[Fault] = (),
    seed: int = 0,
    stop: threading.Event | None = None,
    written_log: Path | None = None,
    on_written: Callable[[Written], None] | None = None,
) -> list[Written]:
    """Write the files of ``rendered`` into ``to``; returns those that were written whole, which is less than all when ``stop`` is set.

    Parameters
    ----------
    tr_s : seconds from one volume to the next at ``speed`` 1; ``speed`` infinity writes all at once.
    start_at_unix_s : when the first file is due; without it ``delay_s`` from now.
    faults : what goes wrong, as drawn by ``seed``.
    written_log : where to note each file as it is closed; ``<rendered>/written.tsv`` without it.

    Raises
    ------
    StudyError : ``rendered`` holds no files, ``speed`` is not above 0, or ``to`` or the log cannot be written.
    """
    if not speed > 0:
        raise StudyError(f"The speed must be above 0 (found {speed:g}).")
    actions = plan_scan(listed_files(rendered), tr_s, faults, seed=seed, publish=publish)
    stop = stop or threading.Event()
    start_unix_s = time.time() + delay_s if start_at_unix_s is None else start_at_unix_s
    start_s = time.monotonic() + start_unix_s - time.time()  # deadlines do not follow a clock that is set meanwhile
    done: list[Written] = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        with (written_log or rendered / "written.tsv").open("w", encoding="utf-8") as log, _Hand(rendered / "dicoms", to, seed) as hand:
            log.write(WRITTEN_HEADER)
            for action in actions:
                piece = hand.prepare(action)  # read ahead: only the writing happens at the deadline
                if stop.wait(max(0.0, start_s + action.at_s / speed - time.monotonic())):
                    break
                closed_unix_s = hand.perform(action, piece)
                if action.whole:
                    done.append(Written(action.file.volume, action.name, start_unix_s + action.at_s / speed, closed_unix_s))
                    _note(log, done[-1])
                    if on_written:
                        on_written(done[-1])
    except OSError as error:
        raise StudyError(f"The simulated scanner cannot write {error.filename or to} ({error.strerror}).") from None
    return done


class _Hand:
    """Performs actions below ``to``; owns the files that it holds open."""

    def __init__(self, rendered: Path, to: Path, seed: int) -> None:
        self._rendered, self._to, self._seed = rendered, to, seed
        self._stack = ExitStack()
        self._open: dict[str, BinaryIO] = {}

    def __enter__(self) -> _Hand:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def prepare(self, action: Action) -> tuple[int, bytes]:
        """Where ``action`` writes, and what."""
        if isinstance(action, Rename):
            return 0, b""
        content = content_of(action.file, (self._rendered / action.file.source).read_bytes(), self._seed)
        return action.piece_of(content)

    def perform(self, action: Action, piece: tuple[int, bytes]) -> float:
        """Returns the unix time at which it was done."""
        if isinstance(action, Rename):
            os.replace(self._to / action.origin, self._to / action.name)
        else:
            self._write(action, *piece)
        return time.time()

    def _write(self, action: Write, start: int, content: bytes) -> None:
        target = self._to / action.name
        file = self._open.pop(action.name, None)
        if file is None:
            target.parent.mkdir(parents=True, exist_ok=True)
            file = self._stack.enter_context(target.open("ab" if action.part[0] else "wb"))
        file.seek(start)
        file.write(content)
        file.flush()
        if action.closes:
            file.close()
        else:
            self._open[action.name] = file


def write_list(rendered: Path, files: Iterable[tuple[int, str]]) -> None:
    """Note (volume, name) of every rendered file, in the order in which the scanner makes them."""
    rows = [f"{volume}\t{name}\n" for volume, name in files]
    (rendered / "files.tsv").write_text(FILES_HEADER + "".join(rows), encoding="utf-8")


def listed_files(rendered: Path) -> list[tuple[int, str]]:
    """(volume, name below ``dicoms``) of every file of a rendered run, in the order in which the scanner makes them.

    Raises
    ------
    StudyError : there are none.
    """
    try:
        rows = (rendered / "files.tsv").read_text(encoding="utf-8").splitlines()[1:]
    except OSError:
        rows = []
    if not rows:
        raise StudyError(f"{rendered} holds no rendered run: there are no files listed in {rendered / 'files.tsv'}.")
    return [(int(volume), name) for volume, name in (row.split("\t") for row in rows)]


def rendered_files(rendered: Path) -> list[Path]:
    """The DICOM files of a rendered run, in the order in which the scanner makes them.

    Raises
    ------
    StudyError : there are none.
    """
    return [rendered / "dicoms" / name for _, name in listed_files(rendered)]


def read_written(log: Path) -> list[Written]:
    """What a log says was written; a torn last line is left out."""
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)[1:]
    rows = [line.rstrip("\n").split("\t") for line in lines if line.endswith("\n")]
    return [Written(int(index), name, float(due), float(closed)) for index, name, due, closed in rows]


def _note(log: TextIO, written: Written) -> None:
    log.write(f"{written.index}\t{written.name}\t{written.due_unix_s:.6f}\t{written.closed_unix_s:.6f}\n")
    log.flush()
