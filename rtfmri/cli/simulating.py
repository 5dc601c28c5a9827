"""``rtfmri simulate``: render a scenario, then write its files at the scanner's pace."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from rtfmri.cli.wiring import bar, speed_of
from rtfmri.simulate.render import render
from rtfmri.simulate.scanner import play, rendered_files
from rtfmri.simulate.scenario import load_scenario


def simulate_scenario(scenario_file: Path, to: Path, speed: str, truth: Path | None) -> int:
    """Render beside ``to`` (kept, with its truth), then play into ``to``."""
    pace = speed_of(speed)
    scenario = load_scenario(scenario_file)
    console = Console()
    rendered = truth or to.with_name(to.name + "_rendered")
    with bar(console) as progress:
        task = progress.add_task("rendering", total=None)
        render(scenario, rendered, lambda done, total: progress.update(task, completed=done, total=total))
    console.print(f"Rendered with its truth in {rendered}.")
    with bar(console) as progress:
        task = progress.add_task("scanning", total=len(rendered_files(rendered)))
        faults, seed = scenario.faults, scenario.seed
        written = play(rendered, to, scenario.tr_s, speed=pace, faults=faults, seed=seed, on_written=lambda _: progress.advance(task))
    console.print(f"{len(written)} files written to {to}.")
    return 0
