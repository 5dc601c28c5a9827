"""The regions of this participant: prepared, looked at and accepted; localized where the study says so; whole and large enough.

What arm would refuse is refused here, by the same code: ``for_participant`` and ``read_materials`` of the engine, which lie above this
layer, are handed in (``ForArm``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, RunKind
from rtfmri.pipeline import Materials
from rtfmri.preflight.check import Check
from rtfmri.preparation.localizer import Localized, load_localizer
from rtfmri.preparation.prepared import Prepared, load_prepared, prepared_path
from rtfmri.signals.rois import INSIDE, MINIMUM_VOXELS
from rtfmri.study import Study

T = TypeVar("T")


@dataclass(frozen=True)
class ForArm:
    """What arm does with a study before anything is written; each raises ``StudyError`` where it refuses.

    entities_of : (study, out, sub, ses, run) -> the run that is meant; ``run`` None: the next, or the one just cut off.
    """

    entities_of: Callable[[Study, Path, str, str, int | None], Entities]
    for_participant: Callable[[Study, Entities, Path], Study]
    read_materials: Callable[[Study], Materials]


@dataclass(frozen=True, eq=False)
class Regions:
    """``study`` is the participant's, ``materials`` its files: both None where arm would refuse, for these ``problems``. ``prepared`` and
    ``localized`` are there where the study needs them and they are; else the reason why they are not."""

    problems: tuple[str, ...] = ()
    study: Study | None = None
    materials: Materials | None = None
    prepared: Prepared | str | None = None
    localized: Localized | str | None = None


def read_regions(study: Study, entities: Entities, out: Path, for_arm: ForArm) -> Regions:
    prepared = _prepared(out, entities) if needs_preparation(study) else None
    localized = _or_why(lambda: load_localizer(out, entities.sub, entities.ses)) if needs_localizer(study) else None
    try:
        own = for_arm.for_participant(study, entities, out)
        return Regions((), own, for_arm.read_materials(own), prepared, localized)
    except StudyError as error:
        return Regions(error.problems, None, None, prepared, localized)


def _prepared(out: Path, entities: Entities) -> Prepared | str:
    path = prepared_path(out, entities.sub, entities.ses)
    if not path.is_file():
        return f"Nothing is prepared yet for sub-{entities.sub} ses-{entities.ses}."
    return _or_why(lambda: load_prepared(path))


def _or_why(load: Callable[[], T]) -> T | str:
    try:
        return load()
    except StudyError as error:
        return str(error)


def needs_preparation(study: Study) -> bool:
    """Whether a region or a tissue of the study comes from ``rtfmri prepare``."""
    tissue = any(name in study.signal.nuisance and getattr(study.tissue, name) is None for name in ("white_matter", "csf"))
    return not any(roi.localized for roi in study.roi) and (tissue or any(roi.needs_preparation for roi in study.roi))


def needs_localizer(study: Study) -> bool:
    return any(roi.localized for roi in study.roi) or study.signal.range_from == "localizer"


def region_checks(study: Study, regions: Regions, kind: RunKind) -> tuple[Check, ...]:
    checks = [_preparation(regions.prepared)] if needs_preparation(study) else []
    checks += [_localizer(regions.localized)] if needs_localizer(study) else []
    if not any(check.state == "failed" for check in checks):
        checks.append(_files(regions))
    return (*checks, *_provisional(study, kind))


def _preparation(prepared: Prepared | str | None) -> Check:
    name = "preparation"
    if not isinstance(prepared, Prepared):
        return Check(
            name, "failed", prepared or "There is none.", "Scan a short EPI, then: rtfmri prepare STUDY --reference EPI --sub ... --ses ..."
        )
    page, picture = prepared.path.with_suffix(".html"), picture_of(prepared)
    who = f"sub-{prepared.sub} ses-{prepared.ses}"
    if prepared.problems:
        return Check(name, "failed", " ".join(prepared.problems), "Prepare again with a better reference.", picture, page)
    if prepared.rejected:
        return Check(name, "failed", f"The preparation of {who} was rejected.", "Prepare again with a better reference.", picture, page)
    if prepared.accepted_by is None:
        text = f"The regions of {who} are prepared, but nobody has accepted them by eye."
        return Check(name, "failed", text, "Look at the pictures and accept them, or reject them.", picture, page)
    when = (prepared.accepted_at or "")[:16].replace("T", " ")
    return Check(name, "ok", f"The regions of {who} were accepted by {prepared.accepted_by}, {when} UTC.", "", picture, page)


def picture_of(prepared: Prepared) -> Path | None:
    """The picture of the first region, else of the brain's outline."""
    stem = f"sub-{prepared.sub}_ses-{prepared.ses}_desc-"
    names = [f"{stem}{name.replace('_', '')}_picture.png" for name in (*prepared.rois, "brain")]
    return next((path for name in names if (path := prepared.path.parent / name).is_file()), None)


def _localizer(localized: Localized | str | None) -> Check:
    if not isinstance(localized, Localized):
        return Check("localizer", "failed", localized or "There is none.", "Record a localizer run, then `rtfmri localize` it.")
    voxels = ", ".join(f"{name} {region.voxels}" for name, region in localized.regions.items())
    full = f"{localized.range.full:.3g} {localized.range.unit}"
    return Check("localizer", "ok", f"From {localized.run}: voxels {voxels}; range {full}.")


def _files(regions: Regions) -> Check:
    if regions.materials is None:
        return Check("regions", "failed", "\n".join(regions.problems), "Arm would refuse this; correct it first.")
    counts = {name: int(np.count_nonzero(np.asarray(mask.data) >= INSIDE)) for name, mask in regions.materials.masks.items()}
    small = [f"{name} {count}" for name, count in counts.items() if count < MINIMUM_VOXELS]
    if small:
        advice = f"At least {MINIMUM_VOXELS} are needed; enlarge the region, or check its file."
        return Check("regions", "failed", f"Too few voxels: {', '.join(small)}.", advice)
    return Check("regions", "ok", f"Voxels: {', '.join(f'{name} {count}' for name, count in counts.items())}.")


def _provisional(study: Study, kind: RunKind) -> tuple[Check, ...]:
    names = ", ".join(roi.name for roi in study.roi if roi.is_provisional)
    if not names:
        return ()
    said, who = f"PROVISIONAL, not confirmed by your lab: {names}", study.study.accept_provisional_by
    if who:
        return (Check("provisional", "ok", f"{said}; {who} answers for it."),)
    advice = "Give your own regions, or write study.accept_provisional_by = 'your name'."
    return (Check("provisional", "failed" if kind == "feedback" else "warning", f"{said}.", advice),)
