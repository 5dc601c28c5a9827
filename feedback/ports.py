"""Serial and parallel ports: a thread that waits for what comes, and the shares that its listeners take of it.

The rules:

* What comes carries its time: the display's clock when it came, not when a frame looked.
* A port is opened once, however many listen to it. Each takes its own bytes, free of bounces (``BOUNCE_S``).
* A port that cannot be opened, or that vanishes, is tried again every ``RETRY_S``. ``problem`` tells the operator meanwhile; nothing is
  raised, and the display goes on.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Protocol, TypeAlias

BOUNCE_S = 0.02
RETRY_S = 1.0
WAIT_S = 0.2  # how long a read of the serial port waits before it looks whether to stop
POLL_S = 0.001  # a parallel port can only be looked at again and again
MOST_KEPT = 4096
DATA_PINS = 0xFF

Clock: TypeAlias = Callable[[], float]


class Port(Protocol):
    """An open device: ``read`` waits a little for bytes and gives those that came; raises where the device is gone."""

    def read(self) -> bytes: ...
    def close(self) -> None: ...


class Share:
    """What one listener takes of a port. ``named``: what a byte is to it, such as a button; None where it is not the listener's."""

    def __init__(self, named: Callable[[int], str | None]) -> None:
        self._named = named
        self._came: deque[tuple[str, float]] = deque(maxlen=MOST_KEPT)
        self._last_s: dict[str, float] = {}

    def hear(self, byte: int, now_s: float) -> None:
        """One byte of the port; the same thing again within ``BOUNCE_S`` is a bounce."""
        name = self._named(byte)
        if name is None:
            return
        if now_s - self._last_s.get(name, float("-inf")) >= BOUNCE_S:
            self._came.append((name, now_s))
        self._last_s[name] = now_s

    def taken(self) -> tuple[tuple[str, float], ...]:
        """What came since the last look, with its time, the display's clock."""
        came = []
        while self._came:
            came.append(self._came.popleft())
        return tuple(came)


class Line:
    """A port that is read by a thread; a context manager.

    Parameters
    ----------
    name : what the operator calls it, such as ``The scanner's trigger (serial /dev/ttyUSB0)``.
    opened : opens the port; raises anything where it cannot.
    clock : the display's.
    shares : who listens.
    """

    def __init__(self, name: str, opened: Callable[[], Port], clock: Clock, *shares: Share) -> None:
        self.problem = ""
        self._name, self._opened, self._clock, self._shares = name, opened, clock, shares
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="port", daemon=True)

    def __enter__(self) -> Line:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(timeout=2.0 * WAIT_S)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                with ExitStack() as stack:
                    port = self._opened()
                    stack.callback(_quietly(port.close))
                    self.problem = ""
                    self._read_until_gone(port)
            except Exception as error:  # drivers raise whatever they like
                self.problem = f"{self._name} cannot be read: {sentence(error)}. It is tried again every second."
                self._stop.wait(RETRY_S)

    def _read_until_gone(self, port: Port) -> None:
        while not self._stop.is_set():
            came = port.read()
            now_s = self._clock()
            for byte in came:
                for share in self._shares:
                    share.hear(byte, now_s)


class SerialPort:
    """Bytes of a serial port, one by one. It is locked: two readers would each get only some of its bytes."""

    def __init__(self, port: str, baud: int) -> None:
        from psychopy.hardware.exceptions import DeviceNotConnectedError
        from psychopy.hardware.serialdevice import SerialDevice

        try:
            self._com: Any = SerialDevice(port=port, baudrate=baud, pauseDuration=0.0).com
        except DeviceNotConnectedError as error:  # no Exception: it would end the thread
            raise OSError("it is not there, or another program has it") from error
        try:
            self._com.exclusive = True
        except OSError as error:
            self.close()
            raise OSError("something else reads it, too") from error
        self._com.timeout = WAIT_S

    def read(self) -> bytes:
        return bytes(self._com.read(1))

    def close(self) -> None:
        self._com.close()


class ParallelPort:
    """Rising edges on the data pins 2 ... 9, a byte of those that rose at once; only on those of ``code``'s bits where they are given."""

    def __init__(self, address: str, code: int | None) -> None:
        from psychopy import parallel

        self._port: Any = parallel.ParallelPort(int(address, 16) if address.lower().startswith("0x") else address)
        self._bits = DATA_PINS if code is None else code
        self._was = self._port.readData() & self._bits
        self._pause = threading.Event()

    def read(self) -> bytes:
        self._pause.wait(POLL_S)
        now = self._port.readData() & self._bits
        risen, self._was = now & ~self._was, now
        return bytes([risen]) if risen else b""

    def close(self) -> None:
        self._port = None  # its driver lets the port go with it


def sentence(error: BaseException) -> str:
    """Its first line, for the operator."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _quietly(close: Callable[[], None]) -> Callable[[], None]:
    def closing() -> None:
        with suppress(Exception):  # a device that is gone cannot be closed
            close()

    return closing
