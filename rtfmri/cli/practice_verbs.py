"""The verbs that need no scanner. Each is a thin function that hands its options to its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtfmri.cli.options import app


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the demo's record, pictures and files are kept.")] = Path("demo_output"),
    display: Annotated[bool, typer.Option("--display/--no-display", help="Open the participant's display.")] = True,
    scenario: Annotated[Path | None, typer.Option("--scenario", help="Another scenario file.")] = None,
) -> None:
    """**A whole session in front of you**: simulated scanner, engine, display, record, replay; about four minutes."""
    from rtfmri.cli.demo import run_demo

    raise typer.Exit(run_demo(out, display, scenario))


@app.command()
def simulate(
    scenario: Annotated[Path, typer.Argument(help="The scenario file (TOML); see sim_data/.")],
    to: Annotated[Path, typer.Option("--to", help="The folder that the simulated scanner writes into.")],
    speed: Annotated[str, typer.Option("--speed", help="max, or a multiple of the scanner's own speed such as 1 or 2.")] = "1",
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Where the rendered files and their truth are kept. Default: beside --to.")
    ] = None,
) -> None:
    """**A simulated scanner**: render a phantom with known truth, then write its DICOMs at the scanner's pace."""
    from rtfmri.cli.simulating import simulate_scenario

    raise typer.Exit(simulate_scenario(scenario, to, speed, truth))
