"""A scanner's plan carried out in virtual time before the real intake: arrivals, decoders, stacker and assembler, without a wait.

Files are real, in a scratch folder, and their times of change are set to the virtual time; what the system's events would tell is told
to ``Arrivals`` at once (``case.events``), or nothing is. The loop is that of the acquisition thread, with the clock moved to the next
moment at which anything is due.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from fault_plans import MISSING_AFTER_TR, POLL_S, SETTLE_S, STALLED_S, Case, Told, bytes_of, plan_of

from rtfmri.acquisition.arrivals import Arrivals, Whole
from rtfmri.acquisition.folders import files_below
from rtfmri.acquisition.intake import Intake
from rtfmri.acquisition.watch import Hint
from rtfmri.simulate.plan import Action, Rename
from rtfmri.study import Acquisition, SeriesRule

RULE = SeriesRule(protocol="bold_nf*")
EPOCH_S = 1e6  # file times are not 0
QUIET_S = STALLED_S + 2  # after so long without a new file nothing may be open any more


def carried_out(case: Case) -> Told:
    """What intake delivers, with the virtual time of each item; what comes only when the run is closed has the time infinity."""
    folder = Path(tempfile.mkdtemp(prefix="rtfmri-plan-"))
    try:
        return _carried_out(case, folder)
    finally:
        shutil.rmtree(folder)


def _carried_out(case: Case, folder: Path) -> Told:
    intake = Intake(RULE, Acquisition(series=RULE, missing_after_tr=MISSING_AFTER_TR))
    arrivals = Arrivals(intake.open, settle_s=SETTLE_S, stalled_s=STALLED_S)
    actions = plan_of(case)
    told: Told = []
    for begin_s, until_s, due in moments(actions):
        for action in due:
            path = perform(case, action, folder)
            if case.events:
                arrivals.hint(Hint(path, isinstance(action, Rename) or action.closes, begin_s, EPOCH_S + begin_s))
        listing_s = math.ceil(begin_s / POLL_S) * POLL_S  # the first after a change: later ones would find nothing new
        now_s = begin_s
        while now_s < until_s:
            if now_s >= listing_s:
                arrivals.rescan(sorted(files_below(str(folder))), now_s)
                listing_s = math.inf
            for arrival in arrivals.due(now_s):
                if isinstance(arrival, Whole):
                    told += [(now_s, item) for item in intake.take(arrival.content, now_s)]
            told += [(now_s, item) for item in intake.tick(now_s)]
            dues_s = (arrivals.deadline(), intake.deadline(), listing_s)
            now_s = max(now_s, min(due_s for due_s in dues_s if due_s is not None))
    return [*told, *((math.inf, item) for item in intake.finish(now_s))]


def moments(actions: Sequence[Action]) -> Iterator[tuple[float, float, list[Action]]]:
    """The actions of each moment, with its time and the next one's."""
    times_s = sorted({action.at_s for action in actions})
    for at_s, until_s in zip(times_s, [*times_s[1:], times_s[-1] + QUIET_S] if times_s else [], strict=True):
        yield at_s, until_s, [action for action in actions if action.at_s == at_s]


def perform(case: Case, action: Action, folder: Path) -> str:
    """Do it to the file, at its time; returns the path that changed."""
    path = folder / action.name
    if isinstance(action, Rename):
        os.replace(folder / action.origin, path)
        return str(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    start, piece = action.piece_of(bytes_of(case, action.file))
    with path.open("r+b" if path.exists() else "wb") as file:
        file.seek(start)
        file.write(piece)
    at_ns = round((EPOCH_S + action.at_s) * 1e9)
    os.utime(path, ns=(at_ns, at_ns))
    return str(path)
