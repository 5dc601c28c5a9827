"""``rtfmri run``: wire a live session and serve it."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path

from rich.console import Console

from rtfmri import __version__
from rtfmri.acquisition.listener import DicomListener, Listening
from rtfmri.acquisition.live import LiveRun, Mouth
from rtfmri.acquisition.mailbox import Mailbox
from rtfmri.acquisition.received import ReceivedImages
from rtfmri.acquisition.watched import WatchedFolder
from rtfmri.cli.status import status_process
from rtfmri.cli.wiring import CLOCKS, MAPS_WITHIN_S, SPAWN, finish_in_background, live_entities_of, ports_of, tell_maps, tell_rescued
from rtfmri.engine.inbox import Inbox
from rtfmri.engine.interrupts import Interrupts
from rtfmri.engine.opening import Deliver, Opened, opened
from rtfmri.engine.session import Parts, Session
from rtfmri.errors import StudyError
from rtfmri.messages import SCHEMA, Entities
from rtfmri.record.layout import unfinished
from rtfmri.stream.control import Command, ControlServer, SessionInfo
from rtfmri.stream.physio import PhysioReceiver
from rtfmri.stream.publisher import Publisher
from rtfmri.stream.returns_server import ReturnsServer
from rtfmri.study import Study, load_study

HEARD_WITHIN_S = 12.0  # a display that is there asks for the time every two seconds, and after a lost answer every ten


@dataclass(frozen=True)
class Inlets:
    """Where images come from: a folder, the network, or both; ``poll_s`` None: as the folder's file system asks for."""

    watch: Path | None
    poll_s: float | None
    listening: Listening | None


def live_session(
    study_file: Path,
    inlets: Inlets,
    sub: str | None,
    ses: str,
    run: int | None,
    out: Path,
    port: int | None,
    once: bool,
    status: bool,
) -> int:
    """Serve until told to end; 0 when the last run was completed or stopped by the operator, else 1."""
    study = load_study(study_file)
    _check(inlets)
    first = None if sub is None else live_entities_of(study, out, sub, ses, run)
    ports = ports_of(study, port)
    finishing: list[Finishing] = []
    inbox, mailbox, interrupts = Inbox(), Mailbox(), Interrupts()
    with ExitStack() as stack:
        stack.callback(_join_all, finishing)
        publisher = stack.enter_context(Publisher(ports))
        if inlets.listening is not None:
            stack.enter_context(DicomListener(inlets.listening, mailbox))
        returns = stack.enter_context(ReturnsServer(ports, inbox.put_return, inbox.put_return))
        belt = _belt(study, inbox, stack)

        def present() -> frozenset[str]:
            return frozenset(report.display for report in returns.reports(HEARD_WITHIN_S))

        session = Session(
            Parts(
                info=_info(study_file, study, inlets, out),
                displays=lambda: returns.reports(HEARD_WITHIN_S),
                propose=lambda command: _proposed(study, out, command),
                open_run=lambda entities: opened(
                    study, entities, out, publisher.publish, CLOCKS, deliver=inbox.put_return, belt=belt, present=present
                ),
                open_source=lambda deliver, run: _source(study, _mouths(inlets, mailbox, run), deliver, run),
                announce=lambda run: publisher.open_run(run.run.armed.run_uid, run.history),
                finish=lambda run: _finish(run, finishing),
            ),
            inbox,
            interrupts,
        )
        stack.enter_context(ControlServer(ports, session.ask))
        stack.enter_context(interrupts.handled())
        if status:
            stack.enter_context(status_process(ports.messages))
        try:
            session.serve(first, once)
        except KeyboardInterrupt:
            Console(stderr=True).print("Session ended; what was recorded is kept.")
    return 0 if session.last is None or session.last.exit_status in ("completed", "stopped") else 1


def _info(study_file: Path, study: Study, inlets: Inlets, out: Path) -> SessionInfo:
    """What this session tells whoever asks how it was started."""
    listening = inlets.listening
    return SessionInfo(
        software=f"rtfmri {__version__}",
        schema_version=SCHEMA,
        study_file=str(study_file.absolute()),
        study=study.study.name,
        out=str(out.absolute()),
        watch=None if inlets.watch is None else str(inlets.watch.absolute()),
        listen=None if listening is None else f"{listening.ae_title}:{listening.port}",
        pid=os.getpid(),
    )


def _belt(study: Study, inbox: Inbox, stack: ExitStack) -> PhysioReceiver | None:
    """The session's ear for pulse and breathing, where its study has an address for them."""
    rule = study.physiology
    if rule is None or rule.address is None:
        return None
    return stack.enter_context(PhysioReceiver(rule.address, inbox.put_return, rule.socket))


def _check(inlets: Inlets) -> None:
    if inlets.watch is None and inlets.listening is None:
        raise StudyError("Say where the images come from: --watch FOLDER, --listen PORT, or both.")
    if inlets.watch is not None and not inlets.watch.is_dir():
        raise StudyError(f"The folder {inlets.watch} is not there; create it, or correct --watch.")


@dataclass(frozen=True)
class Finishing:
    """What still goes on after a run: its tables and its report, and its statistical map."""

    tables: multiprocessing.process.BaseProcess
    maps: Callable[[float], bool | None]
    maps_over: Event


def _finish(run: Opened, finishing: list[Finishing]) -> None:
    tell_rescued(run, Console(stderr=True))
    maps_over = SPAWN.Event()
    finishing.append(Finishing(finish_in_background(run.paths, maps_over if run.mapped else None), run.maps, maps_over))


def _join_all(finishing: list[Finishing]) -> None:
    for after in finishing:
        whole = after.maps(MAPS_WITHIN_S)
        after.maps_over.set()
        after.tables.join()
        tell_maps(whole, Console(stderr=True))


def _proposed(study: Study, out: Path, command: Command) -> Entities:
    if command.sub is None:
        raise StudyError("Say which participant: rtfmri arm --sub 07.")
    entities = live_entities_of(study, out, command.sub, command.ses or "01", command.run)
    unfinished(out, entities)
    return entities


def _mouths(inlets: Inlets, mailbox: Mailbox, run: Opened) -> list[Mouth]:
    mouths: list[Mouth] = []
    if inlets.watch is not None:
        fresh = not run.resumed
        mouths.append(WatchedFolder(inlets.watch, poll_s=inlets.poll_s, ignore_existing=fresh, not_before_unix_s=run.armed_unix_s))
    if inlets.listening is not None:
        mouths.append(ReceivedImages(mailbox))
    return mouths


def _source(study: Study, mouths: list[Mouth], deliver: Deliver, run: Opened) -> LiveRun:
    return LiveRun(study.acquisition.series, study.acquisition, mouths, deliver, first_index=run.first_index)
