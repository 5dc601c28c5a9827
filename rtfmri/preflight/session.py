"""The session on this computer, if one runs: its ports, its study, its version and those of the displays."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from rtfmri import __version__
from rtfmri.errors import StudyError
from rtfmri.messages import SCHEMA, DisplayReport
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.check import Check
from rtfmri.stream.control import Command, Reply, ask
from rtfmri.stream.ports import LOOPBACK, Ports

SOFTWARE = f"rtfmri {__version__}"
ANSWER_S = 2.0


@dataclass(frozen=True)
class Session:
    """``reply``: the answer to ``status``; None where no session answers. ``held``: ports that somebody else listens on."""

    base: int
    reply: Reply | None = None
    held: tuple[int, ...] = ()

    @property
    def runs(self) -> bool:
        return self.reply is not None

    @property
    def displays(self) -> tuple[DisplayReport, ...]:
        return self.reply.displays if self.reply else ()


def read_session(base: int, listen: int | None) -> Session:
    """Whoever holds the control port is asked; nobody waits for a session that is not there."""
    reply = _status(base) if _held(base + 3) else None
    ports = () if reply is not None else (*range(base, base + 4), *(() if listen is None else (listen,)))
    return Session(base, reply, tuple(port for port in ports if _held(port)))


def _status(base: int) -> Reply | None:
    try:
        return ask(Ports(LOOPBACK, base), Command(action="status"), ANSWER_S)
    except (StudyError, ValueError):  # somebody else's port
        return None


def _held(port: int) -> bool:
    """Whether somebody listens there. Bound it is not, not even for a moment: a session may just be starting."""
    with socket.socket() as probe:
        probe.settimeout(ANSWER_S)
        return probe.connect_ex((LOOPBACK, port)) == 0


def ports_check(session: Session, asked: Asked) -> Check:
    names = f"{session.base} to {session.base + 3}"
    if session.reply is not None:
        return _joined(session.reply, asked, names)
    if session.held:
        taken = ", ".join(map(str, session.held))
        advice = "End the program that has it, or choose other ports with --port."
        return Check("ports", "failed", f"Port {taken} is taken by another program.", advice)
    return Check("ports", "ok", f"{names} are free; no session runs.")


def _joined(reply: Reply, asked: Asked, names: str) -> Check:
    """The session that runs must be the one that is asked about."""
    info, busy = reply.session, reply.state not in (None, "idle")
    if busy:
        advice = "Stop that run before the next is armed."
        return Check("ports", "failed", f"The session on {names} has a run: {reply.label or reply.text} is {reply.state}.", advice)
    if info is None:
        return Check("ports", "ok", f"{names} are held by the session that runs.")
    if Path(info.study_file).resolve() != asked.study_file.resolve():
        advice = "Choose that study, or end the session and start one with this."
        return Check("ports", "failed", f"The session that runs was started with another study: {info.study_file}.", advice)
    if Path(info.out).resolve() != asked.out.resolve():
        return Check("ports", "failed", f"The session that runs records into {info.out}.", f"Check with --out {info.out}.")
    return Check("ports", "ok", f"{names} are held by the session that runs (process {info.pid}).")


def versions_check(session: Session) -> Check:
    """Both sides, where they are there to tell."""
    found = [("the session", info.software, info.schema_version)] if session.reply and (info := session.reply.session) else []
    found += [(f"display {report.display}", report.software, report.schema_version) for report in session.displays]
    if not found:
        return Check("versions", "unknown", f"This is {SOFTWARE}, messages {SCHEMA}; there is no other side to compare with yet.")
    differing = [f"{who} is {software}, messages {schema}" for who, software, schema in found if not _same(software, schema)]
    if differing:
        refused = any(schema.split(".")[0] != SCHEMA.split(".")[0] for _, _, schema in found)
        text = f"This is {SOFTWARE}, messages {SCHEMA}, but {'; '.join(differing)}."
        return Check("versions", "failed" if refused else "warning", text, "Install the same version on both computers.")
    return Check("versions", "ok", f"{SOFTWARE}, messages {SCHEMA}, everywhere ({', '.join(who for who, _, _ in found)}).")


def _same(software: str, schema: str) -> bool:
    return software.split()[-1:] == [__version__] and schema == SCHEMA
