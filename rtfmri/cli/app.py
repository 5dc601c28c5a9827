"""The verbs of ``rtfmri``; each is a thin function that hands its options to its own file."""

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
    action: Annotated[str, typer.Argument(help="stop, pause, resume, blank, unblank, mark or status.")],
    note: Annotated[str, typer.Option("--note", help="A note for the record, such as 'cough'.")] = "",
    port: Annotated[int, typer.Option("--port", min=1024, max=65532, help="The session's first port.")] = 5560,
) -> None:
    """**Say something to the session** on this computer: stop the run, pause the participant's screen, mark an event."""
    from rtfmri.cli.asking import tell as tell_session

    raise typer.Exit(tell_session(port, action=action, note=note))


@app.command()
def replay(
    source: Annotated[Path, typer.Argument(help="A recorded run (its journal or folder), a folder of DICOMs, or a 4D NIfTI.")],
    study: Annotated[Path | None, typer.Option("--study", help="The study file; a recorded run brings its own.")] = None,
    speed: Annotated[str, typer.Option("--speed", help="max, or a multiple of the scanner's own speed such as 1 or 2.")] = "max",
    out: Annotated[Path | None, typer.Option("--out", help="Where the record of the replay is written. Default: rtfmri_replay.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Say whether every value is bit-identical; exit code 1 where not.")] = False,
    against: Annotated[Path | None, typer.Option("--against", help="The recorded run to compare with and whose decisions to obey.")] = None,
    shuffle: Annotated[int | None, typer.Option("--shuffle", help="Let DICOMs arrive in a random order with this seed.")] = None,
    sub: Sub = None,
    ses: Ses = "01",
    run_number: RunNumber = None,
    port: Port = None,
) -> None:
    """**Send a recording through the same pipeline again.**

    At a speed other than max the replay is published, so a display can be watched with it. With --verify a recorded run is compared with
    itself; DICOMs and NIfTI are compared with the run given by --against, or, without one, with a second pass over the same files in a
    fresh process and a shuffled order.
    """
    from rtfmri.cli.replaying import replay_source

    raise typer.Exit(replay_source(source, study, speed, out, verify, against, shuffle, (sub, ses, run_number), port))


@app.command()
def realign(
    source: Annotated[Path, typer.Argument(help="A 4D NIfTI, a folder of DICOMs or of 3D NIfTIs, or PAR/REC.")],
    out: Annotated[Path, typer.Option("--out", help="Matrices (N,4,4) as .npy: RAS mm, reference to volume; NaN where there is none.")],
    reference: Annotated[
        str,
        typer.Option(
            "--reference",
            help="N: the volume with this number, counted from 0. mean:N: the mean of the first N good volumes, realigned to the first. "
            "Or a NIfTI file of an earlier run or session, which is found once in the first volume.",
        ),
    ] = "0",
    resliced: Annotated[Path | None, typer.Option("--resliced", help="Write the realigned series, .nii or .nii.gz (float32).")] = None,
    order: Annotated[int, typer.Option("--order", min=3, max=7, help="Order of the B-spline that reslices.")] = 3,
    confounds: Annotated[Path | None, typer.Option("--confounds", help="Write the parameters as a TSV with fMRIPrep's names.")] = None,
    series: Annotated[int | None, typer.Option("--series", help="Which series number of a DICOM folder. Default: the lowest.")] = None,
    threads: Annotated[
        int, typer.Option("--threads", min=1, help="For comparison with other tools. One is used, and the numbers never depend on it.")
    ] = 1,
) -> None:
    """**Realign a recording** with the estimator of a live run: matrices, their cost in CPU time, a summary of the motion."""
    from rtfmri.cli.realigning import Outputs, realign_recording

    raise typer.Exit(realign_recording(source, reference, Outputs(out, resliced, order, confounds), series, threads))


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
def localize(
    source: Annotated[Path, typer.Argument(help="A recorded run: its journal, or a folder that holds one.")],
    roi: Annotated[
        list[str] | None, typer.Option("--roi", help="A region of the study; may be given more than once. Default: all.")
    ] = None,
    contrast: Annotated[str | None, typer.Option("--contrast", help="One of the study's contrasts. Default: regulation - rest.")] = None,
    plus: Annotated[list[str] | None, typer.Option("--plus", help="A block that should respond more; rest is possible.")] = None,
    minus: Annotated[list[str] | None, typer.Option("--minus", help="A block to compare with. Default: rest.")] = None,
    top: Annotated[float, typer.Option("--top", min=1, max=100, help="How many percent of a region's voxels are chosen.")] = 30.0,
    contiguous: Annotated[bool, typer.Option("--contiguous", help="Choose voxels that hang together, grown from the peak.")] = False,
    smooth: Annotated[float, typer.Option("--smooth", min=0, help="Smoothing before the map is computed, FWHM in mm.")] = 4.0,
    out: Annotated[Path | None, typer.Option("--out", help="The dataset folder to write into. Default: the run's own.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Replace what was localized from this run before.")] = False,
) -> None:
    """**Subject-specific regions** and the feedback range, from a recorded localizer run.

    The run that chose the voxels must not be used to test the effect in them.
    """
    from rtfmri.cli.localize_outputs import Choosing
    from rtfmri.cli.localizing import localize as localize_run

    compared = contrast, tuple(plus or ()), tuple(minus or ())
    raise typer.Exit(localize_run(source, tuple(roi or ()), compared, Choosing(top, contiguous, smooth), out, again))


@app.command()
def train(
    runs: Annotated[list[Path], typer.Argument(help="Recorded runs of one participant: journals, or folders that hold one each.")],
    out: Annotated[Path, typer.Option("--out", help="The weight map, NAME.nii.gz; NAME.json is written beside it.")],
    mask: Annotated[str, typer.Option("--mask", help="brain, a region of the study, or a NIfTI on the first run's image.")] = "brain",
    plus: Annotated[str | None, typer.Option("--plus", help="The block to tell. Default: the only kind of regulation block.")] = None,
    minus: Annotated[str, typer.Option("--minus", help="The block to tell it from.")] = "rest",
    voxels: Annotated[int, typer.Option("--voxels", min=1, help="How many voxels the decoder has at most.")] = 500,
) -> None:
    """**A linear decoder** from recorded runs, for `signal.measure.kind = "decoder"`, and how well it does on blocks left out."""
    from rtfmri.cli.training import Wish, train_decoder

    raise typer.Exit(train_decoder(tuple(runs), out, Wish(plus, minus, mask, voxels)))


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


@app.command()
def inspect(
    folder: Annotated[Path, typer.Argument(help="A folder of DICOM files.")],
    study: Annotated[
        Path | None, typer.Option("--study", help="A study file: say which series its rule would take, and why not others.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON, for programs.")] = False,
    nifti: Annotated[Path | None, typer.Option("--nifti", help="Decode one series (with --study: its run) to this NIfTI file.")] = None,
    series: Annotated[int | None, typer.Option("--series", help="Which series number to decode; needed where there are several.")] = None,
) -> None:
    """**What series are in a folder**, which of them is the run, and decode one."""
    from rtfmri.cli.inspecting import inspect_folder

    raise typer.Exit(inspect_folder(folder, study, as_json, nifti, series))


@app.command()
def seal(
    allocation: Annotated[Path, typer.Argument(help="A CSV with the columns sub, condition and, where wanted, ses, run, source, region.")],
    out: Annotated[Path, typer.Option("--out", help="The sealed file, for the study's control.allocation.")],
    key_out: Annotated[Path | None, typer.Option("--key-out", help="Make a new key and keep it in this file.")] = None,
    key: Annotated[Path | None, typer.Option("--key", help="Seal with the key of an earlier allocation instead.")] = None,
    study: Annotated[Path | None, typer.Option("--study", help="Check regions and timing against this study file.")] = None,
) -> None:
    """**Seal who is shown what** (own, yoked, control_roi, none); for somebody who does not operate."""
    from rtfmri.cli.sealing import seal_allocation

    raise typer.Exit(seal_allocation(allocation, out, key_out, key, study))


@app.command()
def unblind(
    source: Annotated[Path, typer.Argument(help="A recorded blind run (its journal or folder), or a whole dataset.")],
    key: Annotated[Path | None, typer.Option("--key", help="The key that the allocation was sealed with.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who opens the runs.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    audit: Annotated[bool, typer.Option("--audit", help="Open nothing: show and check who opened what in this dataset.")] = False,
) -> None:
    """**Open blind runs** after a study: own values and conditions in tables of their own, and a line in the audit."""
    from rtfmri.cli.sealing import unblind_runs

    raise typer.Exit(unblind_runs(source, key, by, reason, audit))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", help="Where the demo's record, pictures and files are kept.")] = Path("demo_output"),
    display: Annotated[bool, typer.Option("--display/--no-display", help="Open the participant's display.")] = True,
    scenario: Annotated[Path | None, typer.Option("--scenario", help="Another scenario file.")] = None,
) -> None:
    """**A whole session in front of you**: simulated scanner, engine, display, record, replay; about four minutes."""
    from rtfmri.cli.demo import run_demo

    raise typer.Exit(run_demo(out, display, scenario))
