"""The verbs of a session: before, during and beside a run. Each is a thin function that hands its options to its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtfmri.cli.options import Addresses, Callers, Listen, ListenAddress, Out, Poll, Port, RunNumber, Ses, Sub, Title, app


@app.command()
def check(
    study: Annotated[Path, typer.Argument(help="The study file (TOML).")],
    watch: Annotated[Path | None, typer.Option("--watch", help="The folder that the scanner writes its files into.")] = None,
    listen: Listen = None,
    sub: Sub = None,
    ses: Ses = "01",
    run_number: RunNumber = None,
    out: Out = Path("rtfmri_data"),
    port: Port = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON, for programs.")] = False,
) -> None:
    """**What must be true before a run**: scanner, regions, disk, display, ports. Exit code 1 where something fails; nothing is changed."""
    from rtfmri.cli.checking import check_study
    from rtfmri.preflight.asked import Asked

    raise typer.Exit(check_study(Asked(study, out, watch, listen, sub, ses, run_number, port), as_json))


@app.command()
def run(
    study: Annotated[Path, typer.Argument(help="The study file (TOML).")],
    watch: Annotated[Path | None, typer.Option("--watch", help="The folder that the scanner writes its files into.")] = None,
    listen: Listen = None,
    ae_title: Title = "RTFMRI",
    calling_ae: Callers = None,
    calling_address: Addresses = None,
    listen_address: ListenAddress = "0.0.0.0",
    sub: Sub = None,
    ses: Ses = "01",
    run_number: RunNumber = None,
    out: Out = Path("rtfmri_data"),
    port: Port = None,
    poll: Poll = None,
    once: Annotated[bool, typer.Option("--once", help="End the session after one run.")] = False,
    status: Annotated[bool, typer.Option("--status/--no-status", help="Draw the live status in this terminal.")] = True,
) -> None:
    """**Live session**: watch the scanner's folder, listen for its images, or both; realign, compute, publish.

    With --sub the run is armed at once; otherwise the session waits for `rtfmri arm`. Ctrl-C stops the run and ends the session; what
    was recorded is kept. A run that was cut off (power, crash) is resumed by the same command.
    """
    from rtfmri.acquisition.listener import Listening
    from rtfmri.cli.live import Inlets, live_session

    callers = tuple(calling_ae or ()), tuple(calling_address or ())
    listening = None if listen is None else Listening(listen, ae_title, listen_address, *callers)
    raise typer.Exit(live_session(study, Inlets(watch, poll, listening), sub, ses, run_number, out, port, once, status))


@app.command()
def arm(
    sub: Annotated[str, typer.Option("--sub", help="Participant label, letters and digits, such as 07. Never a name.")],
    ses: Ses = "01",
    run_number: RunNumber = None,
    port: Annotated[int, typer.Option("--port", min=1024, max=65532, help="The session's first port.")] = 5560,
) -> None:
    """**Open the next run** of a session that is idle on this computer; then start the scanner."""
    from rtfmri.cli.asking import tell

    raise typer.Exit(tell(port, action="arm", sub=sub, ses=ses, run=run_number))


@app.command()
def tell(
    action: Annotated[str, typer.Argument(help="stop, pause, resume, blank, unblank, card, uncard, mark or status.")],
    note: Annotated[str, typer.Option("--note", help="A note for the record, such as 'cough'.")] = "",
    port: Annotated[int, typer.Option("--port", min=1024, max=65532, help="The session's first port.")] = 5560,
) -> None:
    """**Say something to the session** on this computer: stop the run, pause the participant's screen, mark an event."""
    from rtfmri.cli.asking import tell as tell_session

    raise typer.Exit(tell_session(port, action=action, note=note))


@app.command()
def console(
    connect: Annotated[str, typer.Option("--connect", help="The engine's address.")] = "tcp://127.0.0.1:5560",
    web_port: Annotated[int, typer.Option("--web-port", min=1, max=65535, help="The page's own port.")] = 8080,
    bind: Annotated[str, typer.Option("--bind", help="Serve on this address; other than loopback needs token and TLS.")] = "127.0.0.1",
    token_file: Annotated[Path | None, typer.Option("--token-file", help="Ask for the token in this file's first line.")] = None,
    cert: Annotated[Path | None, typer.Option("--cert", help="TLS certificate (PEM).")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="The certificate's key (PEM).")] = None,
    studies: Annotated[Path | None, typer.Option("--studies", help="The folder of study files to choose from.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The dataset folder of the record. Default: the session's.")] = None,
    watch: Annotated[Path | None, typer.Option("--watch", help="The folder of the scanner's files. Default: the session's.")] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in this computer's browser.")] = True,
) -> None:
    """**The operator's page**: before, during and after a run, in a browser. May be started, closed and started again at any time."""
    from rtfmri.cli.consoling import serve_console

    raise typer.Exit(serve_console(connect, web_port, bind, token_file, (cert, key), (studies, out, watch), open_page))


@app.command()
def prepare(
    study: Annotated[Path, typer.Argument(help="The study file (TOML).")],
    sub: Annotated[str, typer.Option("--sub", help="Participant label, letters and digits, such as 07. Never a name.")],
    ses: Ses = "01",
    reference: Annotated[Path | None, typer.Option("--reference", help="A short EPI: a folder of DICOMs, or a 3D or 4D NIfTI.")] = None,
    volumes: Annotated[int, typer.Option("--volumes", min=1, help="How many of its volumes the reference is the mean of.")] = 10,
    series: Annotated[int | None, typer.Option("--series", help="Which series number of a DICOM folder. Default: the lowest.")] = None,
    anat: Annotated[Path | None, typer.Option("--anat", help="The participant's T1 (NIfTI); MNI space is then found through it.")] = None,
    from_session: Annotated[
        str | None, typer.Option("--from-session", help="Reuse the regions of this earlier session, such as 01, where its head lies now.")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Affine only: seconds, but regions may lie several millimetres off.")] = False,
    accept_by: Annotated[str | None, typer.Option("--accept-by", help="Accept, by the name of who looked at the pictures.")] = None,
    reject: Annotated[bool, typer.Option("--reject", help="Reject: no run is armed with it.")] = False,
    out: Out = Path("rtfmri_data"),
) -> None:
    """**Regions on the participant's own brain**, from a short EPI: reference, masks, and pictures to accept or reject.

    Without --reference, --accept-by NAME or --reject decide over what was prepared before; nothing is computed again.
    """
    from rtfmri.cli.preparing import Decision, From, prepare_session

    source = From(reference, volumes, series, anat, from_session, fast)
    raise typer.Exit(prepare_session(study, source, out, sub, ses, Decision(accept_by, reject)))


@app.command()
def preview(
    study: Annotated[Path, typer.Argument(help="The study file (TOML).")],
    speed: Annotated[float, typer.Option("--speed", help="How much quicker than in the scanner.")] = 10.0,
    port: Port = None,
    display: Annotated[bool, typer.Option("--display/--no-display", help="Open a display in a window; else one of yours connects.")] = True,
) -> None:
    """**Look at a study's course** on a display, ten times as quick, with made-up values; nothing is recorded."""
    from rtfmri.cli.previewing import preview_study

    raise typer.Exit(preview_study(study, speed, port, display))
