"""``rtfmri check``: everything that must be true before a run, a line each; what to do below each that is not green.

Lines are broken at the terminal's width and hang under their own text. Colour is never alone: a symbol and a word stand beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rtfmri.cli.wiring import live_entities_of
from rtfmri.engine.materials import read_materials
from rtfmri.engine.participant import for_participant
from rtfmri.engine.user_function import user_function
from rtfmri.pipeline import Materials
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.before_run import Surroundings, before_run
from rtfmri.preflight.check import STATES, SYMBOLS, WORDS, Check, State, of_state, worst
from rtfmri.preflight.regions import ForArm
from rtfmri.study import Study
from rtfmri.study.signal import UserFunction

STYLES: dict[State, str] = {"ok": "green", "unknown": "cyan", "warning": "yellow", "failed": "bold red"}
BROADEST = 110  # columns that a line may have, however wide the terminal is


def check_study(asked: Asked, as_json: bool) -> int:
    """Print all checks; 1 where one failed."""
    console = Console(highlight=False)
    with nullcontext() if as_json else console.status("checking"):
        checks = before_run(asked, Surroundings(for_arm()))
    state = worst(checks)
    if as_json:
        record = {"state": state, "checks": [check.as_record() for check in checks]}
        print(json.dumps(record, indent=1, ensure_ascii=False))
    else:
        console.width = min(console.width, BROADEST)
        console.print(shown(checks))
        console.print(Text(f"\n{SYMBOLS[state]} {in_short(checks)}", style=STYLES[state]))
    return 1 if state == "failed" else 0


def for_arm() -> ForArm:
    """What a session does with a study when it arms a run."""
    return ForArm(live_entities_of, for_participant, _read_all)


def _read_all(study: Study) -> Materials:
    """All that arm reads of a study before a run is opened.

    Raises
    ------
    StudyError : a file is not what it should be, or a lab's own function cannot be imported.
    """
    materials = read_materials(study)
    study.display_settings()
    rule = study.signal.measure
    if isinstance(rule, UserFunction):
        with user_function(rule.function, None):
            pass
    return materials


def shown(checks: Sequence[Check]) -> Table:
    """One row a check: symbol and word, name, sentence; advice and picture in a row below."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for check in checks:
        style = STYLES[check.state]
        table.add_row(Text(f"{SYMBOLS[check.state]} {WORDS[check.state]}", style=style), Text(check.name), Text(check.text))
        for words in _below(check):
            table.add_row("", "", Text(f"→ {words}", style=style))
    return table


def _below(check: Check) -> Iterator[str]:
    if check.state == "ok":
        return
    if check.advice:
        yield check.advice
    if check.page or check.picture:
        yield f"{check.page or check.picture}"


def in_short(checks: Sequence[Check]) -> str:
    """``2 of 18 checks failed, 1 to look at, 3 cannot be told yet.``"""
    counts = {state: len(of_state(checks, state)) for state in STATES}
    if counts["ok"] == len(checks):
        return f"All {len(checks)} checks are ok."
    parts = [(counts["failed"], "failed"), (counts["warning"], "to look at"), (counts["unknown"], "cannot be told yet")]
    said = ", ".join(f"{count} {words}" for count, words in parts if count)
    return f"Of {len(checks)} checks {said}; the others are ok."
