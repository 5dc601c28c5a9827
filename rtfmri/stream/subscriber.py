"""A listener that misses nothing: live messages, and the run so far for what was lost.

Runs on the stimulus PC and needs only pyzmq and pydantic.

The rule: it asks the snapshot socket at once when it is behind, and otherwise once a second. That one question tells a late joiner
everything, brings back a lost tail (a run_stop), notices a restarted engine, and shows that the engine lives while no volume comes.
While it waits for the answer to a gap it leaves live messages in their socket: what the answer is too old to hold is read after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

import zmq

from rtfmri.messages import TOPIC, Envelope, WireError, decode
from rtfmri.stream.asking import Line, decode_answer, encode_ask
from rtfmri.stream.ports import Ports
from rtfmri.stream.sequence import Sequencer
from rtfmri.stream.sockets import Context, Limits, Socket, connect, milliseconds

ASK_EVERY_S = 1.0
LOST_AFTER_S = 3.0
LIMITS = Limits(high_water=1_000, max_bytes=4 * 1024 * 1024, linger_ms=0)
FRAMES_PER_TURN = 500
ANSWERS_PER_TURN = 4


class Subscriber:
    """Context manager, for one thread.

    Parameters
    ----------
    address : ``tcp://HOST:PORT`` of the engine's messages; ``StudyError`` for anything else.
    clock : seconds that only grow.

    Attributes
    ----------
    rejected : how many frames and lines could not be read; they were dropped.
    last_heard_s : by ``clock``, the last message or answer of the engine; None before the first.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.rejected = 0
        self.last_heard_s: float | None = None
        self._ports = Ports.from_address(address)
        self._clock = clock
        self._sequencer = Sequencer()
        self._asked_s = float("-inf")
        self._awaiting_gap = False

    def __enter__(self) -> Subscriber:
        with ExitStack() as stack:
            context: Context = zmq.Context()
            stack.callback(context.term)
            self._live = stack.enter_context(connect(context, zmq.SUB, self._ports.messages, LIMITS))
            self._live.setsockopt(zmq.SUBSCRIBE, TOPIC.encode())
            self._snapshot = stack.enter_context(connect(context, zmq.DEALER, self._ports.snapshot, LIMITS, queue_when_away=False))
            self._open = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def connected(self, now_s: float) -> bool:
        """Whether the engine was heard in the last ``LOST_AFTER_S`` before ``now_s`` (of ``clock``)."""
        return self.last_heard_s is not None and now_s - self.last_heard_s < LOST_AFTER_S

    def receive(self, timeout_s: float) -> tuple[Envelope, ...]:
        """The messages that follow the last ones, each once and in order of ``seq``, as soon as there are any; () after ``timeout_s``.

        Where the engine comes back with another version of the run (resumed from a shorter journal, or replayed), that is told from its
        beginning, ``seq`` 0.
        """
        deadline_s = self._clock() + timeout_s
        while True:
            ready = self._turn(deadline_s)
            if ready or self._clock() >= deadline_s:
                return ready

    def _turn(self, deadline_s: float) -> tuple[Envelope, ...]:
        self._ask_if_due()
        self._wait(deadline_s)
        ready = self._read_answers() + self._read_live()
        self._ask_if_due()
        return ready

    def _due(self) -> bool:
        return self._sequencer.behind or self._clock() >= self._asked_s + ASK_EVERY_S

    def _ask_if_due(self) -> None:
        if self._due() and self._snapshot.poll(0, zmq.POLLOUT):  # not while nobody is there: questions would pile up
            self._awaiting_gap |= self._sequencer.behind
            self._asked_s = self._clock()
            self._snapshot.send(encode_ask(self._sequencer.ask()), zmq.NOBLOCK)

    def _wait(self, deadline_s: float) -> None:
        due = self._due()
        poller = zmq.Poller()
        poller.register(self._snapshot, zmq.POLLIN | zmq.POLLOUT if due else zmq.POLLIN)
        if not self._awaiting_gap and not self._sequencer.behind:
            poller.register(self._live, zmq.POLLIN)
        moment_s = deadline_s if due else min(deadline_s, self._asked_s + ASK_EVERY_S)
        poller.poll(milliseconds(moment_s - self._clock()))

    def _read_answers(self) -> tuple[Envelope, ...]:
        ready: tuple[Envelope, ...] = ()
        for _ in range(ANSWERS_PER_TURN):
            if not (frames := _received(self._snapshot)):
                break
            try:
                answer, lines = decode_answer(frames)
            except WireError:
                self.rejected += 1
                continue
            self.last_heard_s = self._clock()
            self.rejected += sum(line.envelope is None for line in lines)
            self._awaiting_gap = False
            ready += self._sequencer.answered(answer, lines)
        return ready

    def _read_live(self) -> tuple[Envelope, ...]:
        ready: list[Envelope] = []
        for _ in range(FRAMES_PER_TURN):
            if self._awaiting_gap or self._sequencer.behind or not (frames := _received(self._live)):
                break
            try:
                line = Line(frames[-1], decode(frames[-1]))
            except WireError:
                self.rejected += 1
                continue
            self.last_heard_s = self._clock()
            ready.extend(self._sequencer.live(line))
        return tuple(ready)


def _received(socket: Socket) -> list[bytes]:
    try:
        return socket.recv_multipart(zmq.NOBLOCK)
    except zmq.Again:
        return []
