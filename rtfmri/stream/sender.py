"""The thread that owns the PUB socket, so that no listener can hold up the engine's thread.

Why a thread: a listener may send too (subscriptions, or nonsense), and libzmq reads that inside whatever call the owner of the socket
makes next; with a flooding listener a send of the engine took up to 400 ms and memory grew. Why PUB: an XPUB keeps all of it for its owner.
Frames wait in a bounded outbox; what is pushed out of it, or has no room in a listener's own queue, that listener notices and asks for.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from contextlib import ExitStack, suppress
from types import TracebackType

import zmq

from rtfmri.stream.sockets import Context, Limits, Socket, listen

LIMITS = Limits(high_water=1_000, max_bytes=1024, linger_ms=1_000)  # lingers so that run_stop gets out before the process ends
OUTBOX = 1_000
JOIN_S = 3.0

_log = logging.getLogger(__name__)


class Sender:
    """Context manager: binds ``address`` on entry (``StudyError`` where it cannot); on exit sends what is left and joins its thread."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._outbox: deque[list[bytes]] = deque(maxlen=OUTBOX)
        self._stopping = False

    def __enter__(self) -> Sender:
        with ExitStack() as stack:
            context: Context = zmq.Context()
            stack.callback(context.term)
            publishing = listen(context, zmq.PUB, self._address, LIMITS)
            # Not a PAIR: with NOBLOCK it may call itself full after its last frame was read, and a wake-up would be lost.
            self._wake, woken = (stack.enter_context(end) for end in socket.socketpair())
            self._wake.setblocking(False)
            self._thread = threading.Thread(target=self._run, args=(publishing, woken), name="rtfmri messages", daemon=True)
            self._thread.start()
            self._resources = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stopping = True
        self._wake_up()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():  # held up inside libzmq: terminating the context would wait for it
            _log.error("the thread of the messages did not end within %.0f s", JOIN_S)
        else:
            self._resources.close()

    def send(self, frames: list[bytes]) -> None:
        """Never waits and never fails."""
        self._outbox.append(frames)
        self._wake_up()

    def _wake_up(self) -> None:
        with suppress(BlockingIOError):  # it has been woken often and has not looked yet
            self._wake.send(b"\0")

    def _run(self, publishing: Socket, woken: socket.socket) -> None:
        with publishing:
            poller = zmq.Poller()
            poller.register(woken, zmq.POLLIN)
            poller.register(publishing, zmq.POLLIN)  # never readable: this is how libzmq attends to listeners that come and go
            stopping = False
            while not stopping:
                poller.poll()
                woken.recv(4096)
                stopping = self._stopping  # looked at before the outbox is: what was put in before is sent
                while self._outbox:
                    publishing.send_multipart(self._outbox.popleft(), zmq.NOBLOCK)
