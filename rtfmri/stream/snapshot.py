"""The run so far, for late joiners and for listeners that lost something.

``RunSoFar`` is appended to by the engine's thread and read by the snapshot thread; a lock is held for a slice, never for input or
output. The answer goes to the asker only. It holds at most ``LINES`` lines of ``BYTES`` in all, and at most 16 answers wait for
one asker, so an asker that never reads costs a few megabytes and then gets nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rtfmri.messages import WireError
from rtfmri.stream.asking import Answer, Ask, chained, decode_ask, encode_answer
from rtfmri.stream.bounded import BoundedTable
from rtfmri.stream.ports import Ports
from rtfmri.stream.serving import RouterThread
from rtfmri.stream.sockets import Limits

LINES = 500
BYTES = 128 * 1024
LISTENING_S = 3.0
ASKERS = 256
LIMITS = Limits(high_water=16, max_bytes=4096, linger_ms=0)


class _Run:
    """``lines[seq]`` is message ``seq``, and ``chains[seq]`` the chain of all before it; append-only."""

    def __init__(self, run_uid: str) -> None:
        self.run_uid = run_uid
        self.lines: list[bytes] = []
        self.chains = [0]

    def append(self, line: bytes) -> None:
        self.lines.append(line)
        self.chains.append(chained(self.chains[-1], line))

    def begins_with(self, ask: Ask) -> bool:
        """Whether what the asker has is the beginning of this run."""
        return ask.run_uid == self.run_uid and ask.seq < len(self.chains) and ask.chain == self.chains[ask.seq]


class RunSoFar:
    """The lines of the current run, and of the one before it for those who have not heard its end. Shared by two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._current = self._before = _Run("")

    def open_run(self, run_uid: str, lines: Sequence[bytes] = ()) -> None:
        """Begin a run; ``lines`` are what is held of it already, from seq 0."""
        opened = _Run(run_uid)
        for line in lines:
            opened.append(line)
        with self._lock:
            self._before, self._current = self._current, opened

    def append(self, run_uid: str, seq: int, line: bytes) -> None:
        """Keep the next message of the current run; ``ValueError`` for any other, which would be a bug that no listener could mend."""
        with self._lock:
            expected = (self._current.run_uid, len(self._current.lines))
            if (run_uid, seq) != expected:
                raise ValueError(f"message {seq} of run {run_uid!r} is out of turn: {expected[1]} of run {expected[0]!r} is next")
            self._current.append(line)

    def since(self, ask: Ask) -> tuple[Answer, list[bytes]]:
        """The answer to ``ask`` (see ``Answer``) and its lines."""
        with self._lock:
            before, current = self._before, self._current
            of_before = before.run_uid != current.run_uid and before.begins_with(ask) and ask.seq < len(before.lines)
            run = before if of_before else current
            first_seq = ask.seq if run.begins_with(ask) else 0
            lines = run.lines[first_seq : first_seq + LINES]
            next_seq = len(run.lines)
        answer = Answer(asked=ask, run_uid=run.run_uid, first_seq=first_seq, next_seq=next_seq, current=not of_before)
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
