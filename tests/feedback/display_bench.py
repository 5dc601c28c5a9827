"""A loop on the bench: a window, a stream, a trigger and a clock that do what a test says, and break when it says so."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from display_parts import BEGIN_S, envelope, run_start, volume

from feedback.cues import Cue
from feedback.ends import Ends
from feedback.here import Here
from feedback.keyboard import Press
from feedback.log import Album, GlassLog
from feedback.loop import Loop
from feedback.shapes import Shape, Text
from feedback.state import DisplayState
from rtfmri.messages import BlockInfo, ButtonSettings, DisplayReport, Envelope, FromDisplay, Shown, TriggerSettings

LONG = (BlockInfo(name="self_compassion", onset_s=0.0, duration_s=1_000.0, role="regulate"),)


class Time:
    """A clock that goes on only when somebody waits for it."""

    def __init__(self) -> None:
        self.now_s = BEGIN_S

    def __call__(self) -> float:
        return self.now_s


class Window:
    """Keeps what is on the glass; ``broken`` names the calls that raise."""

    size_px, aspect = (1024, 768), 4 / 3

    def __init__(self, refresh_hz: float | None = None) -> None:
        self.refresh_hz = refresh_hz
        self.has_keys = True
        self.asked_for_keys = 0
        self.broken: set[str] = set()
        self.back: tuple[Shape, ...] = ()
        self.glass: tuple[Shape, ...] = ()
        self.flips = 0
        self.keys: tuple[Press | str, ...] = ()
        self.saved: list[Path] = []
        self.prepared: set[str] = set()

    def draw(self, shapes: tuple[Shape, ...]) -> None:
        if "words" in self.broken and any(isinstance(shape, Text) for shape in shapes):
            raise RuntimeError("no font")
        if "draw" in self.broken:
            raise RuntimeError("the graphics card is gone")
        self.back = shapes

    def flip(self) -> None:
        if "flip" in self.broken:
            raise RuntimeError("the screen is gone")
        self.glass, self.flips = self.back, self.flips + 1

    def presses(self, now_s: float) -> tuple[Press, ...]:
        if "presses" in self.broken:
            raise RuntimeError("the keyboard is gone")
        keys, self.keys = self.keys, ()
        return tuple(Press(key) if isinstance(key, str) else key for key in keys)

    def take_keys(self) -> None:
        self.asked_for_keys += 1

    def prepare(self, images: Iterable[str]) -> None:
        if "prepare" in self.broken:
            raise RuntimeError("no such picture")
        self.prepared |= set(images)

    def screenshot(self, path: Path) -> None:
        self.saved.append(path)


class Stream:
    """Both ends of the wire: what was put in ``coming`` is heard at once, else the wait passes."""

    def __init__(self, time: Time) -> None:
        self.broken: set[str] = set()
        self.coming: list[Envelope] = []
        self.said: list[FromDisplay] = []
        self.last_heard_s: float | None = None
        self.offset: tuple[float, float] | None = None
        self.at_once = 1_000  # messages in one answer
        self.delay_s = 0.0  # how long each takes
        self._time = time

    def receive(self, timeout_s: float) -> tuple[Envelope, ...]:
        if "receive" in self.broken:
            raise RuntimeError("no network")
        if not self.coming:
            self._time.now_s += timeout_s
            return ()
        self._time.now_s += min(self.delay_s, timeout_s)
        heard, self.coming = tuple(self.coming[: self.at_once]), self.coming[self.at_once :]
        return heard

    def send(self, message: FromDisplay) -> None:
        if "send" in self.broken:
            raise RuntimeError("no way back")
        self.said.append(message)

    def poll(self) -> None:
        if "poll" in self.broken:
            raise RuntimeError("no way back")

    def clock_offset(self) -> tuple[float, float] | None:
        return self.offset


class Box:
    """The scanner's trigger and the buttons: times in ``coming`` and presses in ``pressed`` are read once."""

    def __init__(self) -> None:
        self.kind, self.problem = "none", ""
        self.coming: list[float] = []
        self.pressed: list[tuple[str, float]] = []
        self.settings: list[TriggerSettings] = []

    @property
    def problems(self) -> tuple[str, ...]:
        return (self.problem,) if self.problem else ()

    def listen_to(self, trigger: TriggerSettings, buttons: ButtonSettings) -> None:
        self.kind = trigger.kind
        self.settings.append(trigger)

    def pulses(self) -> tuple[float, ...]:
        times_s, self.coming = tuple(self.coming), []
        return times_s

    def presses(self) -> tuple[tuple[str, float], ...]:
        pressed, self.pressed = tuple(self.pressed), []
        return pressed


class Voice:
    """Keeps which sounds were asked for."""

    def __init__(self) -> None:
        self.problem = ""
        self.played: list[Cue] = []
        self.tried = 0

    def play(self, cue: Cue) -> None:
        self.played.append(cue)

    def try_card(self) -> None:
        self.tried += 1


class Bench:
    """A loop and everything around it."""

    def __init__(self, *, exit_at_end: bool = False, album: Album | None = None, here: Here | None = None) -> None:
        self.time = Time()
        self.window, self.stream, self.stop = Window(), Stream(self.time), threading.Event()
        self.box, self.voice = Box(), Voice()
        ends = Ends(self.window, self.stream, self.stream, self.box, self.voice, GlassLog(None), album or Album(None))
        self.loop = Loop(DisplayState("d"), ends, here or Here(), self.time, self.stop, exit_at_end=exit_at_end)

    def frames(self, count: int) -> None:
        for _ in range(count):
            self.loop.frame()

    def in_regulation(self) -> Bench:
        self.stream.coming = [envelope(run_start()), *(envelope(volume(index, 0.5)) for index in range(15))]
        self.frames(60)
        return self

    def shown(self) -> list[Shown]:
        return [message for message in self.stream.said if isinstance(message, Shown)]

    def reports(self) -> list[DisplayReport]:
        return [message for message in self.stream.said if isinstance(message, DisplayReport)]


class Elapsing(threading.Event):
    """Waiting for it lets the bench's time pass."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def wait(self, timeout: float | None = None) -> bool:
        self._time.now_s += timeout or 0.0
        return False
