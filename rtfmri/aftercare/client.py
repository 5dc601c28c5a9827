"""Aftercare as the engine sees it: a process of its own, to which notices are thrown and from which messages come back.

No call waits for the process but leaving the context. Two threads stand between: one writes what was put into an unbounded queue of
small notices, one reads messages and hands them to ``deliver``. If the process dies exactly one fault is delivered and all further calls do
nothing. After ``finish`` nothing is delivered any more: the run's journal is closed; the process catches up, writes the maps and ends by
itself, even when the engine has ended before.

The process is started by name (``__main__.py``) rather than by multiprocessing: it must outlive the engine after ``finish``, end with
it before, and never import the engine's own main module.
"""

from __future__ import annotations

import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable
from types import TracebackType

from rtfmri.aftercare.frames import read_frame, write_frame
from rtfmri.aftercare.inbox import FINISH, Item
from rtfmri.aftercare.job import AftercareJob, Notice
from rtfmri.aftercare.stopping import STOPPED, stopped
from rtfmri.messages import Fault, Picture, Quality

FLUSH_S = 10.0  # for notices that are still on their way when the engine ends
END_S = 5.0  # for a process that was not finished to end by itself

Deliver = Callable[[Picture | Quality | Fault], None]


class Aftercare:
    """One run's. ``with Aftercare(deliver) as care`` starts the process, which compiles its kernels meanwhile.

    ``deliver`` is called from a thread, one message at a time.
    """

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._delivering = threading.Lock()
        self._begun = self._dead = self._finished = self._silent = False
        self._process: subprocess.Popen[bytes] | None = None
        self._feeder = threading.Thread(target=self._feed, name="aftercare feeder", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="aftercare listener", daemon=True)

    def __enter__(self) -> Aftercare:
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "rtfmri.aftercare"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C at the terminal is not for it
            )
        except OSError as error:  # the run goes on without
            self._dead = True
            self._tell(stopped(str(error)))
            return self
        self._feeder.start()
        self._listener.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let a finished process go on alone, as soon as it has all notices; end any other."""
        self._silence()
        self._queue.put(None)
        if self._process is None:
            return
        if self._finished:
            self._feeder.join(FLUSH_S)
        else:
            self._end(self._process)

    def begin(self, job: AftercareJob) -> None:
        """The run has its reference; notices before this are not for the map and are dropped."""
        self._begun = True
        self._put(job)

    def volume(self, notice: Notice) -> None:
        if self._begun:
            self._put(notice)

    def finish(self) -> None:
        """No more notices, and no more messages."""
        self._silence()
        self._put(FINISH)
        self._finished = True

    def wait(self, timeout_s: float) -> bool:
        """Whether the process has ended, which after ``finish`` means that the maps are written."""
        if self._process is not None:
            self._listener.join(timeout_s)
        return not self._listener.is_alive()

    def maps(self, timeout_s: float) -> bool | None:
        """After ``finish``, waiting so long at most: whether the maps are written whole; None while they are not finished."""
        if not self.wait(timeout_s):
            return None
        return self._process is not None and self._process.returncode == 0

    def _put(self, item: Item) -> None:
        if not self._dead and not self._finished:
            self._queue.put(item)

    def _silence(self) -> None:
        with self._delivering:
            self._silent = True

    def _tell(self, message: Picture | Quality | Fault) -> None:
        with self._delivering:
            if not self._silent:
                self._deliver(message)

    def _feed(self) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            with self._process.stdin as pipe:
                while (item := self._queue.get()) is not None:
                    write_frame(pipe, pickle.dumps(item))
                    if item == FINISH:
                        return
        except OSError:
            return  # the process is gone: the listener tells

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        told = False
        with self._process.stdout as pipe:
            while (frame := read_frame(pipe)) is not None:
                message = pickle.loads(frame)
                told = told or getattr(message, "code", "") == STOPPED
                self._tell(message)
        self._dead = True
        if not told:
            self._tell(stopped())
        self._queue.put(None)
        self._process.wait()

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """The process ends when its input closes; if it does not, it is killed."""
        self._feeder.join(END_S)
        try:
            process.wait(0.0 if self._feeder.is_alive() else END_S)
        except subprocess.TimeoutExpired:
            process.kill()
        self._listener.join(END_S)
