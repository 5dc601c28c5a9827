"""The operator's hand: arm, stop, pause, mark, from this computer only.

The rule: the socket is bound to the loopback interface and to nothing else. One frame of JSON each way, ``Command`` and ``Reply``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Literal, get_args

import zmq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rtfmri.errors import StudyError
from rtfmri.messages import DisplayReport
from rtfmri.stream.ports import Ports
from rtfmri.stream.serving import RouterThread
from rtfmri.stream.sockets import Limits, connect, milliseconds

Action = Literal["arm", "stop", "pause", "resume", "blank", "unblank", "card", "uncard", "mark", "status", "propose"]
LIMITS = Limits(high_water=16, max_bytes=16 * 1024, linger_ms=200)
REPLY_BYTES = 256 * 1024  # of a reply that tells of several displays

_ASKING = replace(LIMITS, max_bytes=REPLY_BYTES, linger_ms=0)
_log = logging.getLogger(__name__)


class Command(BaseModel):
    """``sub``, ``ses`` and ``run`` are for arm, None where the session shall propose them; ``note`` is for the record."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    action: Action
    sub: str | None = Field(default=None, pattern=r"^[A-Za-z0-9]+$")
    ses: str | None = Field(default=None, pattern=r"^[A-Za-z0-9]+$")
    run: int | None = Field(default=None, ge=1, le=9999)
    note: str = Field(default="", max_length=1000)


class SessionInfo(BaseModel):
    """What a session on this computer was started with; paths are this computer's."""

    model_config = ConfigDict(frozen=True)
    software: str
    schema_version: str
    study_file: str
    study: str
    out: str
    watch: str | None = None
    listen: str | None = None  # "RTFMRI:11112"
    pid: int


class Reply(BaseModel):
    """``text`` is one sentence for the operator; ``state`` of the run and its ``label`` (sub-..._run-..) where there is one.

    The answer to ``status`` tells of the session and of the displays that were heard in the last seconds; the answer to ``propose``
    (with sub and ses) names in ``label`` what arm would open.
    """

    model_config = ConfigDict(frozen=True)
    ok: bool
    text: str
    state: str | None = None
    label: str | None = None
    session: SessionInfo | None = None
    displays: tuple[DisplayReport, ...] = ()


class ControlServer:
    """Context manager: the thread of the control socket (``StudyError`` where it cannot bind).

    Parameters
    ----------
    handle : what a command does, in the server's thread; a ``StudyError`` becomes a reply that is not ok.
    """

    def __init__(self, ports: Ports, handle: Callable[[Command], Reply]) -> None:
        self._handle = handle
        self._thread = RouterThread("control", ports.control, self._answer, LIMITS)

    def __enter__(self) -> ControlServer:
        self._thread.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._thread.__exit__(kind, error, trace)

    def _answer(self, sender: bytes, frames: list[bytes]) -> list[bytes]:
        *delimiter, request = frames or [b""]
        return [*delimiter[:1], self._reply(request).model_dump_json().encode()]

    def _reply(self, request: bytes) -> Reply:
        try:
            command = Command.model_validate_json(request)
        except ValidationError as error:
            wrong = ", ".join(sorted({str(part) for detail in error.errors() for part in detail["loc"][:1]})) or "the command"
            return Reply(ok=False, text=f"Not understood ({wrong}): the actions are {', '.join(get_args(Action))}.")
        try:
            return self._handle(command)
        except StudyError as error:
            return Reply(ok=False, text=str(error))
        except Exception:
            _log.exception("the command %s failed", command.action)
            return Reply(ok=False, text=f"{command.action} failed inside rtfmri; the log says where.")


def ask(ports: Ports, command: Command, timeout_s: float) -> Reply:
    """Send ``command`` to the session on this computer whose base port is ``ports.base``, and wait for its reply.

    Raises
    ------
    StudyError : nobody answers within ``timeout_s``. The command is then withdrawn if it was not yet sent.
    """
    with zmq.Context() as context, connect(context, zmq.DEALER, ports.control, _ASKING) as socket:
        socket.send(command.model_dump_json().encode())
        if socket.poll(milliseconds(timeout_s)):
            return Reply.model_validate_json(socket.recv())
    raise StudyError(
        f"No rtfmri session answers on port {ports.base}; start it with: rtfmri run STUDY --watch FOLDER. "
        "If it runs, its study file names another port."
    )
