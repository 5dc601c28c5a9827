"""``rtfmri arm`` and ``rtfmri tell``: one question to the session on this computer."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from rich.console import Console

from rtfmri.engine.session import ANSWER_WITHIN_S
from rtfmri.errors import StudyError
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports

THERE_WITHIN_S = 3.0


def tell(port: int, **what: Any) -> int:
    """Send a command, print the answer; 0 when the session did it."""
    try:
        command = Command(**what)
    except ValidationError as error:
        places = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors()}))
        raise StudyError(f"Not possible: {places} is not as it must be; see --help.") from None
    ports = Ports("127.0.0.1", port)
    ask(ports, Command(action="status"), THERE_WITHIN_S)  # nobody there is said at once; arming may take its time
    reply = ask(ports, command, ANSWER_WITHIN_S)
    Console(stderr=not reply.ok).print(reply.text)
    return 0 if reply.ok else 2
