"""``rtfmri arm`` and ``rtfmri tell``: one question to the session on this computer."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from rich.console import Console

from rtfmri.engine.session import ANSWER_WITHIN_S
from rtfmri.errors import StudyError
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports


def tell(port: int, **what: Any) -> int:
    """Send a command, print the answer; 0 when the session did it."""
    try:
        command = Command(**what)
    except ValidationError as error:
        places = ", ".join(sorted({str(detail["loc"][0]) for detail in error.errors()}))
        raise StudyError(f"Not possible: {places} is not as it must be; see --help.") from None
    reply = ask(Ports("127.0.0.1", port), command, ANSWER_WITHIN_S if command.action == "arm" else 10.0)
    Console(stderr=not reply.ok).print(reply.text)
    return 0 if reply.ok else 2
