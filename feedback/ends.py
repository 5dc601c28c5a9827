"""What the loop needs of the world around it: six narrow ends, so that tests can break each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from feedback.cues import Cue
from feedback.keyboard import Press
from feedback.log import Album, GlassLog
from feedback.shapes import Shape
from rtfmri.messages import ButtonSettings, Envelope, FromDisplay, TriggerSettings


class Glass(Protocol):
    """The window (``psychopy_window.py``)."""

    @property
    def size_px(self) -> tuple[int, int]: ...
    @property
    def refresh_hz(self) -> float | None: ...
    @property
    def aspect(self) -> float: ...
    @property
    def has_keys(self) -> bool: ...
    def draw(self, shapes: tuple[Shape, ...]) -> None: ...
    def flip(self) -> None: ...
    def presses(self, now_s: float) -> tuple[Press, ...]: ...
    def take_keys(self) -> None: ...
    def prepare(self, images: Iterable[str]) -> None: ...
    def screenshot(self, path: Path) -> None: ...


class Ear(Protocol):
    """The stream (``rtfmri.stream.subscriber.Subscriber``)."""

    @property
    def last_heard_s(self) -> float | None: ...
    def receive(self, timeout_s: float) -> tuple[Envelope, ...]: ...


class Mouth(Protocol):
    """The way back (``rtfmri.stream.returns.ReturnsClient``)."""

    def send(self, message: FromDisplay) -> None: ...
    def poll(self) -> None: ...
    def clock_offset(self) -> tuple[float, float] | None: ...


class Devices(Protocol):
    """The scanner's trigger and the participant's serial buttons (``devices.py``)."""

    @property
    def kind(self) -> str: ...
    @property
    def problems(self) -> tuple[str, ...]: ...
    def listen_to(self, trigger: TriggerSettings, buttons: ButtonSettings) -> None: ...
    def pulses(self) -> tuple[float, ...]: ...
    def presses(self) -> tuple[tuple[str, float], ...]: ...


class Voice(Protocol):
    """Soft sounds (``sound.py``)."""

    @property
    def problem(self) -> str: ...
    def play(self, cue: Cue) -> None: ...
    def try_card(self) -> None: ...


@dataclass(frozen=True)
class Ends:
    glass: Glass
    ear: Ear
    mouth: Mouth
    devices: Devices
    voice: Voice
    log: GlassLog
    album: Album
