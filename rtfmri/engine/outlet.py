"""Every message's way out: it gets its place in the run's stream, is journalled, then published. Always in this order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from rtfmri.engine.faults import journal_fault
from rtfmri.messages import Envelope, Fault


class JournalLike(Protocol):
    @property
    def failed(self) -> OSError | None: ...
    def append(self, envelope: Envelope) -> None: ...


@dataclass(frozen=True)
class Clocks:
    """The three clocks of a run, handed in so that tests can hold them: seconds each."""

    unix: Callable[[], float]
    monotonic: Callable[[], float]  # deadlines
    performance: Callable[[], float]  # latencies; the clock of Arrival.noticed_s


class Outlet:
    """Numbers, journals and publishes the messages of one run."""

    def __init__(
        self, run_uid: str, journal: JournalLike, publish: Callable[[Envelope], None], unix: Callable[[], float], next_seq: int = 0
    ) -> None:
        self.run_uid = run_uid
        self.faults = 0
        self._journal, self._publish, self._unix = journal, publish, unix
        self._next_seq = next_seq
        self._journal_failed = False

    def send(self, message: Any) -> Envelope:
        """Journal, then publish. A journal that cannot be written is told once, and again when it can."""
        envelope = self._number(message)
        self._journal.append(envelope)
        self._publish(envelope)
        failed = self._journal.failed
        if (failed is not None) != self._journal_failed:
            self._journal_failed = failed is not None
            self.send(journal_fault(failed))
        return envelope

    def journal(self, message: Any) -> Envelope:
        """Number and journal only; ``publish`` must follow. For volumes, whose two steps are timed apart."""
        envelope = self._number(message)
        self._journal.append(envelope)
        return envelope

    def publish(self, envelope: Envelope) -> None:
        self._publish(envelope)

    def _number(self, message: Any) -> Envelope:
        envelope = Envelope(run_uid=self.run_uid, seq=self._next_seq, sent_unix_s=self._unix(), message=message)
        self._next_seq += 1
        if isinstance(message, Fault) and message.severity != "info":
            self.faults += 1
        return envelope
