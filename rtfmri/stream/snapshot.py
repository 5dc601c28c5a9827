"""The run so far, for late joiners and for listeners that lost something.

``RunSoFar`` is appended to by the engine's thread and read by the snapshot thread; a lock is held for a slice, never for input or
output. The answer goes to the asker only. It holds at most ``LINES`` lines of ``BYTES`` in all, and at most 16 answers wait for
one asker, so an asker that never reads costs a few megabytes and then gets nothing.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from rtfmri.messages import WireError
from rtfmri.stream.asking import Answer, Ask, decode_ask, encode_answer
from rtfmri.stream.bounded import BoundedTable
from rtfmri.stream.ports import Ports
from rtfmri.stream.serving import RouterThread
from rtfmri.stream.sockets import Limits

LINES = 500
BYTES = 128 * 1024
LISTENING_S = 3.0
ASKERS = 256
LIMITS = Limits(high_water=16, max_bytes=4096, linger_ms=0)


@dataclass(frozen=True)
class _Opened:
    """One opening of one run; ``lines[seq]`` is message ``seq``, append-only."""

    run_uid: str = ""
    opening: str = ""
    opened_seq: int = 0
    lines: list[bytes] = field(default_factory=list)


class RunSoFar:
    """The lines of the current run, and of the one before it for those who have not heard its end. Shared by two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current = self._before = _Opened()

    def open_run(self, run_uid: str, lines: Sequence[bytes] = ()) -> None:
        """Begin a run; ``lines`` are what an earlier opening of it holds, from seq 0."""
        opened = _Opened(run_uid, uuid.uuid4().hex, len(lines), list(lines))
        with self._lock:
            self._before, self._current = self._current, opened

    def append(self, run_uid: str, seq: int, line: bytes) -> None:
        """Keep the next message of the current run; ``ValueError`` for any other, which would be a bug that no listener could mend."""
        with self._lock:
            expected = (self._current.run_uid, len(self._current.lines))
            if (run_uid, seq) != expected:
                raise ValueError(f"message {seq} of run {run_uid!r} is out of turn: {expected[1]} of run {expected[0]!r} is next")
            self._current.lines.append(line)

    def since(self, ask: Ask) -> tuple[Answer, list[bytes]]:
        """The answer to ``ask`` (see ``Answer``) and its lines."""
        with self._lock:
            before = self._before
            current = not (ask.run_uid == before.run_uid != self._current.run_uid and ask.seq < len(before.lines))
            run = self._current if current else before
            first_seq = ask.seq if ask.run_uid == run.run_uid else 0
            next_seq = len(run.lines)
            lines = run.lines[first_seq : first_seq + LINES]
        answer = Answer(
            run_uid=run.run_uid, opening=run.opening, opened_seq=run.opened_seq, first_seq=first_seq, next_seq=next_seq, current=current
        )
        return answer, _within(BYTES, lines)


def _within(n_bytes: int, lines: list[bytes]) -> list[bytes]:
    """The first lines that fit, and at least one."""
    total = 0
    for count, line in enumerate(lines):
        total += len(line)
        if total > n_bytes:
            return lines[: max(count, 1)]
    return lines


class SnapshotServer:
    """Context manager: the thread that answers ``Ask`` frames. ``rejected`` counts what was none."""

    def __init__(self, ports: Ports, run_so_far: RunSoFar, clock: Callable[[], float] = time.monotonic) -> None:
        self.rejected = 0
        self._clock = clock
        self._asked_s: BoundedTable[bytes, float] = BoundedTable(ASKERS)
        self._run_so_far = run_so_far
        self._thread = RouterThread("snapshot", ports.snapshot, self._answer, LIMITS)

    def __enter__(self) -> SnapshotServer:
        self._thread.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.__exit__(kind, error, trace)

    def listeners(self) -> int:
        """How many have asked in the last ``LISTENING_S``; from any thread."""
        since_s = self._clock() - LISTENING_S
        return sum(asked_s >= since_s for asked_s in self._asked_s.copy().values())

    def _answer(self, sender: bytes, frames: list[bytes]) -> list[bytes] | None:
        *delimiter, request = frames or [b""]  # a REQ socket puts an empty frame before its question and wants it back
        try:
            ask = decode_ask(request)
        except WireError:
            self.rejected += 1
            return None
        self._asked_s.put(sender, self._clock())
        return [*delimiter[:1], *encode_answer(*self._run_so_far.since(ask))]
