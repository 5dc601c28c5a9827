"""A whole simulated run in one call, for the command line: scenario file -> rendered -> played into a folder."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from rtfmri.simulate.render import Progress, render
from rtfmri.simulate.scanner import Written, play
from rtfmri.simulate.scenario import load_scenario


def simulate_run(
    scenario_file: Path,
    to: Path,
    *,
    keep: Path | None = None,
    speed: float = 1.0,
    delay_s: float = 0.0,
    progress: Progress | None = None,
    on_written: Callable[[Written], None] | None = None,
    stop: threading.Event | None = None,
) -> list[Written]:
    """Render ``scenario_file``, then write its files into ``to`` at TR pace (``speed`` infinity: all at once).

    The rendered run with its truth is kept in ``keep``; without it, it goes when the last file is written.

    Raises
    ------
    StudyError : the scenario or its study is wrong, or a folder cannot be used.
    """
    scenario = load_scenario(scenario_file)
    with tempfile.TemporaryDirectory(prefix="rtfmri-simulate-") as scratch:
        rendering = render(scenario, keep or Path(scratch), progress)
        faults, seed = scenario.faults, scenario.seed
        return play(
            rendering.folder, to, scenario.tr_s, delay_s=delay_s, speed=speed, faults=faults, seed=seed, stop=stop, on_written=on_written
        )
