"""The engine's ear for belt and pulse oximeter: a PULL socket (we bind) or SUB (we connect), with what came in bounded memory.

The rule: whatever arrives is data. Rubbish is counted and told once; a program that sends without end is read in turns with rests; nobody
waits for this. Batches wait until ``take`` and, where nobody takes them (between runs), only the newest ``KEPT_S`` stay: they are a run's
past.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Literal

import zmq

from rtfmri.messages import Fault, WireError
from rtfmri.stream.physio_wire import PhysioBatch, decode_batch
from rtfmri.stream.sockets import Context, Limits, Socket, connect, listen

LIMITS = Limits(high_water=200, max_bytes=1024 * 1024, linger_ms=0)
KEPT_S = 120.0
MOST_BATCHES = 20_000  # a batch may be a single sample
BATCH = 64
REST_MS = 10
JOIN_S = 3.0

GARBAGE = Fault(
    code="physio_garbage",
    severity="warning",
    text="Something sends what are no samples of belt or pulse; it is ignored.",
    advice="Check the belt's program against rtfmri/stream/physio_wire.py, and that nothing else uses this port.",
)

_log = logging.getLogger(__name__)


class PhysioReceiver:
    """Context manager: the thread of the socket (``StudyError`` where it cannot bind).

    Parameters
    ----------
    address : ``tcp://HOST:PORT``; of this computer for "pull", of the belt's for "sub".
    on_fault : gets ``GARBAGE``, once, in the receiver's thread.
    clock : this computer's unix seconds.

    Attributes
    ----------
    rejected : messages that were no batch; ``why_rejected`` says what was wrong with the last.
    """

    def __init__(
        self,
        address: str,
        on_fault: Callable[[Fault], None],
        socket: Literal["pull", "sub"] = "pull",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.rejected = 0
        self.why_rejected = ""
        self._address, self._kind, self._on_fault, self._clock = address, socket, on_fault, clock
        self._waiting: deque[PhysioBatch] = deque(maxlen=MOST_BATCHES)
        self._waiting_s = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> PhysioReceiver:
        with ExitStack() as stack:
            context: Context = zmq.Context()
            stack.callback(context.term)
            listening = self._opened(context)
            stop, stopped = context.socket(zmq.PAIR), context.socket(zmq.PAIR)
            stop.bind("inproc://stop")
            stopped.connect("inproc://stop")
            self._stop = stop
            self._thread = threading.Thread(target=self._serve, args=(listening, stopped), name="rtfmri physiology", daemon=True)
            self._thread.start()
            self._resources = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.send(b"")
        self._stop.close()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            _log.error("the physiology thread did not end within %.0f s", JOIN_S)
        else:
            self._resources.close()

    def take(self) -> list[PhysioBatch]:
        """What came since the last time, oldest first; from any thread, never waits."""
        with self._lock:
            batches = list(self._waiting)
            self._waiting.clear()
            self._waiting_s = 0.0
        return batches

    def _opened(self, context: Context) -> Socket:
        if self._kind == "pull":
            return listen(context, zmq.PULL, self._address, LIMITS)
        subscribing = connect(context, zmq.SUB, self._address, LIMITS)
        subscribing.setsockopt(zmq.SUBSCRIBE, b"")
        return subscribing

    def _serve(self, listening: Socket, stopped: Socket) -> None:
        with listening, stopped:
            poller = zmq.Poller()
            poller.register(listening, zmq.POLLIN)
            poller.register(stopped, zmq.POLLIN)
            left = BATCH
            while stopped not in dict(poller.poll()):
                left -= self._read_most(listening, left)
                if left == 0:
                    if stopped.poll(REST_MS):
                        return
                    left = BATCH

    def _read_most(self, listening: Socket, most: int) -> int:
        for read in range(most):
            try:
                frames = listening.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return read
            try:
                self._keep(decode_batch(frames, self._clock()))
            except WireError as error:
                self.rejected += 1
                self.why_rejected = str(error)
                if self.rejected == 1:
                    self._on_fault(GARBAGE)
        return most

    def _keep(self, batch: PhysioBatch) -> None:
        with self._lock:
            if len(self._waiting) == MOST_BATCHES:
                self._forget_oldest()
            self._waiting.append(batch)
            self._waiting_s += batch.size / batch.rate_hz
            while self._waiting_s > KEPT_S and len(self._waiting) > 1:
                self._forget_oldest()

    def _forget_oldest(self) -> None:
        oldest = self._waiting.popleft()
        self._waiting_s -= oldest.size / oldest.rate_hz
