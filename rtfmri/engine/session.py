"""A session: idle between runs, open to the operator's word; each arm opens one run, which the loop conducts to its single run_stop.

Everything that happens reaches the main thread through the inbox; the loop wakes on it or on a deadline of the run, never on a sleep.
Parts are handed in, so the command line is the only place where they are wired.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from rtfmri.engine.inbox import Inbox
from rtfmri.engine.interrupts import Interrupts
from rtfmri.engine.opening import Deliver, Opened
from rtfmri.engine.run import Run
from rtfmri.errors import StudyError
from rtfmri.messages import DisplayReport, Entities, Operator, RunStop
from rtfmri.stream.control import Command, Reply, SessionInfo

ANSWER_WITHIN_S = 60.0  # arming compiles kernels the first time
IDLE = "No run is armed; `rtfmri arm --sub 07` opens one."
IDLE_CARD = "The set-up card is shown from here once a run is armed; before that, press F1 at the stimulus computer."


@dataclass(frozen=True)
class Asked:
    """A command that waits for its answer."""

    command: Command
    answer: Future[Reply] = field(default_factory=Future)


@dataclass(frozen=True)
class Parts:
    """What a session is made of.

    info : what it was started with.
    displays : the newest report of each display that is there; from any thread.
    propose : the entities that an arm command means; the next free run number where it names none. From any thread.
    open_run : entities -> a run with its files open (context manager).
    open_source : (how to deliver, the run) -> the acquisition of that run (context manager).
    announce : makes the run the one that is published.
    finish : called with each run after it has ended; must not block.
    """

    info: SessionInfo
    displays: Callable[[], tuple[DisplayReport, ...]]
    propose: Callable[[Command], Entities]
    open_run: Callable[[Entities], AbstractContextManager[Opened]]
    open_source: Callable[[Deliver, Opened], AbstractContextManager[object]]
    announce: Callable[[Opened], None]
    finish: Callable[[Opened], None]


class Session:
    """Serves one run after another until it is told to end."""

    def __init__(self, parts: Parts, inbox: Inbox, interrupts: Interrupts) -> None:
        self._parts, self._inbox, self._interrupts = parts, inbox, interrupts
        self._run: Run | None = None
        self.last: RunStop | None = None

    def ask(self, command: Command) -> Reply:
        """Called on the control socket's thread: what is only asked is answered there, what is to be done by the main thread.

        Raises
        ------
        StudyError : what is proposed could not be armed.
        """
        if command.action == "status":
            return self._status()
        if command.action == "propose":
            return self._proposed(command)
        asked = Asked(command)
        self._inbox.put_operator(asked)
        try:
            return asked.answer.result(timeout=ANSWER_WITHIN_S)
        except TimeoutError:
            return Reply(ok=False, text="The session is busy and did not answer; try again.")

    def _status(self) -> Reply:
        reply = _state_of(self._run)
        return reply.model_copy(update={"session": self._parts.info, "displays": self._parts.displays()})

    def _proposed(self, command: Command) -> Reply:
        """What arm would open; while a run goes on, after it."""
        run, entities = self._run, self._parts.propose(command)
        if run is not None and run.armed.entities == entities:
            entities = entities.model_copy(update={"run": entities.run + 1})
        return Reply(ok=True, text=f"The next run is {entities.label}.", state=_state_of(run).state, label=entities.label)

    def serve(self, first: Entities | None, once: bool) -> None:
        """Arm ``first`` at once where it is given; then wait for the operator. ``once``: end after one run.

        Raises
        ------
        StudyError : ``first`` cannot be armed. Later ones are answered to whoever asked.
        """
        if first is not None:
            self._conduct(first, lambda reply: None)
            if once:
                return
        while True:
            item = self._next(None)
            if isinstance(item, Asked):
                self._answer_idle(item)
                if once and self.last is not None:
                    return

    def _next(self, timeout_s: float | None) -> Any:
        """The only place where a signal may end the session."""
        with self._interrupts.waiting():
            return self._inbox.get(timeout_s)

    def _answer_idle(self, asked: Asked) -> None:
        if asked.command.action != "arm":
            text = IDLE_CARD if asked.command.action in ("card", "uncard") else IDLE
            asked.answer.set_result(Reply(ok=False, text=text, state="idle"))
            return
        try:
            self._conduct(self._parts.propose(asked.command), asked.answer.set_result)
        except StudyError as error:
            if asked.answer.done():
                raise
            asked.answer.set_result(Reply(ok=False, text=str(error)))

    def _conduct(self, entities: Entities, armed: Callable[[Reply], None]) -> None:
        """One run, from its opening to its run_stop and the completion of its record."""
        with self._parts.open_run(entities) as opened:
            self._run = opened.run
            self._parts.announce(opened)
            try:
                self._serve_run(opened, armed)
            finally:
                opened.run.fail("the session ended unexpectedly")  # does nothing to a run that has ended
                self._run, self.last = None, opened.run.stop
                opened.close()
                self._parts.finish(opened)

    def _serve_run(self, opened: Opened, armed: Callable[[Reply], None]) -> None:
        self._inbox.open_source()
        try:
            with self._parts.open_source(self._inbox.put_source, opened):
                opened.run.open(opened.resumed)
                armed(Reply(ok=True, text=f"{opened.run.armed.entities.label} is armed."))
                self._loop(opened.run)
                self._inbox.close_source()
        except KeyboardInterrupt:
            opened.run.interrupt("stopped from the keyboard")
            raise
        finally:
            self._inbox.close_source()

    def _loop(self, run: Run) -> None:
        while not run.ended:
            try:
                item = self._next(run.wait_s())
            except queue.Empty:
                run.tick()
                continue
            if isinstance(item, Asked):
                item.answer.set_result(_tell(run, item.command))
            else:
                run.take(item)
            run.tick()


def _state_of(run: Run | None) -> Reply:
    if run is None:
        return Reply(ok=True, text="No run is armed.", state="idle")
    label = run.armed.entities.label
    return Reply(ok=True, text=f"{label} is {run.state.value}; {run.volumes_done} volumes so far.", state=run.state.value, label=label)


def _tell(run: Run, command: Command) -> Reply:
    """Give the operator's word to a run that is armed or running."""
    if command.action == "arm":
        return Reply(ok=False, text=f"{run.armed.entities.label} is not over; stop it first.")
    run.take(Operator.model_validate({"action": command.action, "note": command.note or ""}))
    return Reply(ok=True, text=f"{command.action}: done.")
