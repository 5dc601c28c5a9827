"""What the operator has chosen, and what follows from it: may the run be armed, and if not, why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtfmri.preflight.asked import Asked
from rtfmri.preflight.check import Check, of_state
from rtfmri.preflight.numbers import label_problem
from rtfmri.stream.control import Reply, SessionInfo

LONGEST_NOTE = 900  # characters; a command takes a thousand
BUSY = ("armed", "running")


@dataclass(frozen=True)
class Choice:
    """As typed; empty where nothing was."""

    study_file: str = ""
    sub: str = ""
    ses: str = "01"
    run: str = ""
    watch: str = ""
    listen: str = ""

    def joined(self, session: SessionInfo) -> Choice:
        """A session that runs has decided over study and inlets."""
        listen = (session.listen or "").rpartition(":")[2]
        return Choice(session.study_file, self.sub, self.ses, self.run, session.watch or "", listen)


def number_problem(text: str, low: int, high: int) -> str:
    """What is wrong with a number that may be left out."""
    fits = not text or (text.isascii() and text.isdigit() and low <= int(text) <= high)
    return "" if fits else f"a whole number from {low} to {high}, or nothing"


def problems_of(choice: Choice) -> tuple[str, ...]:
    """Sentences; empty where the choice can be checked for this participant."""
    said = [] if choice.study_file else ["Choose a study."]
    said += [problem] if (problem := label_problem(choice.sub, choice.ses)) else []
    said += [f"The run is {problem}."] if (problem := number_problem(choice.run, 1, 9999)) else []
    said += [f"The network port is {problem}."] if (problem := number_problem(choice.listen, 1, 65535)) else []
    return tuple(said)


def asked_of(choice: Choice, out: Path, port: int) -> Asked | None:
    """What pre-flight is asked; without a participant that can be used, the rest. None without a study."""
    if not choice.study_file:
        return None
    sub = choice.sub if choice.sub and not label_problem(choice.sub, choice.ses) else None
    return Asked(
        Path(choice.study_file),
        out,
        Path(choice.watch) if choice.watch else None,
        int(choice.listen) if choice.listen and not number_problem(choice.listen, 1, 65535) else None,
        sub,
        choice.ses,
        int(choice.run) if choice.run and not number_problem(choice.run, 1, 9999) else None,
        port,
    )


def why_not_arm(choice: Choice, status: Reply | None, checks: Sequence[Check] | None) -> str:
    """Why the run cannot be armed now, in one sentence; empty where it can."""
    problems = problems_of(choice)
    if problems:
        return problems[0]
    if status is None or status.session is None:
        return "No session runs: start it first."
    if status.state in BUSY:
        return f"{status.label or 'A run'} is {status.state}."
    if checks is None:
        return "The checks are being made."
    failed = of_state(checks, "failed")
    return f"Failed: {', '.join(check.name for check in failed)}." if failed else ""


def why_not_start(choice: Choice, checks: Sequence[Check] | None) -> str:
    """Why no session can be started; empty where one can."""
    if not choice.study_file:
        return "Choose a study."
    if not choice.watch and not choice.listen:
        return "Say where the images come from."
    of_session = [check for check in checks or () if check.state == "failed" and check.name in ("study file", "scanner folder", "ports")]
    return f"Failed: {', '.join(check.name for check in of_session)}." if of_session else ""


def override_note(warnings: Sequence[Check]) -> str:
    """For the record, as a mark: what was known to be not as it should be when the run was armed."""
    said = "; ".join(f"{check.name}: {check.text.rstrip('.')}" for check in warnings)
    note = f"armed in spite of {len(warnings)} warnings: {said}" if len(warnings) > 1 else f"armed in spite of a warning: {said}"
    return note if len(note) <= LONGEST_NOTE else f"{note[: LONGEST_NOTE - 1]}…"


def sorted_for_looking(checks: Sequence[Check]) -> list[Check]:
    """What needs the operator first; the order of the run within a state."""
    order = {"failed": 0, "warning": 1, "unknown": 2, "ok": 3}
    return sorted(checks, key=lambda check: order[check.state])
