"""``rtfmri prepare``: from a short EPI to regions on the participant's own grid, which the operator accepts or rejects."""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console

from rtfmri.acquisition.recorded import read_recording
from rtfmri.cli.preparing_files import accept_command, read_earlier, read_sources, write_preparation
from rtfmri.cli.wiring import bar, entities_of
from rtfmri.errors import StudyError
from rtfmri.preflight.deciding import decide, now_words
from rtfmri.preparation.prepared import Prepared, load_prepared, prepared_path
from rtfmri.record.references import load_image
from rtfmri.registration.realign import warm_up
from rtfmri.registration.reslice import warm_up as reslice_warm_up
from rtfmri.study import Acquisition, SeriesRule, Study, load_study
from rtfmri.volume import Volume

CUBIC = 3
ANY_TR_S = 1.0  # a reference needs no repetition time; 3D and some 4D files have none


@dataclass(frozen=True)
class From:
    """What is prepared: the ``reference`` (file or folder), at most ``volumes`` of it, a T1, or an earlier session's preparation."""

    reference: Path | None
    volumes: int
    series: int | None
    anat: Path | None
    from_session: str | None
    fast: bool


@dataclass(frozen=True)
class Decision:
    """Of the operator: accepted by a name, rejected, or not yet decided."""

    accept_by: str | None
    reject: bool

    @property
    def made(self) -> bool:
        return self.reject or self.accept_by is not None


def prepare_session(study_path: Path, source: From, out: Path, sub: str, ses: str, decision: Decision) -> int:
    """Prepare, write, show; or decide over what was prepared. 1 where a region is refused.

    Raises
    ------
    StudyError : the study, the reference or the T1 cannot be used, or there is nothing to decide over.
    """
    console = Console()
    study = load_study(study_path)
    entities_of(study, out, sub, ses, 1)
    if decision.reject and decision.accept_by is not None:
        raise StudyError("Give either --accept-by or --reject, not both.")
    path, accept = prepared_path(out, sub, ses), accept_command(study_path, out, sub, ses)
    problems: tuple[str, ...] = ()
    if source.reference is not None:
        problems = _prepare(study, source, out, (sub, ses), accept, console)
    elif not decision.made:
        raise StudyError("Give --reference, a short EPI of this session; or decide over a preparation with --accept-by NAME or --reject.")
    if problems:
        raise StudyError(*problems, f"The preparation was kept to be looked at: {_page(path)}.")
    prepared = load_prepared(path)
    if decision.made:
        prepared = decide(path, decision.accept_by)
    _tell(prepared, accept, console)
    return 0


def _prepare(study: Study, source: From, out: Path, labels: tuple[str, str], accept: str, console: Console) -> tuple[str, ...]:
    """Make and write; the reasons why it cannot be used."""
    if importlib.util.find_spec("ants") is None:
        raise StudyError(
            "antspyx is not installed, and MNI space cannot be found without it; install it with pip install 'rtfmri[prepare]'."
        )
    from rtfmri.preparation.anatomy import STEPS
    from rtfmri.preparation.making import make, reuse
    from rtfmri.preparation.outputs import refuse_names
    from rtfmri.preparation.reference import ReferenceImage, mean_reference

    refuse_names(study.roi)
    began_s, cpu_s = time.monotonic(), time.process_time()
    images = read_sources(study.roi)
    t1 = None if source.anat is None else load_image(source.anat)
    _refuse_missing_t1(study, source)
    earlier = None if source.from_session is None else read_earlier(study, out, labels[0], source.from_session)
    with bar(Console(stderr=True)) as progress:
        task = progress.add_task("reading the reference", total=STEPS + 2)

        def tell(words: str) -> None:
            progress.update(task, advance=1, description=words)

        warm_up()
        reslice_warm_up(CUBIC)
        reference: ReferenceImage = mean_reference(_volumes(source, study), source.volumes, study.registration.uncertain_mm)
        if earlier is None:
            preparation = make(reference, t1, study.roi, images, source.fast, tell)
        else:
            preparation = reuse(reference, earlier, study.roi, images, tell, source.from_session or "")
        tell("drawing")
        seconds = {"wall_s": round(time.monotonic() - began_s, 2), "cpu_s": round(time.process_time() - cpu_s, 2)}
        made = {"study": study.study.name, "made_at": now_words(), **seconds}
        write_preparation(preparation, out, labels, made, accept)
    console.print(
        f"Reference: the mean of {reference.volumes} volumes ({reference.left_out} left out); took {seconds['wall_s']:.0f} s "
        f"({seconds['cpu_s']:.0f} s of CPU).",
        soft_wrap=True,
        highlight=False,
    )
    return preparation.problems


def _volumes(source: From, study: Study) -> list[Volume]:
    """The volumes of the reference; a 3D NIfTI is one."""
    path = source.reference
    if path is None or not path.exists():
        raise StudyError(f"{path} is not there; give --reference a NIfTI file or a folder of DICOMs.")
    if path.is_file() and path.name.endswith((".nii", ".nii.gz")) and _is_3d(path):
        data, grid = load_image(path)
        return [Volume(0, np.nan_to_num(data), grid, ANY_TR_S)]
    settings = Acquisition(series=SeriesRule(number=source.series), tr_s=study.acquisition.tr_s)
    found: list[Volume] = []
    for item in read_recording(path, settings):
        if isinstance(item, Volume):
            found.append(item)
            if len(found) >= 2 * source.volumes:  # some may be left out
                break
    return found


def _is_3d(path: Path) -> bool:
    import nibabel as nib

    try:
        shape = nib.load(path).shape
    except Exception:  # nibabel raises many kinds for a file that it cannot make out; the reader says what is wrong with it
        return False
    return len(shape) == 3 or int(np.prod(shape[3:])) == 1


def _refuse_missing_t1(study: Study, source: From) -> None:
    in_t1 = [rule.name for rule in study.roi if any(part.space == "T1" for part in rule.all_sources)]
    if in_t1 and source.anat is None and source.from_session is None:
        raise StudyError(f"The regions {', '.join(in_t1)} lie in T1 space; give the T1 with --anat.")


def _tell(prepared: Prepared, accept: str, console: Console) -> None:
    symbols = {"good": "✔ good", "look": "▲ look", "refused": "✖ REFUSED"}
    for check in prepared.plain["checks"]:
        console.print(f"  {symbols[check['verdict']]:<9} {check['name']}: {check['words']}.", soft_wrap=True, highlight=False, markup=False)
    if prepared.provisional:
        console.print(f"Provisional regions: {', '.join(prepared.provisional)}.", soft_wrap=True, highlight=False)
    console.print(f"Pictures: {_page(prepared.path)}", soft_wrap=True, highlight=False)
    if prepared.rejected:
        console.print("REJECTED: no run can be armed with it. Prepare again with a better reference.", soft_wrap=True)
    elif prepared.accepted_by is not None:
        console.print(f"Accepted by {prepared.accepted_by}: runs can be armed.", soft_wrap=True, highlight=False, markup=False)
    else:
        console.print(f"Look at the pictures, then: {accept}   (or --reject)", soft_wrap=True, highlight=False, markup=False)


def _page(path: Path) -> Path:
    return path.with_suffix(".html")
