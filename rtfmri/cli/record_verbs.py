"""The verbs for what was recorded, and for files in general. Each is a thin function that hands its options to its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rtfmri.cli.options import Port, RunNumber, Ses, Sub, app


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
def report(
    source: Annotated[Path, typer.Argument(help="A recorded run: its journal, a folder that holds it, or a dataset with several runs.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder that the page is written into. Default: beside the journal.")
    ] = None,
    unblinded: Annotated[
        bool, typer.Option("--unblinded", help="With the values of a blind run that `rtfmri unblind` opened, as a page of its own.")
    ] = False,
) -> None:
    """**A run on one page**: plots, quality, settings, versions, regions, faults, and what of the CRED-nf checklist the record fills."""
    from rtfmri.cli.reporting import report_runs

    raise typer.Exit(report_runs(source, out, unblinded))


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
