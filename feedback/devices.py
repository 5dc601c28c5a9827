"""The scanner's trigger and the participant's buttons: keyboard, serial port, parallel port. Both carry their own times.

The rules:

* A pulse's time is the display's clock when it came, not when a frame looked: ports are read by a thread (``ports.py``), and the keyboard
  by PsychoPy's own queue, which stamps each key. So is a press of a serial button box; keys that are buttons are the window's affair.
* The trigger and the buttons are separate maps: the trigger never moves a slider, and its key counts even when another window has the
  keyboard. Where both come over one serial line, its bytes are shared out: to the buttons theirs, to the trigger its ``code``, or all that
  is no button's where it has none.
* A device that cannot be opened, or that vanishes, is tried again; the operator is told, and the display goes on by the volumes' clock.
"""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Any

from feedback.keys import box_bytes
from feedback.ports import Clock, Line, ParallelPort, SerialPort, Share, sentence
from rtfmri.messages import ButtonSettings, TriggerSettings

TRIGGER, BUTTONS = "The scanner's trigger", "The participant's buttons"
BOTH = "The scanner's trigger and the participant's buttons"


class KeyPulses:
    """The trigger's key on any keyboard of the computer, stamped by PsychoPy's queue; a context manager."""

    def __init__(self, key: str, clock: Clock) -> None:
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
            self.problem = f"The keyboard's own clock cannot be used ({sentence(error)}): the trigger's key is read by the window instead."
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


class Boxes:
    """The trigger and the buttons that the run at hand has; a context manager. Another run's take their place."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trigger, self._buttons = TriggerSettings(), ButtonSettings()
        self._keys: KeyPulses | None = None
        self._lines: tuple[Line, ...] = ()
        self._pulses, self._presses = shares(self._trigger, self._buttons)
        self._open = ExitStack()

    def __enter__(self) -> Boxes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    @property
    def kind(self) -> str:
        """What the trigger is, such as ``serial /dev/ttyUSB0``."""
        trigger = self._trigger
        named = {"none": "", "keyboard": f" {trigger.key}"}
        return trigger.kind + named.get(trigger.kind, f" {trigger.port}")

    @property
    def problems(self) -> tuple[str, ...]:
        """Sentences for the operator; none while all is well."""
        keys = () if self._keys is None else (self._keys.problem,)
        return tuple(problem for problem in (*keys, *(line.problem for line in self._lines)) if problem)

    def listen_to(self, trigger: TriggerSettings, buttons: ButtonSettings) -> None:
        """Open what the settings name, unless it is open; pulses that came before are no pulses of this run."""
        if (trigger, buttons) != (self._trigger, self._buttons):
            self._open.close()
            self._trigger, self._buttons = trigger, buttons
            self._pulses, self._presses = shares(trigger, buttons)
            self._keys = self._open.enter_context(KeyPulses(trigger.key, self._clock)) if trigger.kind == "keyboard" else None
            self._lines = tuple(self._open.enter_context(line) for line in self._lines_of(trigger, buttons))
        self.pulses()

    def pulses(self) -> tuple[float, ...]:
        """Times of the pulses since the last look, the display's clock."""
        return tuple(pulse_s for _, pulse_s in self._pulses.taken()) if self._keys is None else self._keys.read()

    def presses(self) -> tuple[tuple[str, float], ...]:
        """Presses of a serial box since the last look: the byte as a character, and its time on the display's clock."""
        return self._presses.taken()

    def _lines_of(self, trigger: TriggerSettings, buttons: ButtonSettings) -> list[Line]:
        if on_one_line(trigger, buttons):
            return [self._serial(BOTH, trigger, self._pulses, self._presses)]
        lines = []
        if trigger.kind == "serial":
            lines.append(self._serial(TRIGGER, trigger, self._pulses))
        if trigger.kind == "parallel":
            name = f"{TRIGGER} (parallel {trigger.port})"
            lines.append(Line(name, lambda: ParallelPort(trigger.port, trigger.code), self._clock, self._pulses))
        if buttons.kind == "serial":
            lines.append(self._serial(BUTTONS, buttons, self._presses))
        return lines

    def _serial(self, what: str, settings: TriggerSettings | ButtonSettings, *shares: Share) -> Line:
        return Line(f"{what} (serial {settings.port})", lambda: SerialPort(settings.port, settings.baud), self._clock, *shares)


def on_one_line(trigger: TriggerSettings, buttons: ButtonSettings) -> bool:
    """Whether pulses and presses come over one serial line."""
    return trigger.kind == buttons.kind == "serial" and (trigger.port, trigger.baud) == (buttons.port, buttons.baud)


def shares(trigger: TriggerSettings, buttons: ButtonSettings) -> tuple[Share, Share]:
    """What the trigger takes of its port, and what the buttons take of theirs."""
    pressed = box_bytes(buttons)
    taken = pressed if on_one_line(trigger, buttons) else frozenset()
    code = trigger.code if trigger.kind == "serial" else None  # of a parallel port it picks the pins

    def pulse(byte: int) -> str | None:
        return "pulse" if (byte == code if code is not None else chr(byte) not in taken) else None

    def press(byte: int) -> str | None:
        return chr(byte) if chr(byte) in pressed else None

    return Share(pulse), Share(press)


def _plain(key: str) -> str:
    return key.removeprefix("num_")
