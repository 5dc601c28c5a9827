"""``rtfmri preview``: a study's course on a display, quicker than in the scanner and with made-up values; nothing is recorded."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.table import Table

from rtfmri.cli.screen import screen
from rtfmri.cli.wiring import bar, ports_of
from rtfmri.errors import StudyError
from rtfmri.messages import DisplayReport, Envelope, Fault, FromDisplay, Pause, Rating
from rtfmri.simulate.preview import Course, Timed, course_of, preview
from rtfmri.stream.ports import Ports, free_base
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.returns_server import ReturnsServer
from rtfmri.study import load_unready_study

DISPLAY_WITHIN_S = 60.0
ENDS_WITHIN_S = 15.0  # a display that thanks for some seconds
LOOK_S = 0.05


def preview_study(study_file: Path, speed: float, port: int | None, display: bool) -> int:
    """0 when the course was shown to its end.

    Raises
    ------
    StudyError : the study holds mistakes, no screen can be opened, or the display ended before the course.
    """
    if not speed > 0:
        raise StudyError(f"--speed is a positive number such as 10, not {speed:g}.")
    study = load_unready_study(study_file)  # regions need not be prepared to look at a course
    course, console = course_of(study, speed), Console()
    ports = Ports("127.0.0.1", free_base()) if display and port is None else ports_of(study, port)
    timed = list(preview(course, f"preview_{uuid.uuid4().hex[:8]}", time.time()))
    _describe(course, timed[-1].at_s, console)
    said = _Said(console)
    with ExitStack() as stack:
        publisher = stack.enter_context(Publisher(ports))
        stack.enter_context(ReturnsServer(ports, said.put, said.put))
        process = _own_display(ports, course, console, stack) if display else None
        ended = _never if process is None else lambda: process.poll() is not None
        _await_listener(publisher, ports, ended, console)
        _publish(publisher, timed, said, ended)
        if process is not None:
            _leave(process)
    console.print("The preview is over; nothing was recorded.")
    return 0


def _describe(course: Course, lasts_s: float, console: Console) -> None:
    """What the author sees in the terminal: the course as it is in the scanner."""
    study, settings = course.study, course.study.display
    console.print(
        f"{study.study.name}: a run of kind {course.kind}, {settings.feedback} feedback, view {settings.view}, all values made up."
    )
    table = Table("block", "begins", "lasts", "role", box=None, pad_edge=False)
    for block in course.blocks:
        table.add_row(block.name, _clock(block.onset_s), f"{block.duration_s:g} s", block.role)
    console.print(table)
    for rating in study.rating:
        where = "after the last block" if rating.at_end else f"in {', '.join(rating.blocks)}"
        console.print(f"question {rating.name}: {where}, {rating.s:g} s to answer, {rating.low:g} to {rating.high:g}")
    if study.trial:
        console.print(f"{len(study.trial)} texts or pictures in {', '.join(dict.fromkeys(trial.block for trial in study.trial))}")
    console.print(
        f"{course.volumes} volumes of {course.tr_s:g} s, {_clock(course.duration_s)} in the scanner; at {course.speed:g} times the speed "
        f"{_clock(lasts_s)} here, with {course.speed:g} times less for each question."
    )


def _clock(seconds: float) -> str:
    """``7:05``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _own_display(ports: Ports, course: Course, console: Console, stack: ExitStack) -> subprocess.Popen[bytes]:
    environment, where = stack.enter_context(screen())
    console.print(f"The display opens {where}.")
    command = [sys.executable, "-m", "feedback", "--connect", ports.messages, "--windowed", "--size", "960x720", "--exit-at-end"]
    images = [trial.image.parent for trial in course.study.trial if trial.image is not None]
    command += ["--id", "preview", *(["--images", str(images[0])] if images else [])]  # a display takes one folder
    process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment))
    stack.callback(process.terminate)
    return process


def _await_listener(publisher: Publisher, ports: Ports, ended: Callable[[], bool], console: Console) -> None:
    """Until somebody listens, or a minute has passed: whoever comes later gets the course so far."""
    with console.status(f"waiting for a display: python -m feedback --connect {ports.messages}"):
        until_s = time.monotonic() + DISPLAY_WITHIN_S
        while publisher.listeners == 0 and time.monotonic() < until_s:
            if ended():
                raise StudyError("The display ended before the preview began; its own words stand above.")
            time.sleep(LOOK_S)


def _publish(publisher: Publisher, timed: list[Timed], said: _Said, ended: Callable[[], bool]) -> None:
    """Each message at its moment; absolute deadlines, so lateness does not add up. Ends early when the author closes the display."""
    start = timed[0].message
    assert start.kind == "run_start"
    publisher.open_run(start.run_uid)
    begin_s = time.monotonic()
    with bar(said.console) as progress:
        task = progress.add_task("preview", total=len(timed) - 2)
        for seq, each in enumerate(timed):
            while (left_s := begin_s + each.at_s - time.monotonic()) > 0:
                if ended():
                    return
                time.sleep(min(left_s, LOOK_S))
                said.tell()
            publisher.publish(Envelope(run_uid=start.run_uid, seq=seq, sent_unix_s=time.time(), message=each.message))
            progress.update(task, completed=min(seq, len(timed) - 2))


class _Said:
    """What displays say back, put by the returns' thread and told to the author by this one; each problem once."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._queue: SimpleQueue[FromDisplay | Fault] = SimpleQueue()
        self._told: set[str] = set()

    def put(self, message: FromDisplay | Fault) -> None:
        self._queue.put(message)

    def tell(self) -> None:
        while not self._queue.empty():
            message = self._queue.get()
            if isinstance(message, Rating):
                self.console.print(f"answer to {message.scale}: {'none' if message.value is None else format(message.value, 'g')}")
            elif isinstance(message, Pause):
                self.console.print("paused by the participant's button" if message.paused else "the pause has ended")
            for problem in self._problems(message):
                self.console.print(problem, style="yellow")

    def _problems(self, message: FromDisplay | Fault) -> list[str]:
        said = [message.text] if isinstance(message, Fault) else list(message.problems) if isinstance(message, DisplayReport) else []
        new = [problem for problem in said if problem not in self._told]
        self._told.update(new)
        return new


def _leave(process: subprocess.Popen[bytes]) -> None:
    """The display ends by itself after its thanks."""
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        return


def _never() -> bool:
    return False
