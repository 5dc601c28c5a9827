"""What one opened page knows before a run: the choice, the session's answer, the last checks. Gathering is off the event loop."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from rtfmri.console.before.choosing import BUSY, Choice, asked_of
from rtfmri.console.context import PageContext
from rtfmri.messages import Confirmed
from rtfmri.preflight.before_run import Surroundings, before_run
from rtfmri.preflight.check import Check
from rtfmri.preflight.reference import NAME as REFERENCE
from rtfmri.preflight.session import read_session
from rtfmri.stream.control import Reply

DEFAULT_OUT = Path("rtfmri_data")


@dataclass
class Desk:
    """``checks`` None: none were made for this choice yet; ``label``: the run that arm would open, where a session says so."""

    page: PageContext
    choice: Choice
    status: Reply | None = None
    checks: tuple[Check, ...] | None = None
    label: str = ""
    checked_unix_s: float | None = None
    compared: Confirmed | None = None
    folder: tempfile.TemporaryDirectory[str] = field(
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="rtfmri-console-", ignore_cleanup_errors=True)
    )

    @property
    def pictures(self) -> Path:
        """Where the checks draw what is accepted by eye; gone with the page, or with the console."""
        return Path(self.folder.name)

    @property
    def out(self) -> Path:
        session = self.status.session if self.status else None
        return Path(session.out) if session else self.page.settings.out or DEFAULT_OUT

    @property
    def busy(self) -> bool:
        """Whether a run is armed or goes on: then nothing is checked."""
        return self.status is not None and self.status.state in BUSY

    def choose(self, choice: Choice) -> None:
        """Another choice: what was checked was another run."""
        if choice != self.choice:
            self.choice, self.checks, self.label = choice, None, ""

    async def look(self) -> None:
        """Ask the session, and make all checks."""
        found = await self.page.off_loop(read_session, self.page.settings.ports.base, None)  # says at once where nobody is
        self.status = found.reply
        session = found.reply.session if found.reply else None
        if session is not None:
            self.choose(self.choice.joined(session))
        if self.busy:
            await self._compare_with_first_volume()
            return
        choice = self.choice
        asked, for_arm = asked_of(choice, self.out, self.page.settings.ports.base), self.page.settings.for_arm
        if asked is None or for_arm is None:
            return
        checks = await self.page.off_loop(before_run, asked, Surroundings(for_arm, None, self.pictures))
        label = await self._proposed() if session is not None and asked.sub else ""
        if choice == self.choice:  # nobody has typed meanwhile
            self.checks, self.label, self.checked_unix_s = checks, label, time.time()

    async def _compare_with_first_volume(self) -> None:
        """Once a run: what the newest files told of the coming volumes, its first volume tells now."""
        confirmed, for_arm = self.page.story.confirmed, self.page.settings.for_arm
        asked = asked_of(self.choice, self.out, self.page.settings.ports.base)
        if confirmed is None or confirmed is self.compared or asked is None or for_arm is None:
            return
        self.compared = confirmed
        found = await self.page.off_loop(before_run, asked, Surroundings(for_arm, confirmed))
        now = tuple(check for check in found if check.name == REFERENCE)
        self.checks = (*now, *(check for check in self.checks or () if check.name != REFERENCE))

    async def _proposed(self) -> str:
        run = int(self.choice.run) if self.choice.run.isdigit() else None
        reply = await self.page.tell("propose", self.choice.sub, self.choice.ses, run)
        return reply.label or "" if reply.ok else ""
