"""The loop: message, key, button, pulse, tick -> state -> scene -> flip -> shown, at most 60 times a second.

The rule: whatever goes wrong in here, the participant sees a calm shape. Each part of a frame is guarded by itself: what it raised is
told to the operator (terminal, log, report) once for each place it came from, and the frame goes on; a picture that cannot be drawn becomes
the neutral circle. The wait for the next frame is spent listening, so a message wakes it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from feedback.cues import cue
from feedback.ends import Ends
from feedback.guard import Guard
from feedback.here import Here
from feedback.log import shown
from feedback.look import Look
from feedback.pace import Pace
from feedback.reporting import Reporter, report
from feedback.scene import calm, picture
from feedback.shapes import Shape, flipped
from feedback.state import DisplayState, Outgoing, look, on_button, on_key, on_message, on_pulse, on_tick
from rtfmri.messages import Envelope, Flip, RunStart

LINGER_S = 4.0  # how long the thanks stay when the display ends with the run
BURST = 10  # more messages at once than this are the run so far, in parts: the next part is on its way
BURST_GAP_S = 0.1
CATCH_UP_S = 1.0
CONNECTED_S = 3.0  # an engine that was heard so lately is there
NEUTRAL = Look("block")
STILL = ("idle", "card", "blank", "ended")  # half the frames are enough there
DEAF_S = 1.0  # a trigger's key that the trigger's own queue did not tell of, as it does at once, is read from the window
TRUSTED_ERROR_S = 0.1  # a clock offset known worse than that does not decide what is new
NO_KEYS = "The participant's window does not have the keyboard: click on it, else no button is heard."


def steady_clock() -> Callable[[], float]:
    """Unix seconds that never step, whatever is done to the computer's clock meanwhile."""
    began_s = time.time() - time.monotonic()
    return lambda: began_s + time.monotonic()


class Loop:
    """One display from its first frame to its last.

    Parameters
    ----------
    state : the first state.
    ends : window, stream, way back, trigger and buttons, sound, log.
    here : what the command line says instead of the study.
    clock : unix seconds that never step back, the same that ``ends.mouth`` measures its offset against.
    stop : set by a signal, ends the loop.
    exit_at_end : end a few seconds after the run.
    """

    def __init__(
        self,
        state: DisplayState,
        ends: Ends,
        here: Here,
        clock: Callable[[], float],
        stop: threading.Event,
        *,
        exit_at_end: bool = False,
    ) -> None:
        self.state = state
        self._ends, self._here, self._clock, self._stop, self._exit_at_end = ends, here, clock, stop, exit_at_end
        self._pace = Pace(clock(), ends.glass.refresh_hz)
        self._guard = Guard(lambda text: ends.log.fault(text, clock()))
        self._reporter = Reporter()
        self._problems: tuple[str, ...] = ()  # of this run on this computer
        self._view_problem = ""
        self._pulse_s = float("-inf")  # the last one by the trigger's own clock
        self._ended_s: float | None = None
        self._logged: tuple[object, ...] | None = None

    def run(self, ready: Callable[[], None] = lambda: None, alive: Callable[[], None] = lambda: None) -> None:
        """Frames until the operator, a signal or the run's end; ``ready`` is called after the first, ``alive`` after each."""
        self.frame()
        self._guard(ready)
        while not self.over:
            self.frame()
            self._guard(alive)

    @property
    def over(self) -> bool:
        thanked = self._exit_at_end and self._ended_s is not None and self._clock() - self._ended_s >= LINGER_S
        return self._stop.is_set() or self.state.quit or thanked

    def frame(self) -> None:
        """Listen until the frame is due, then draw it and say what it was."""
        self._guard(self._listen)
        self._stop.wait(max(0.0, self._pace.due_s - self._clock()))  # only when listening failed
        before = self.state
        self._guard(self._read_pulses)
        self._guard(self._read_keys)
        self._guard(self._read_buttons)
        self._tick()
        self._guard(lambda: self._sound(before))
        began_s = self._clock()
        on_glass = self._draw()
        drawn_s = self._clock()
        flipped_it = self._guard(self._ends.glass.flip)
        flip_s = self._clock()
        self._pace = self._pace.flipped(began_s, drawn_s, flip_s, quiet=on_glass is not None and on_glass.kind in STILL)
        if on_glass is not None and flipped_it:
            self._guard(lambda: self._log(on_glass, flip_s))
        self._guard(self._report)
        self._guard(self._ends.mouth.poll)

    def _listen(self) -> None:
        """Every message until the frame is due, and the run so far to its end: a display that joins late shows nothing of the past."""
        latest_s = max(self._pace.due_s, self._clock() + CATCH_UP_S)
        due_s, more = self._pace.due_s, True
        while more and not self._stop.is_set():
            heard = self._ends.ear.receive(max(0.0, due_s - self._clock()))
            for envelope in heard:
                self._hear(envelope)
            if heard:
                self._pace = self._pace.hurried()
                due_s = min(due_s, self._pace.due_s)
            if len(heard) > BURST:
                due_s = min(self._clock() + BURST_GAP_S, latest_s)
            more = self._clock() < due_s

    def _hear(self, envelope: Envelope) -> None:
        message = envelope.message
        if isinstance(message, RunStart):
            self._guard(lambda: self._begin(envelope, message))
        else:
            self._step(on_message, envelope, self._clock(), self._sent_s(envelope))

    def _begin(self, envelope: Envelope, run: RunStart) -> None:
        """Ready at arm: pictures loaded, trigger, buttons and sound opened, the keyboard ours."""
        fitted, self._problems = self._here.fitted(run, self._ends.glass.aspect)
        self._step(on_message, envelope.model_copy(update={"message": fitted}), self._clock(), self._sent_s(envelope))
        self._guard(lambda: self._ends.devices.listen_to(fitted.display.trigger, fitted.display.buttons))
        self._guard(lambda: self._ends.glass.prepare({trial.image for trial in fitted.display.trials if trial.image}))
        self._guard(self._ends.glass.take_keys)
        if fitted.display.cues:
            self._guard(self._ends.voice.try_card)

    def _read_keys(self) -> None:
        trigger = None if self.state.run is None else self.state.run.display.trigger
        for press in self._ends.glass.presses(self._clock()):
            if trigger is not None and trigger.kind == "keyboard" and press.key == trigger.key:
                if not press.repeated and self._clock() - self._pulse_s > DEAF_S:
                    self._step(on_pulse, self._clock())
            else:
                self._step(on_key, press.key, self._clock(), press.repeated)

    def _read_buttons(self) -> None:
        for button, pressed_s in self._ends.devices.presses():
            self._step(on_button, button, pressed_s)

    def _read_pulses(self) -> None:
        for pulse_s in self._ends.devices.pulses():
            self._pulse_s = pulse_s
            self._step(on_pulse, pulse_s)

    def _tick(self) -> None:
        self._step(on_tick, self._clock())
        if not self.state.ended:
            self._ended_s = None
        elif self._ended_s is None:
            self._ended_s = self.state.now_s

    def _sound(self, before: DisplayState) -> None:
        due = cue(before, self.state)
        if due is not None:
            self._ends.voice.play(due)

    def _step(self, step: Callable[..., tuple[DisplayState, Outgoing]], *what: object) -> None:
        """The next state, all of it or nothing, and what it says to the engine."""

        def take() -> None:
            self.state, outgoing = step(self.state, *what)
            for message in outgoing:
                self._ends.mouth.send(message)

        self._guard(take)

    def _draw(self) -> Look | None:
        """Draw the state, or the neutral circle where that fails. What was drawn; None when nothing could be."""
        glass = self._ends.glass
        if self._guard(lambda: glass.draw(flipped(self._shapes(), self._turn()))):
            self._guard(self._keep_picture)
            return look(self.state)
        return NEUTRAL if self._guard(lambda: glass.draw(calm(self.state.now_s, glass.aspect))) else None

    def _shapes(self) -> tuple[Shape, ...]:
        seen = picture(self.state, self._ends.glass.aspect, self._here.views)
        self._view_problem = seen.problem or self._view_problem
        return seen.shapes

    def _keep_picture(self) -> None:
        path = self._ends.album.due(look(self.state), self.state.now_s)
        if path is not None:
            self._ends.glass.screenshot(path)

    def _turn(self) -> Flip:
        return self._here.flip or "none" if self.state.run is None else self.state.run.display.flip

    def _log(self, on_glass: Look, flip_s: float) -> None:
        change = _change(on_glass, self.state)
        if change == self._logged:
            return
        self._logged = change
        message = shown(self.state.display, on_glass, flip_s, self._ends.mouth.clock_offset(), self.state.zero_s)
        try:
            self._ends.log.write(message, on_glass)
        finally:
            self._ends.mouth.send(message)

    def _report(self) -> None:
        ends = self._ends
        lost = NO_KEYS if self._wants_keys() and not ends.glass.has_keys else ""
        own = (*self._problems, self._view_problem, lost, *ends.devices.problems, ends.voice.problem, *self._guard.problems)
        problems = tuple(problem for problem in own if problem)
        told = report(self.state, self._pace, ends.glass, ends.devices.kind, problems, ends.mouth.clock_offset(), self._clock())
        if self._reporter.due(told, self._connected()):
            ends.mouth.send(told)

    def _wants_keys(self) -> bool:
        """Whether the participant's buttons are keys."""
        return self.state.run is not None and (self.state.buttons.kind == "keyboard" or bool(self.state.pause_keys))

    def _connected(self) -> bool:
        """``last_heard_s`` is by the ear's own clock."""
        heard_s = self._ends.ear.last_heard_s
        return heard_s is not None and time.monotonic() - heard_s < CONNECTED_S

    def _sent_s(self, envelope: Envelope) -> float | None:
        """When the engine sent it, on our clock."""
        offset = self._ends.mouth.clock_offset()
        return envelope.sent_unix_s - offset[0] if offset is not None and offset[1] <= TRUSTED_ERROR_S else None


def _change(on_glass: Look, state: DisplayState) -> tuple[object, ...]:
    """Flips that have the same are the same to the participant, easing and idle motion aside."""
    asked = None if on_glass.asked is None else (on_glass.asked.scale.name, on_glass.asked.answered)
    where = (on_glass.kind, on_glass.number, on_glass.trial, asked, on_glass.welcome, on_glass.own_pause, state.zero_from)
    return (*where, on_glass.value_state, on_glass.value, on_glass.index, on_glass.resting)
