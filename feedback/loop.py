"""The loop: receive -> state -> scene -> draw -> flip -> shown, at most 60 times a second.

The rule: whatever goes wrong in here, the participant sees a calm shape. Each part of a frame is guarded by itself: what it raised is
told to the operator (stderr, log) once for each place it came from, and the frame goes on; a picture that cannot be drawn becomes the
neutral circle. The wait for the next frame is spent listening, so a message wakes it.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from feedback.log import Album, GlassLog, shown
from feedback.look import Look
from feedback.scene import circle, scene
from feedback.shapes import Shape, flipped
from feedback.state import DisplayState, Outgoing, look, on_key, on_message, on_tick
from rtfmri.messages import Envelope, Flip, FromDisplay

FRAME_S = 1.0 / 60.0
LINGER_S = 4.0  # how long the thanks stay when the display ends with the run
BURST = 10  # more messages at once than this are the run so far, in parts: the next part is on its way
BURST_GAP_S = 0.1
CATCH_UP_S = 1.0
NEUTRAL = Look("block")
TRUSTED_ERROR_S = 0.1  # a clock offset known worse than that does not decide what is new


class Glass(Protocol):
    """What the loop needs of a window."""

    def draw(self, shapes: tuple[Shape, ...]) -> None: ...
    def flip(self) -> None: ...
    def pressed(self) -> tuple[str, ...]: ...
    def screenshot(self, path: Path) -> None: ...


class Ear(Protocol):
    """What it needs of the stream (``rtfmri.stream.subscriber.Subscriber``)."""

    def receive(self, timeout_s: float) -> tuple[Envelope, ...]: ...


class Mouth(Protocol):
    """What it needs of the way back (``rtfmri.stream.returns.ReturnsClient``)."""

    def send(self, message: FromDisplay) -> None: ...
    def poll(self) -> None: ...
    def clock_offset(self) -> tuple[float, float] | None: ...


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never step, whatever is done to the computer's clock meanwhile."""
    began_s = time.time() - time.monotonic()
    return lambda: began_s + time.monotonic()


class Loop:
    """One display from its first frame to its last.

    Parameters
    ----------
    state : the first state.
    flip : how the picture is turned; None takes what the run says.
    stop : set by a signal, ends the loop.
    exit_at_end : end a few seconds after the run.
    clock : unix seconds that never step back, the same that ``mouth`` measures its offset against.
    """

    def __init__(
        self,
        state: DisplayState,
        glass: Glass,
        ear: Ear,
        mouth: Mouth,
        log: GlassLog,
        album: Album,
        *,
        flip: Flip | None = None,
        exit_at_end: bool = False,
        stop: threading.Event | None = None,
        clock: Callable[[], float],
    ) -> None:
        self.state = state
        self._glass, self._ear, self._mouth, self._log, self._album = glass, ear, mouth, log, album
        self._flip, self._exit_at_end = flip, exit_at_end
        self._stop = stop or threading.Event()
        self._clock = clock
        self._next_flip_s = self._clock()
        self._ended_s: float | None = None
        self._logged: tuple[object, ...] | None = None
        self._told: set[str] = set()

    def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Frames until the operator, a signal or the run's end; ``ready`` is called after the first."""
        self.frame()
        self._guarded(ready)
        while not self.over:
            self.frame()

    @property
    def over(self) -> bool:
        thanked = self._exit_at_end and self._ended_s is not None and self._clock() - self._ended_s >= LINGER_S
        return self._stop.is_set() or self.state.quit or thanked

    def frame(self) -> None:
        """Listen until the frame is due, then draw it and say what it was."""
        self._guarded(self._listen)
        self._stop.wait(max(0.0, self._next_flip_s - self._clock()))  # only when listening failed
        self._guarded(self._read_keys)
        self._guarded(self._tick)
        on_glass = self._draw()
        flipped_it = self._guarded(self._glass.flip)
        flip_s = self._clock()
        self._next_flip_s = max(self._next_flip_s + FRAME_S, flip_s)
        if on_glass is not None and flipped_it:
            self._guarded(lambda: self._report(on_glass, flip_s))
        self._guarded(self._mouth.poll)

    def _listen(self) -> None:
        """Every message until the frame is due, and the run so far to its end: a display that joins late shows nothing of the past."""
        latest_s = max(self._next_flip_s, self._clock() + CATCH_UP_S)
        due_s, more = self._next_flip_s, True
        while more and not self._stop.is_set():
            heard = self._ear.receive(max(0.0, due_s - self._clock()))
            for envelope in heard:
                self._step(on_message, envelope, self._clock(), self._sent_s(envelope))
            if len(heard) > BURST:
                due_s = min(self._clock() + BURST_GAP_S, latest_s)
            more = self._clock() < due_s

    def _read_keys(self) -> None:
        for key in self._glass.pressed():
            self._step(on_key, key, self._clock())

    def _tick(self) -> None:
        self._step(on_tick, self._clock())
        if not self.state.ended:
            self._ended_s = None
        elif self._ended_s is None:
            self._ended_s = self.state.now_s

    def _step(self, step: Callable[..., tuple[DisplayState, Outgoing]], *what: object) -> None:
        """The next state, all of it or nothing, and what it says to the engine."""

        def take() -> None:
            self.state, outgoing = step(self.state, *what)
            for message in outgoing:
                self._mouth.send(message)

        self._guarded(take)

    def _draw(self) -> Look | None:
        """Draw the state, or the neutral circle where that fails. What was drawn; None when nothing could be."""
        if self._guarded(lambda: self._glass.draw(flipped(scene(self.state), self._turn()))):
            self._guarded(self._keep_picture)
            return look(self.state)
        neutral = DisplayState(self.state.display, now_s=self.state.now_s)
        return NEUTRAL if self._guarded(lambda: self._glass.draw(circle(neutral))) else None

    def _keep_picture(self) -> None:
        path = self._album.due(look(self.state), self.state.now_s)
        if path is not None:
            self._glass.screenshot(path)

    def _turn(self) -> Flip:
        if self._flip is not None or self.state.run is None:
            return self._flip or "none"
        return self.state.run.display.flip

    def _report(self, on_glass: Look, flip_s: float) -> None:
        change = _change(on_glass)
        if change == self._logged:
            return
        self._logged = change
        message = shown(self.state.display, on_glass, flip_s, self._mouth.clock_offset())
        try:
            self._log.write(message, on_glass)
        finally:
            self._mouth.send(message)

    def _sent_s(self, envelope: Envelope) -> float | None:
        """When the engine sent it, on our clock."""
        offset = self._mouth.clock_offset()
        return envelope.sent_unix_s - offset[0] if offset is not None and offset[1] <= TRUSTED_ERROR_S else None

    def _guarded(self, part: Callable[[], None]) -> bool:
        """Whether ``part`` did not raise."""
        try:
            part()
        except Exception as error:  # the participant's screen outlives every bug of ours
            self._tell(error)
            return False
        return True

    def _tell(self, error: Exception) -> None:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        place = f"{type(error).__name__} {traceback.extract_tb(error.__traceback__)[-1]}"
        if place in self._told:
            return
        self._told.add(place)
        with suppress(OSError):  # the terminal may be gone
            print(f"The display goes on after an error of its own:\n{text}", file=sys.stderr, flush=True)
        with suppress(OSError):  # the log may be what failed
            self._log.fault(text, self._clock())


def _change(on_glass: Look) -> tuple[object, ...]:
    """Flips that have the same are the same to the participant, easing and idle motion aside."""
    return (on_glass.kind, on_glass.number, on_glass.value_state, on_glass.value, on_glass.index, on_glass.resting, on_glass.own_pause)
