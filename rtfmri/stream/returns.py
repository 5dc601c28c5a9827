"""What a display says back: what it showed, ratings, the participant's pause; and how far its clock is from the engine's.

On the wire: ``[return, number, message]`` one way, ``[ping, Ping]`` answered by ``[pong, Pong]``. Sending never waits: while the engine is
away, up to a thousand messages are kept and sent when it is back.

The rule of what a lost connection may cost: nothing. What lies in the system's buffers when a cable is pulled never arrives, and nobody
says so; therefore a message is kept until a ping that was sent after it was answered on the same connection, and all that are kept are sent
again, in order, by the next connection. The engine passes over numbers that it has. Runs on the stimulus PC; needs only pyzmq and pydantic.
"""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType

import zmq
from pydantic import ValidationError

from rtfmri.errors import StudyError
from rtfmri.messages import FromDisplay, encode_return
from rtfmri.stream.clock_offset import ClockOffset, Ping, Pong, measure
from rtfmri.stream.ports import Ports
from rtfmri.stream.sockets import Context, Limits, connect, milliseconds

LIMITS = Limits(high_water=1_000, max_bytes=4096, linger_ms=500)  # lingers so that a last rating gets out
FIRST_PINGS = 5
FIRST_PINGS_EVERY_S = 0.2
PING_EVERY_S = 2.0
PING_LOST_AFTER_S = 10.0  # long, so that pings to an engine that is away do not fill the queue
PONG_WAIT_S = 0.003


class ReturnsClient:
    """Context manager, for one thread.

    Parameters
    ----------
    address : ``tcp://HOST:PORT`` of the engine's messages; ``StudyError`` for anything else.
    display_id : how this display is called in the record, 1 ... 64 characters (else ``StudyError``).
    clock : unix seconds, the clock of ``flip_unix_s``.

    Attributes
    ----------
    dropped : messages that were not kept because the engine has been away for long.
    """

    def __init__(self, address: str, display_id: str, clock: Callable[[], float] = time.time) -> None:
        if not 1 <= len(display_id) <= 64:
            raise StudyError("The name of a display has 1 to 64 characters: write another one.")
        self.dropped = 0
        self._address = Ports.from_address(address).returns
        self._display_id = display_id
        self._clock = clock
        self._offset = ClockOffset()
        self._ping = Ping(display=display_id, number=0)
        self._pinged_s = float("-inf")
        self._awaiting_pong = False
        self._name = uuid.uuid4().hex  # of this client: numbers of two displays differ
        self._sent = 0
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=LIMITS.high_water)  # not yet confirmed
        self._sent_before_ping = 0

    def __enter__(self) -> ReturnsClient:
        with ExitStack() as stack:
            self._context: Context = zmq.Context()
            stack.callback(self._context.term)
            self._connect()
            stack.callback(self._disconnect, None)
            self._resources = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._resources.close()

    def send(self, message: FromDisplay) -> None:
        """Hand ``message`` on; never waits and never fails."""
        payload = encode_return(message)
        if self._send(b"return", self._number(self._sent + 1), payload):
            self._sent += 1
            self._kept.append((self._sent, payload))

    def poll(self) -> None:
        """Measure the clock offset when it is due, and send again what a lost connection took with it. To be called often, once per frame.

        Waits up to ``PONG_WAIT_S`` for the pong of a ping that it sent just now: read only at the next frame, the round trip would
        look as long as a frame. That is once in ``PING_EVERY_S``.
        """
        wait_s = 0.0
        if self._monitor.poll(0):
            self._begin_again()
        if self._ping_is_due():
            self._ping = Ping(display=self._display_id, number=self._ping.number + 1)
            self._pinged_s, self._awaiting_pong, self._sent_before_ping = self._clock(), True, self._sent
            self._send(b"ping", self._ping.model_dump_json().encode())
            wait_s = PONG_WAIT_S
        while self._socket.poll(milliseconds(wait_s)):
            self._read(self._socket.recv_multipart(zmq.NOBLOCK), self._clock())
            wait_s = 0.0

    def clock_offset(self) -> tuple[float, float] | None:
        """``(offset_s, error_s)``: engine's clock minus this one's, and its error; None before the first pong."""
        return self._offset.best(self._clock())

    def _ping_is_due(self) -> bool:
        every_s = FIRST_PINGS_EVERY_S if self._ping.number < FIRST_PINGS else PING_EVERY_S
        since_s = abs(self._clock() - self._pinged_s)  # a clock that is set back does not silence the pings
        return since_s >= (PING_LOST_AFTER_S if self._awaiting_pong else every_s)

    def _connect(self) -> None:
        self._socket = connect(self._context, zmq.DEALER, self._address, LIMITS)
        self._monitor = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def _disconnect(self, linger_ms: int | None) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=linger_ms)

    def _begin_again(self) -> None:
        """A new socket, since the old one would first send what was queued behind the lost messages."""
        self._disconnect(0)
        self._connect()
        self._pinged_s, self._awaiting_pong = float("-inf"), False
        for number, payload in self._kept:
            self._send(b"return", self._number(number), payload)

    def _number(self, number: int) -> bytes:
        return f"{self._name}:{number}".encode()

    def _send(self, *frames: bytes) -> bool:
        try:
            self._socket.send_multipart(frames, zmq.NOBLOCK)
        except zmq.Again:
            self.dropped += 1
            return False
        return True

    def _read(self, frames: list[bytes], received_s: float) -> None:
        try:
            pong = Pong.model_validate_json(frames[-1])
        except ValidationError:
            return
        if self._awaiting_pong and pong.number == self._ping.number:
            self._awaiting_pong = False
            while self._kept and self._kept[0][0] <= self._sent_before_ping:
                self._kept.popleft()
            self._offset.add(measure(self._pinged_s, pong.engine_unix_s, received_s))
