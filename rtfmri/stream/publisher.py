"""The engine's voice: every message to everybody who listens, and never a wait for anybody.

The rule: a message is in the run so far before it is sent, so a listener that notices a gap can always ask for it.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType

from rtfmri.messages import Envelope, encode, topic_of
from rtfmri.stream.ports import Ports
from rtfmri.stream.sender import Sender
from rtfmri.stream.snapshot import RunSoFar, SnapshotServer


class Publisher:
    """Context manager, for one thread: binds messages and snapshot (``StudyError`` where it cannot)."""

    def __init__(self, ports: Ports) -> None:
        self._run_so_far = RunSoFar()
        self._sender = Sender(ports.messages)
        self._snapshot = SnapshotServer(ports, self._run_so_far)

    def __enter__(self) -> Publisher:
        with ExitStack() as stack:
            stack.enter_context(self._sender)
            stack.enter_context(self._snapshot)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._resources.close()

    def open_run(self, run_uid: str, history: tuple[Envelope, ...] = ()) -> None:
        """Begin a new run so far.

        Parameters
        ----------
        history : of a resumed run, everything that was published before: seq 0 and following, without a gap (else ``ValueError``).
        """
        if [(e.run_uid, e.seq) for e in history] != [(run_uid, seq) for seq in range(len(history))]:
            raise ValueError(f"the history of run {run_uid!r} does not count from 0 without a gap")
        self._run_so_far.open_run(run_uid, [encode(envelope) for envelope in history])

    def publish(self, envelope: Envelope) -> None:
        """Store and send. Never waits, whatever listeners do; ``ValueError`` where it is not the next message of the open run."""
        line = encode(envelope)
        self._run_so_far.append(envelope.run_uid, envelope.seq, line)
        self._sender.send([topic_of(envelope.message.kind), line])

    @property
    def listeners(self) -> int:
        """How many listeners have asked in the last seconds; a ``Subscriber`` that is read does so once a second."""
        return self._snapshot.listeners()
