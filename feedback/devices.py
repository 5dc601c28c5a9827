"""The scanner's trigger: by keyboard, serial port or parallel port (psychopy.hardware). Pulses carry their own times.

The rules:

* A pulse's time is the display's clock when it came, not when a frame looked: ports are read by a thread that waits for them, and the
  keyboard by PsychoPy's own queue, which stamps each key.
* The trigger's key and the buttons are separate maps: the trigger never moves a slider, and its key counts even when another window has
  the keyboard. A port's pulses are debounced by ``BOUNCE_S``; so are keys, as some boxes send both a key and a press of the mouse's.
* A device that cannot be opened, or that vanishes, is tried again every ``RETRY_S``. ``problem`` tells the operator meanwhile; nothing is
  raised, and the display goes on by the volumes' clock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Protocol, TypeAlias

from rtfmri.messages import TriggerSettings

BOUNCE_S = 0.02
RETRY_S = 1.0
WAIT_S = 0.2  # how long a read of the serial port waits before it looks whether to stop
POLL_S = 0.001  # a parallel port can only be looked at again and again
MOST_KEPT = 4096
DATA_PINS = 0xFF

Clock: TypeAlias = Callable[[], float]


class Port(Protocol):
    """An open device: ``read`` waits a little for pulses and gives how many came; raises where the device is gone."""

    def read(self) -> int: ...
    def close(self) -> None: ...


class Pulses:
    """A trigger as the loop sees it; a context manager. Pulses through a thread that opens and reads ``Port``.

    Parameters
    ----------
    kind : what the operator calls it, such as ``serial /dev/ttyUSB0``.
    opened : opens the port; raises anything where it cannot.
    clock : the display's.
    """

    def __init__(self, kind: str, opened: Callable[[], Port], clock: Clock) -> None:
        self.kind = kind
        self.problem = ""
        self._opened, self._clock = opened, clock
        self._times_s: deque[float] = deque(maxlen=MOST_KEPT)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="trigger", daemon=True)

    def __enter__(self) -> Pulses:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(timeout=2.0 * WAIT_S)

    def read(self) -> tuple[float, ...]:
        """Times of the pulses since the last look, the display's clock."""
        times_s = []
        while self._times_s:
            times_s.append(self._times_s.popleft())
        return tuple(times_s)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                with ExitStack() as stack:
                    port = self._opened()
                    stack.callback(_quietly(port.close))
                    self.problem = ""
                    self._read_until_gone(port)
            except Exception as error:  # drivers raise whatever they like
                self.problem = f"The scanner's trigger ({self.kind}) cannot be read: {_sentence(error)}. It is tried again every second."
                self._stop.wait(RETRY_S)

    def _read_until_gone(self, port: Port) -> None:
        last_s = float("-inf")
        while not self._stop.is_set():
            count = port.read()
            now_s = self._clock()
            if count and now_s - last_s >= BOUNCE_S:
                self._times_s.append(now_s)
            last_s = now_s if count else last_s


class NoTrigger:
    """The volumes alone set the clock."""

    kind, problem = "none", ""

    def __enter__(self) -> NoTrigger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        pass

    def read(self) -> tuple[float, ...]:
        return ()


class KeyPulses:
    """The trigger's key on any keyboard of the computer, stamped by PsychoPy's queue; a context manager."""

    def __init__(self, key: str, clock: Clock) -> None:
        self.kind = f"keyboard {key}"
        self.problem = ""
        self._key, self._clock = key, clock
        self._keyboard: Any = None
        self._last_s = float("-inf")

    def __enter__(self) -> KeyPulses:
        try:
            from psychopy.hardware.keyboard import Keyboard

            self._keyboard = Keyboard(backend="ptb")
            self.read()  # what was pressed before is no pulse
        except Exception as error:
            self._keyboard = None
            self.problem = f"The keyboard's own clock cannot be used ({_sentence(error)}): the trigger's key is read by the window instead."
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._keyboard is not None:
            self._keyboard.stop()

    def read(self) -> tuple[float, ...]:
        """Times of the key's presses since the last look, the display's clock."""
        if self._keyboard is None:
            return ()
        from psychopy import logging
        from psychtoolbox import GetSecs

        # PsychoPy tells of a key that is down, and again of the same when it is released; of a short press only the second
        presses = [*self._keyboard.getKeys(waitRelease=False), *self._keyboard.getKeys(waitRelease=True)]
        ahead_s = self._clock() - GetSecs() + logging.defaultClock.getLastResetTime()
        down_s = sorted({press.tDown for press in presses if _plain(press.name) == self._key and press.tDown > self._last_s})
        self._last_s = down_s[-1] if down_s else self._last_s
        return tuple(moment_s + ahead_s for moment_s in down_s)


class ScannerTrigger:
    """The trigger that the run at hand has; a context manager. Another run's takes its place."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._settings = TriggerSettings()
        self._device: Pulses | KeyPulses | NoTrigger = NoTrigger()
        self._open = ExitStack()

    def __enter__(self) -> ScannerTrigger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def kind(self) -> str:
        return self._device.kind

    @property
    def problem(self) -> str:
        """A sentence for the operator; empty while all is well."""
        return self._device.problem

    def listen_to(self, settings: TriggerSettings) -> None:
        """Open the device of ``settings``, unless it is open; pulses that came before are no pulses of this run."""
        if settings != self._settings:
            self._open.close()
            self._settings = settings
            self._device = trigger_for(settings, self._clock)
            self._open.enter_context(self._device)
        self._device.read()

    def read(self) -> tuple[float, ...]:
        """Times of the pulses since the last look, the display's clock."""
        return self._device.read()


def trigger_for(settings: TriggerSettings, clock: Clock) -> Pulses | KeyPulses | NoTrigger:
    """The trigger that ``settings`` ask for, not yet open."""
    if settings.kind == "keyboard":
        return KeyPulses(settings.key, clock)
    if settings.kind == "serial":
        return Pulses(f"serial {settings.port}", lambda: SerialPort(settings.port, settings.baud, settings.code), clock)
    if settings.kind == "parallel":
        return Pulses(f"parallel {settings.port}", lambda: ParallelPort(settings.port, settings.code), clock)
    return NoTrigger()


class SerialPort:
    """Bytes of a serial port; only ``code`` where one is given."""

    def __init__(self, port: str, baud: int, code: int | None) -> None:
        from psychopy.hardware.exceptions import DeviceNotConnectedError
        from psychopy.hardware.serialdevice import SerialDevice

        try:
            self._com: Any = SerialDevice(port=port, baudrate=baud, pauseDuration=0.0).com
        except DeviceNotConnectedError as error:  # no Exception: it would end the thread
            raise OSError("it is not there, or another program has it") from error
        self._com.timeout = WAIT_S
        self._code = code

    def read(self) -> int:
        return sum(self._code in (None, byte) for byte in self._com.read(1))

    def close(self) -> None:
        self._com.close()


class ParallelPort:
    """Rising edges on the data pins 2 ... 9; only on those of ``code``'s bits where they are given."""

    def __init__(self, address: str, code: int | None) -> None:
        from psychopy import parallel

        self._port: Any = parallel.ParallelPort(int(address, 16) if address.lower().startswith("0x") else address)
        self._bits = DATA_PINS if code is None else code
        self._was = self._port.readData() & self._bits
        self._pause = threading.Event()

    def read(self) -> int:
        self._pause.wait(POLL_S)
        now = self._port.readData() & self._bits
        risen, self._was = now & ~self._was, now
        return int(risen != 0)

    def close(self) -> None:
        self._port = None  # its driver lets the port go with it


def _plain(key: str) -> str:
    return key.removeprefix("num_")


def _quietly(close: Callable[[], None]) -> Callable[[], None]:
    def closing() -> None:
        with suppress(Exception):  # a device that is gone cannot be closed
            close()

    return closing


def _sentence(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
