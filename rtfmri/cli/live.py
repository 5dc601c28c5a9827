"""``rtfmri run``: wire a live session and serve it."""

from __future__ import annotations

import multiprocessing
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from rtfmri.acquisition.live import LiveFolder
from rtfmri.cli.status import status_process
from rtfmri.cli.wiring import CLOCKS, finish_in_background, live_entities_of, ports_of, tell_rescued, terminate_as_interrupt
from rtfmri.engine.inbox import Inbox
from rtfmri.engine.opening import Deliver, Opened, opened
from rtfmri.engine.session import Parts, Session
from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.stream.control import Command, ControlServer
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.returns_server import ReturnsServer
from rtfmri.study import Study, load_study


def live_session(
    study_file: Path,
    watch: Path,
    sub: str | None,
    ses: str,
    run: int | None,
    out: Path,
    port: int | None,
    poll_s: float,
    once: bool,
    status: bool,
) -> int:
    """Serve until told to end; 0 when the last run was completed or stopped by the operator, else 1."""
    study = load_study(study_file)
    if not watch.is_dir():
        raise StudyError(f"The folder {watch} is not there; create it, or correct --watch.")
    first = None if sub is None else live_entities_of(study, out, sub, ses, run)
    ports = ports_of(study, port)
    finishing: list[multiprocessing.process.BaseProcess] = []
    inbox = Inbox()
    with ExitStack() as stack:
        stack.callback(_join_all, finishing)
        publisher = stack.enter_context(Publisher(ports))
        stack.enter_context(ReturnsServer(ports, inbox.put_return, inbox.put_return))
        session = Session(
            Parts(
                propose=lambda command: _proposed(study, out, command),
                open_run=lambda entities: opened(study, entities, out, publisher.publish, CLOCKS),
                open_source=lambda deliver, run: _folder(study, watch, poll_s, deliver, run),
                announce=lambda run: publisher.open_run(run.run.armed.run_uid, run.history),
                finish=lambda run: _finish(run, finishing),
            ),
            inbox,
        )
        stack.enter_context(ControlServer(ports, session.ask))
        stack.enter_context(terminate_as_interrupt())
        if status:
            stack.enter_context(status_process(ports.messages))
        try:
            session.serve(first, once)
        except KeyboardInterrupt:
            Console(stderr=True).print("Session ended; what was recorded is kept.")
    return 0 if session.last is None or session.last.exit_status in ("completed", "stopped") else 1


def _finish(run: Opened, finishing: list[multiprocessing.process.BaseProcess]) -> None:
    tell_rescued(run, Console(stderr=True))
    finishing.append(finish_in_background(run.paths))


def _join_all(processes: list[multiprocessing.process.BaseProcess]) -> None:
    for process in processes:
        process.join()


def _proposed(study: Study, out: Path, command: Command) -> Entities:
    if command.sub is None:
        raise StudyError("Say which participant: rtfmri arm --sub 07.")
    return live_entities_of(study, out, command.sub, command.ses or "01", command.run)


def _folder(study: Study, watch: Path, poll_s: float, deliver: Deliver, run: Opened) -> LiveFolder:
    return LiveFolder(
        watch,
        study.acquisition.series,
        study.acquisition,
        deliver,
        poll_s=poll_s,
        ignore_existing=not run.resumed,
        not_before_unix_s=run.armed_unix_s,
        first_index=run.first_index,
    )
