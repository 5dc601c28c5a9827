"""``rtfmri realign``: the estimator of a live run over a recorded one.

The steps are those of the critical path: prefilter, then estimate from where the last volume was found. CPU time is the whole process's
while it estimates or reslices; start-up, compilation, reading and the reference's preparation are left out.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from rich.console import Console

from rtfmri.acquisition.nifti_files import SUFFIXES
from rtfmri.acquisition.nifti_volume import tr_s_of
from rtfmri.acquisition.recorded import read_recording
from rtfmri.cli.realign_outputs import Realigned, ReslicedSeries, check_writable, matrices_of, report, write_confounds
from rtfmri.cli.realign_reference import Against, Open, choice_of, flag_of, prepared
from rtfmri.cli.wiring import bar
from rtfmri.errors import StudyError, VolumeError
from rtfmri.pipeline.step import SAME_GRID_MM
from rtfmri.record.durable import write_whole
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.realign import estimate, warm_up
from rtfmri.registration.reslice import reslice
from rtfmri.registration.reslice import warm_up as reslice_warm_up
from rtfmri.rigid import RigidTransform
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Array, Image, Missing, SourceFault, SourceItem, Volume

ANY_TR_S = 1.0  # stands in resliced files whose source does not tell
CUBIC = 3  # the order of the estimate's coefficients


@dataclass(frozen=True)
class Outputs:
    """Where what is written; ``order`` of the B-spline that reslices."""

    matrices: Path
    resliced: Path | None
    order: int
    confounds: Path | None


def realign_recording(source: Path, reference: str, outputs: Outputs, series: int | None, threads: int) -> int:
    """Realign, write, say what it cost; 1 where no volume was found.

    Raises
    ------
    StudyError : no such source or reference, an output that cannot be written, nothing that can be read.
    """
    console, aside = Console(), Console(stderr=True)
    if not source.exists():
        raise StudyError(f"{source} is not there; check the path.")
    choice = choice_of(reference)
    if outputs.resliced is not None and not outputs.resliced.name.endswith((".nii", ".nii.gz")):
        raise StudyError(f"--resliced {outputs.resliced}: give a name that ends in .nii or .nii.gz.")
    check_writable(outputs.matrices, outputs.resliced, outputs.confounds)
    volumes = _opener(source, series)
    warm_up()
    reslice_warm_up(outputs.order)
    against = prepared(choice, volumes)
    try:
        found = _realigned(volumes, against, outputs, aside)
        write_whole(outputs.matrices, [_npy(matrices_of(found))])
        if outputs.confounds is not None:
            write_confounds(outputs.confounds, found)
    except OSError as error:
        raise StudyError(f"The outputs cannot be written ({error.strerror}); free some space or choose another folder.") from None
    shape, sizes = against.grid.shape, " x ".join(f"{mm:.2f}" for mm in against.grid.voxel_size_mm)
    console.print(f"{len(found)} volumes against {against.words}, {shape[0]}x{shape[1]}x{shape[2]} at {sizes} mm.", soft_wrap=True)
    if threads > 1:
        console.print("One thread was used: the estimate does not run on more.")
    report(found, console)
    written = [str(path) for path in (outputs.matrices, outputs.resliced, outputs.confounds) if path is not None]
    console.print(f"Written: {', '.join(written)}.", soft_wrap=True)
    return 0 if any(one.transform is not None for one in found) else 1


def _opener(source: Path, series: int | None) -> Open:
    settings = Acquisition(series=SeriesRule(number=series), tr_s=None if _tells_tr(source) else ANY_TR_S)
    return lambda: read_recording(source, settings)


def _tells_tr(source: Path) -> bool:
    """Motion needs no repetition time, but reading does: False where NIfTI files have none, as 3D ones often do."""
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    first = next((path for path in files if path.name.lower().endswith(SUFFIXES)), None)
    try:
        return first is None or tr_s_of(nibabel.load(first).header) is not None
    except Exception:  # nibabel raises many kinds for a file that it cannot make out; reading says what is wrong with it
        return True


def _realigned(volumes: Open, against: Against, outputs: Outputs, aside: Console) -> tuple[Realigned, ...]:
    """Every volume number from 0 to the last; what was said of the files goes to ``aside``."""
    found: dict[int, Realigned] = {}
    tr_s = 0.0
    with ExitStack() as stack:
        task = (progress := stack.enter_context(bar(aside))).add_task("realigning", total=None)
        series = None if outputs.resliced is None else stack.enter_context(ReslicedSeries(outputs.resliced, against.grid))
        for part in _parts(volumes, against.first):
            start = RigidTransform(centre_mm=against.own.centre_mm)
            for item in part:
                if isinstance(item, SourceFault):
                    aside.print(item.text, soft_wrap=True)
                elif isinstance(item, Missing):
                    found[item.index] = Realigned(item.index, None, f"missing: {item.reason}")
                elif isinstance(item, Volume):
                    tr_s = item.tr_s
                    found[item.index], start = _one(item, against, start, series, outputs.order)
                    progress.advance(task)
        if series is not None:
            series.finish(1 + max(found), tr_s)
    return tuple(found.get(index) or Realigned(index, None, "missing") for index in range(1 + max(found)))


def _parts(volumes: Open, first: int) -> Iterator[Iterator[SourceItem]]:
    """The run from its reference on, as live; then what came before, told of already where it was no volume."""
    yield (item for item in volumes() if not isinstance(item, Volume | Missing) or item.index >= first)
    if first > 0:
        yield _before(volumes, first)


def _before(volumes: Open, first: int) -> Iterator[SourceItem]:
    for item in volumes():
        if isinstance(item, Volume | Missing):
            if item.index >= first:
                return
            yield item


def _one(
    volume: Volume, against: Against, start: RigidTransform, series: ReslicedSeries | None, order: int
) -> tuple[Realigned, RigidTransform]:
    """What was found, and where the next volume starts from: an estimate that is not sure is no start."""
    if volume.grid.difference_mm(against.own.grid) > SAME_GRID_MM:
        return Realigned(volume.index, None, "it lies on another grid than the reference"), start
    began_s = time.process_time()
    try:
        coefficients = prefilter(volume.data)
        estimated = estimate(against.own, coefficients, start)
    except VolumeError as error:
        return Realigned(volume.index, None, str(error)), start
    estimate_ms = 1e3 * (time.process_time() - began_s)
    if not estimated.converged:
        return Realigned(volume.index, None, flag_of(estimated), estimate_ms), start
    whole = estimated.transform if against.session is None else estimated.transform.after(against.session)
    reslice_ms = None if series is None else _resliced(volume, coefficients, whole, series, order)
    flag = flag_of(estimated)
    return Realigned(volume.index, whole, flag, estimate_ms, reslice_ms), start if flag else estimated.transform


def _resliced(volume: Volume, coefficients: Image, transform: RigidTransform, series: ReslicedSeries, order: int) -> float:
    """Put the volume into the series; CPU ms that its reslicing took, another prefilter where ``order`` is not cubic included."""
    began_s = time.process_time()
    fitting = coefficients if order == CUBIC else prefilter(volume.data, order)
    image = reslice(fitting, series.grid, transform, volume.grid, order)
    took_ms = 1e3 * (time.process_time() - began_s)
    series.put(volume.index, image)
    return took_ms


def _npy(matrices: Array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, matrices)
    return stream.getvalue()
