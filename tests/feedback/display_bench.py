"""A loop on the bench: a window, a stream and a clock that do what a test says, and break when it says so."""

from __future__ import annotations

import threading
from pathlib import Path

from display_parts import BEGIN_S, envelope, run_start, volume

from feedback.log import Album, GlassLog
from feedback.loop import Loop
from feedback.shapes import Shape, Text
from feedback.state import DisplayState
from rtfmri.messages import BlockInfo, Envelope, Pause, Rating, Shown

LONG = (BlockInfo(name="self_compassion", onset_s=0.0, duration_s=1_000.0, role="regulate"),)


class Time:
    """A clock that goes on only when somebody waits for it."""

    def __init__(self) -> None:
        self.now_s = BEGIN_S

    def __call__(self) -> float:
        return self.now_s


class Window:
    """Keeps what is on the glass; ``broken`` names the calls that raise."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.back: tuple[Shape, ...] = ()
        self.glass: tuple[Shape, ...] = ()
        self.flips = 0
        self.keys: tuple[str, ...] = ()
        self.saved: list[Path] = []

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

    def pressed(self) -> tuple[str, ...]:
        if "pressed" in self.broken:
            raise RuntimeError("the keyboard is gone")
        keys, self.keys = self.keys, ()
        return keys

    def screenshot(self, path: Path) -> None:
        self.saved.append(path)


class Stream:
    """Both ends of the wire: what was put in ``coming`` is heard at once, else the wait passes."""

    def __init__(self, time: Time) -> None:
        self.broken: set[str] = set()
        self.coming: list[Envelope] = []
        self.said: list[Shown | Rating | Pause] = []
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

    def send(self, message: Shown | Rating | Pause) -> None:
        if "send" in self.broken:
            raise RuntimeError("no way back")
        self.said.append(message)

    def poll(self) -> None:
        if "poll" in self.broken:
            raise RuntimeError("no way back")

    def clock_offset(self) -> tuple[float, float] | None:
        return self.offset


class Bench:
    """A loop and everything around it."""

    def __init__(self, *, exit_at_end: bool = False, album: Album | None = None) -> None:
        self.time = Time()
        self.window, self.stream, self.stop = Window(), Stream(self.time), threading.Event()
        parts = (self.window, self.stream, self.stream, GlassLog(None), album or Album(None))
        self.loop = Loop(DisplayState("d"), *parts, exit_at_end=exit_at_end, stop=self.stop, clock=self.time)

    def frames(self, count: int) -> None:
        for _ in range(count):
            self.loop.frame()

    def in_regulation(self) -> Bench:
        self.stream.coming = [envelope(run_start()), *(envelope(volume(index, 0.5)) for index in range(15))]
        self.frames(60)
        return self

    def shown(self) -> list[Shown]:
        return [message for message in self.stream.said if isinstance(message, Shown)]


class Elapsing(threading.Event):
    """Waiting for it lets the bench's time pass."""

    def __init__(self, time: Time) -> None:
        super().__init__()
        self._time = time

    def wait(self, timeout: float | None = None) -> bool:
        self._time.now_s += timeout or 0.0
        return False
