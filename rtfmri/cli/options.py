"""The command ``rtfmri`` itself, and the options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtfmri import __version__

HELP = """Real-time fMRI neurofeedback: from the scanner's files to the participant's screen, and the same again in replay.

Research use only. Not a medical device. Not for diagnosis or treatment.

Start with `rtfmri demo`, which shows a whole simulated session."""

app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown", pretty_exceptions_enable=False)

Out = Annotated[Path, typer.Option("--out", help="The dataset folder (BIDS) that the record is written to.", show_default=True)]
Sub = Annotated[str | None, typer.Option("--sub", help="Participant label, letters and digits, such as 07. Never a name.")]
Ses = Annotated[str, typer.Option("--ses", help="Session label.")]
RunNumber = Annotated[int | None, typer.Option("--run", min=1, help="Run number; without it the next free one, or the one just cut off.")]
Port = Annotated[
    int | None,
    typer.Option("--port", min=1024, max=65532, help="First of four ports: messages, snapshot, returns, control. Default: the study's."),
]
Poll = Annotated[
    float | None,
    typer.Option(
        "--poll",
        min=0.005,
        help="A file is noticed within so many seconds whatever the system's events say. Default: 0.05 on network shares; on local disks "
        "the events tell at once.",
    ),
]
Listen = Annotated[
    int | None,
    typer.Option("--listen", min=1, max=65535, help="Receive images over the DICOM network (C-STORE) on this port, such as 11112."),
]
ListenAddress = Annotated[
    str,
    typer.Option("--listen-address", help="Listen on this address only. Default: on all, because the scanner is another computer."),
]
Title = Annotated[str, typer.Option("--ae-title", help="This computer's AE title; who calls another one is refused.")]
Callers = Annotated[
    list[str] | None, typer.Option("--calling-ae", help="Accept images only from this AE title; may be given more than once.")
]
Addresses = Annotated[
    list[str] | None, typer.Option("--calling-address", help="Accept images only from this IP address; may be given more than once.")
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rtfmri {__version__}")
        raise typer.Exit


@app.callback()
def _main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")] = False) -> None:
    pass
