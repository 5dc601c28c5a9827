"""What one opened page gets: the story of the run, word of its changes, and the way to speak to the session.

The rule: a page is made by a module's ``build(page)`` and sees nothing of the console but this. Everything here is called on the event
loop; what may take longer than a millisecond (files, sockets) goes through ``off_loop``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from nicegui import ui
from pydantic import ValidationError

from rtfmri.console.story import Story
from rtfmri.errors import StudyError
from rtfmri.preflight.regions import ForArm
from rtfmri.stream.control import Command, Reply, SessionInfo, ask
from rtfmri.stream.ports import Ports

ELSEWHERE = "Commands are taken on the engine's computer only: this page watches. To work it from here, use ssh -L (README)."
ANSWER_WITHIN_S = 65.0  # the session itself answers within 60 s: arming compiles kernels the first time
STATUS_WITHIN_S = 1.5
TOLD_WITHIN_S = 5.0

_log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Settings:
    """What the console was started with. Folders are this computer's; None: not given, ask the session (``PageContext.status``)."""

    ports: Ports
    studies: Path | None = None
    out: Path | None = None
    watch: Path | None = None
    for_arm: ForArm | None = None  # what arm does with a study; None: nothing is checked, so nothing is armed from the page
    commands: bool = True  # whether the session is on this computer: it takes commands from nowhere else


@dataclass(frozen=True)
class Hearing:
    """Whether the engine is heard. ``silent_s``: since it was last heard; None: not once yet."""

    heard: bool = False
    silent_s: float | None = None


Redraw = Callable[[Story, Hearing], None]


class Hub(Protocol):
    """Where the story is kept for all pages (``listening.py``); ``session`` is the last one that answered."""

    session: SessionInfo | None

    @property
    def story(self) -> Story: ...

    @property
    def hearing(self) -> Hearing: ...

    def watch(self, redraw: Redraw) -> Callable[[], None]:
        """Call ``redraw`` after every change; what is returned ends that."""


class PageContext:
    """One page in one browser."""

    def __init__(self, settings: Settings, hub: Hub) -> None:
        self.settings = settings
        self._hub = hub

    @property
    def story(self) -> Story:
        return self._hub.story

    @property
    def hearing(self) -> Hearing:
        return self._hub.hearing

    def on_change(self, redraw: Redraw) -> None:
        """Call ``redraw`` now, after every batch of messages and once a second, until this page is closed.

        To be called while the page is built. It should touch only elements whose text really changes: three browsers share one core.
        """
        client = ui.context.client

        def in_page(story: Story, hearing: Hearing) -> None:
            with client:
                redraw(story, hearing)

        client.on_delete(self._hub.watch(in_page))
        redraw(self.story, self.hearing)

    async def tell(
        self, action: str, sub: str | None = None, ses: str | None = None, run_number: int | None = None, note: str = ""
    ) -> Reply:
        """Say something to the session; the reply is not ok where nobody answers or a label is not possible. Never raises."""
        within_s = ANSWER_WITHIN_S if action == "arm" else TOLD_WITHIN_S
        return await self.off_loop(_asked, self.settings.ports, within_s, action, sub, ses, run_number, note)

    async def status(self) -> Reply:
        """The session's answer to ``status``: what it was started with, its run's state, the displays."""
        reply = await self.off_loop(_asked, self.settings.ports, STATUS_WITHIN_S, "status")
        self._hub.session = reply.session or self._hub.session
        return reply

    @property
    def out(self) -> Path | None:
        """The dataset folder: that of the last session that answered (it may have ended), else what the console was started with."""
        return Path(self._hub.session.out) if self._hub.session is not None else self.settings.out

    async def off_loop(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that waits in a thread of its own."""
        return await asyncio.to_thread(function, *args, **kwargs)


def _asked(
    ports: Ports,
    within_s: float,
    action: str,
    sub: str | None = None,
    ses: str | None = None,
    run_number: int | None = None,
    note: str = "",
) -> Reply:
    try:
        command = Command.model_validate({"action": action, "sub": sub, "ses": ses, "run": run_number, "note": note})
    except ValidationError as error:
        wrong = ", ".join(sorted({str(part) for detail in error.errors() for part in detail["loc"][:1]}))
        return Reply(ok=False, text=f"Not possible: {wrong} is not as it must be (labels hold letters and digits only).")
    try:
        return ask(ports, command, within_s)
    except StudyError as error:
        return Reply(ok=False, text=str(error))
    except Exception:
        _log.exception("asking the session failed")
        return Reply(ok=False, text="The session could not be asked; the console's log says why.")
