"""Small things that more than one verb needs: clocks, ports, entities, a progress bar, what follows a run."""

from __future__ import annotations

import multiprocessing
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rtfmri.aftercare.core import BRAIN
from rtfmri.aftercare.naming import sidecar, statmap
from rtfmri.engine.opening import Opened
from rtfmri.engine.outlet import Clocks
from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.record.layout import RunPaths, next_run
from rtfmri.record.outputs import finish_record, finish_report
from rtfmri.stream.ports import Ports
from rtfmri.study import Study

MAPS_WITHIN_S = 20.0  # that anybody waits for the last map of a run that is over
LOOK_AGAIN_S = 0.25
RESUMED_WITHIN_S = 1800.0  # a scanner does not go on for longer without us

SPAWN = multiprocessing.get_context("spawn")
CLOCKS = Clocks(unix=time.time, monotonic=time.monotonic, performance=time.perf_counter)


def entities_of(study: Study, out: Path, sub: str, ses: str, run: int | None) -> Entities:
    """Checked BIDS entities; the next free run number where none is given.

    Raises
    ------
    StudyError : a label holds something else than letters and digits.
    """
    try:
        entities = Entities(sub=sub, ses=ses, task=study.task, run=run or 1)
    except ValidationError:
        raise StudyError(f"sub {sub!r} and ses {ses!r} must hold letters and digits only, such as 07.") from None
    return entities if run else entities.model_copy(update={"run": next_run(out, sub, ses, study.task)})


def live_entities_of(study: Study, out: Path, sub: str, ses: str, run: int | None) -> Entities:
    """As ``entities_of``; without a number, the run that was cut off a short while ago is taken up again before a new one is begun.

    Raises
    ------
    StudyError : a label holds something else than letters and digits.
    """
    entities = entities_of(study, out, sub, ses, run)
    if run is not None or entities.run == 1:
        return entities
    last = entities.model_copy(update={"run": entities.run - 1})
    paths = RunPaths(out, last)
    if paths.finished or not paths.journal.exists():
        return entities
    return last if time.time() - paths.journal.stat().st_mtime < RESUMED_WITHIN_S else entities


def ports_of(study: Study, port: int | None) -> Ports:
    return Ports(study.stream.bind, port or study.stream.port)


def bar(console: Console) -> Progress:
    """A progress bar with a count and the time that is left; disappears when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def tell_rescued(opened: Opened, console: Console) -> None:
    """Where the disk could not take the record, say where the rest of it lies."""
    for path in opened.rescued():
        console.print(
            f"What the disk could not take was saved to {path}; copy it from there before this computer is restarted.", soft_wrap=True
        )


def tell_maps(whole: bool | None, console: Console) -> None:
    """What became of the statistical map, where it is not simply there."""
    if whole is None:
        console.print("The statistical map is not finished yet; it will be written into the record.", soft_wrap=True)
    elif not whole:
        console.print(
            "The statistical map is not complete: its files could not be written, or volumes were lost. The record is whole; "
            "`rtfmri replay` of it makes the map again.",
            soft_wrap=True,
        )


def finish_in_background(paths: RunPaths, maps_over: Event | None = None) -> multiprocessing.process.BaseProcess:
    """Tables, compression and the report in a process of their own, so that the next run can be armed meanwhile.

    ``maps_over``: given where aftercare still works on this run's maps, and set when it does no longer; the report is written again when
    they are there.
    """
    process = SPAWN.Process(target=_finish_or_say, args=(paths, maps_over), name=f"finish {paths.entities.label}")
    process.start()
    return process


def _finish_or_say(paths: RunPaths, maps_over: Event | None) -> None:
    """What went wrong is one sentence on stderr and exit code 1."""
    try:
        finish_record(paths)
    except StudyError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    said = finish_report(paths)
    if not said and maps_over is not None and _maps_came(paths, maps_over):
        said = finish_report(paths)
    if said:
        print(said, file=sys.stderr)


def _maps_came(paths: RunPaths, over: Event) -> bool:
    """Whether aftercare, which has outlived the run, writes its last map in time; only its files tell. It ends with the session."""
    session = multiprocessing.parent_process()
    last = sidecar(statmap(paths.folder, paths.entities.label, BRAIN, "tsnr"))
    until_s = time.monotonic() + MAPS_WITHIN_S
    while not last.exists() and time.monotonic() < until_s and not over.wait(LOOK_AGAIN_S):
        if session is not None and not session.is_alive():
            break
    return last.exists()


def speed_of(text: str) -> float:
    """``max`` is infinity.

    Raises
    ------
    StudyError : neither max nor a positive number.
    """
    try:
        speed = float("inf") if text == "max" else float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise StudyError(f"--speed is max or a positive number such as 1 or 2, not {text!r}.")
    return speed
