"""One thread that answers one ROUTER socket: what snapshot, returns and control have in common.

The rule: it sleeps until a frame or the word to stop arrives, and no peer can make it work without rest. Peers are served in turn
(ROUTER takes one message from each), and after every ``BATCH`` messages it rests for ``REST_MS``, because every message that it looks at
holds the interpreter lock that the engine's thread needs. What a peer sends meanwhile stays in that peer's queue, which is bounded.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from types import TracebackType

import zmq

from rtfmri.stream.sockets import Context, Limits, Socket, listen

BATCH = 32
REST_MS = 10
JOIN_S = 3.0

#: (sender, frames) -> frames of the answer, or None for no answer; runs in the thread.
Answerer = Callable[[bytes, list[bytes]], "list[bytes] | None"]

_log = logging.getLogger(__name__)


class RouterThread:
    """Context manager: binds on entry (``StudyError`` where it cannot), joins its thread on exit.

    Parameters
    ----------
    name : of the thread.
    address : where to bind.
    answer : see ``Answerer``. What it raises is a bug: it is logged, costs that one message, and the thread goes on.
    limits : of the socket.
    """

    def __init__(self, name: str, address: str, answer: Answerer, limits: Limits) -> None:
        self._name, self._address, self._answer, self._limits = name, address, answer, limits

    def __enter__(self) -> RouterThread:
        self._context: Context = zmq.Context()
        try:
            router = listen(self._context, zmq.ROUTER, self._address, self._limits)
        except BaseException:
            self._context.term()
            raise
        self._stop = self._context.socket(zmq.PAIR)
        self._stop.bind("inproc://stop")
        stopped = self._context.socket(zmq.PAIR)
        stopped.connect("inproc://stop")
        self._thread = threading.Thread(target=self._serve, args=(router, stopped), name=f"rtfmri {self._name}", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.send(b"")
        self._stop.close()
        self._thread.join(JOIN_S)
        if self._thread.is_alive():  # its answerer hangs: terminating the context would wait for it
            _log.error("the %s thread did not end within %.0f s", self._name, JOIN_S)
        else:
            self._context.term()

    def _serve(self, router: Socket, stopped: Socket) -> None:
        with router, stopped:
            poller = zmq.Poller()
            poller.register(router, zmq.POLLIN)
            poller.register(stopped, zmq.POLLIN)
            left = BATCH
            while stopped not in dict(poller.poll()):
                left -= self._serve_most(router, left)
                if left == 0:
                    if stopped.poll(REST_MS):
                        return
                    left = BATCH

    def _serve_most(self, router: Socket, most: int) -> int:
        """Answer what has come, at most ``most`` messages; how many there were."""
        for served in range(most):
            try:
                sender, *frames = router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return served
            try:
                answer = self._answer(sender, frames)
            except Exception:
                _log.exception("the %s thread could not answer a message", self._name)
                continue
            if answer is not None:
                router.send_multipart([sender, *answer], zmq.NOBLOCK)  # a ROUTER drops what a peer that never reads has no room for
        return most
