"""The engine's ear for displays: validates what they send, answers their pings, and hands on no more than is sensible.

The rule: whatever arrives here is data. It can be recorded; it cannot arm, stop or change anything, and a display that sends without end
costs neither memory nor the others' turn. How a display is (``DisplayReport``) is kept for whoever asks, whether a run is armed or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from pydantic import ValidationError

from rtfmri.messages import DisplayReport, Fault, FromDisplay, WireError, decode_return
from rtfmri.stream.allowance import Allowance
from rtfmri.stream.bounded import BoundedTable
from rtfmri.stream.clock_offset import Ping, Pong
from rtfmri.stream.ports import Ports
from rtfmri.stream.serving import RouterThread
from rtfmri.stream.sockets import Limits

PER_S = 20
BURST = 1_100  # a display that was cut off sends what it kept
SENDERS = 64
MOST_REPORTED = 8  # displays that are told of at once
MOST_PROBLEMS, LONGEST_PROBLEM = 10, 300  # sentences of one display, characters of each
LONGEST_NUMBER = 64  # bytes
NUMBERS = 10_000  # that are remembered, to know what is sent again
LIMITS = Limits(high_water=100, max_bytes=16 * 1024, linger_ms=0)

FLOOD = Fault(
    code="display_flood",
    severity="warning",
    text=f"A display sends more than {PER_S} messages a second; the rest of them is not recorded.",
    advice="Restart the display when the run has ended; the run itself is not affected.",
)
GARBAGE = Fault(
    code="display_garbage",
    severity="warning",
    text="Something sends what no display would send; it is ignored.",
    advice="Check that the display's software is of the same version, and that nothing else uses this port.",
)


class ReturnsServer:
    """Context manager: the thread of the returns socket (``StudyError`` where it cannot bind).

    Parameters
    ----------
    deliver : gets every valid message, in the server's thread; it must be quick (put it on a queue).
    on_fault : gets ``FLOOD`` and ``GARBAGE``, each once, in the server's thread.
    clock : the engine's unix seconds, the one that displays measure their offset to.

    Attributes
    ----------
    dropped, rejected : valid messages beyond the allowance; frames that are no message of a display.
    """

    def __init__(
        self,
        ports: Ports,
        deliver: Callable[[FromDisplay], None],
        on_fault: Callable[[Fault], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.dropped = 0
        self.rejected = 0
        self._deliver, self._on_fault, self._clock = deliver, on_fault, clock
        self._allowances: BoundedTable[bytes, Allowance] = BoundedTable(SENDERS)
        self._heard_s: BoundedTable[str, float] = BoundedTable(SENDERS)
        self._reports: BoundedTable[str, DisplayReport] = BoundedTable(SENDERS)
        self._numbers: BoundedTable[bytes, bool] = BoundedTable(NUMBERS)
        self._thread = RouterThread("returns", ports.returns, self._answer, LIMITS)

    def __enter__(self) -> ReturnsServer:
        self._thread.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.__exit__(kind, error, trace)

    def displays(self, now_unix_s: float) -> dict[str, float]:
        """For each display that was heard, how many seconds ago by the server's clock; from any thread."""
        return {display: now_unix_s - heard_s for display, heard_s in self._heard_s.copy().items()}

    def reports(self, within_s: float) -> tuple[DisplayReport, ...]:
        """The newest report of each display that was heard in the last ``within_s``, the latest last; from any thread."""
        now_s, reports = self._clock(), self._reports.copy()
        heard = sorted((heard_s, display) for display, heard_s in self._heard_s.copy().items() if now_s - heard_s <= within_s)
        return tuple(reports[display] for _, display in heard if display in reports)[-MOST_REPORTED:]

    def _answer(self, sender: bytes, frames: list[bytes]) -> list[bytes] | None:
        now_s = self._clock()
        if not self._allowance(sender).take(now_s):
            self.dropped += 1
            if self.dropped == 1:
                self._on_fault(FLOOD)
            return None
        try:
            if frames[:1] == [b"ping"]:
                return self._pong(Ping.model_validate_json(frames[-1]), now_s)
            message = decode_return(frames[-1])
        except (WireError, ValidationError, IndexError):
            self.rejected += 1
            if self.rejected == 1:
                self._on_fault(GARBAGE)
            return None
        self._heard_s.put(message.display, now_s)
        if self._is_known(frames[1:-1]):
            return None
        if isinstance(message, DisplayReport):
            message = _limited(message)
            self._reports.put(message.display, message)
        self._deliver(message)
        return None

    def _is_known(self, number: list[bytes]) -> bool:
        """Whether it was sent again, by a display whose connection was lost before it heard that it had arrived."""
        if len(number) != 1 or len(number[0]) > LONGEST_NUMBER:
            return False
        known = self._numbers.get(number[0]) is not None
        self._numbers.put(number[0], True)
        return known

    def _pong(self, ping: Ping, now_s: float) -> list[bytes]:
        self._heard_s.put(ping.display, now_s)
        return [b"pong", Pong(number=ping.number, engine_unix_s=now_s).model_dump_json().encode()]

    def _allowance(self, sender: bytes) -> Allowance:
        allowance = self._allowances.get(sender) or Allowance(PER_S, BURST)
        self._allowances.put(sender, allowance)
        return allowance


def _limited(report: DisplayReport) -> DisplayReport:
    """With no more sentences than an operator would read."""
    problems = tuple(problem[:LONGEST_PROBLEM] for problem in report.problems[:MOST_PROBLEMS])
    return report.model_copy(update={"problems": problems})
