"""The study as it is for one participant's run: regions, tissues and range as they were prepared or localized for this session.

A study names regions in MNI space, a range "from the localizer"; what these are for this participant lies under OUT. Here they become
files and numbers, so that everything after this, and the record, knows nothing of where they came from.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rtfmri.errors import StudyError
from rtfmri.messages import Confirmed, Entities, RunStart
from rtfmri.preparation.localizer import Localized, load_localizer
from rtfmri.preparation.localizer_range import adaptive_range
from rtfmri.preparation.prepared import Prepared, load_prepared, prepared_path
from rtfmri.record.layout import RunPaths
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.summary import of_kind
from rtfmri.study import Study
from rtfmri.study.regions import RoiRule
from rtfmri.study.signal import full_range

TISSUES = ("white_matter", "csf")


def for_participant(study: Study, entities: Entities, out: Path) -> Study:
    """``study`` with every file and number of this participant and session in its place.

    Raises
    ------
    StudyError : what it needs was not prepared, localized or accepted yet; the sentence says what to run.
    """
    if any(roi.localized for roi in study.roi):
        study = _localized(study, load_localizer(out, entities.sub, entities.ses))
    elif any(roi.needs_preparation for roi in study.roi) or _lacks_tissue(study):
        study = _prepared(study, _accepted(out, entities))
    full = _range(study, entities, out)
    return study if full is None else with_range(study, full)


def _lacks_tissue(study: Study) -> bool:
    return any(name in study.signal.nuisance and getattr(study.tissue, name) is None for name in TISSUES)


def _accepted(out: Path, entities: Entities) -> Prepared:
    prepared = load_prepared(prepared_path(out, entities.sub, entities.ses))
    if not prepared.usable:
        who = f"sub-{entities.sub} ses-{entities.ses}"
        state = "was rejected" if prepared.rejected else "holds a refused region" if prepared.problems else "has not been accepted"
        raise StudyError(f"The preparation of {who} {state}; look at its page and run `rtfmri prepare` with --accept-by NAME.")
    return prepared


def _prepared(study: Study, prepared: Prepared) -> Study:
    absent = [roi.name for roi in study.roi if roi.needs_preparation and roi.name not in prepared.rois]
    if absent:
        raise StudyError(f"The preparation does not hold the regions {', '.join(absent)}; run `rtfmri prepare` with this study again.")
    others = [roi.name for roi in study.roi if roi.name in prepared.rois and prepared.sources[roi.name] != roi.source_words]
    if others:
        raise StudyError(f"The study now defines {', '.join(others)} otherwise than it was prepared; run `rtfmri prepare` again.")
    rois = tuple(
        _on_file(roi, prepared.rois[roi.name], prepared.weights[roi.name]) if roi.name in prepared.rois else roi for roi in study.roi
    )
    tissue = study.tissue.model_copy(
        update={name: getattr(study.tissue, name) or getattr(prepared, name) for name in TISSUES if name in study.signal.nuisance}
    )
    return _lying_on(study, prepared.reference).model_copy(update={"roi": rois, "tissue": tissue})


def _localized(study: Study, localized: Localized) -> Study:
    absent = [roi.name for roi in study.roi if roi.name not in localized.masks]
    if absent:
        raise StudyError(f"The localizer {localized.run} did not choose voxels of {', '.join(absent)}; run `rtfmri localize` for all.")
    rois = tuple(_on_file(roi, localized.masks[roi.name], None) for roi in study.roi)
    return _lying_on(study, localized.reference_path).model_copy(update={"roi": rois})


def _on_file(roi: RoiRule, mask: Path, voxel_weights: Path | None) -> RoiRule:
    """The region as a mask that is used as it is; one that came from a sphere stays provisional."""
    return RoiRule(name=roi.name, weight=roi.weight, mask=mask, voxel_weights=voxel_weights, provisional=roi.is_provisional)


def _lying_on(study: Study, image: Path) -> Study:
    return study.model_copy(update={"registration": study.registration.model_copy(update={"regions_on": image})})


def _range(study: Study, entities: Entities, out: Path) -> float | None:
    """What is full feedback, where it is not the study's own."""
    if study.signal.range_from == "localizer":
        return load_localizer(out, entities.sub, entities.ses).range_for(study.signal)
    if study.signal.range_from == "adaptive":
        return _adapted(study, entities, out)
    return None


def _adapted(study: Study, entities: Entities, out: Path) -> float | None:
    """From the last finished feedback run of this session; None before there is one."""
    for number in range(entities.run - 1, 0, -1):
        paths = RunPaths(out, entities.model_copy(update={"run": number}))
        if not paths.journal.exists():
            continue
        run = RecordedRun.open(paths.journal)
        starts, confirmations = of_kind(run.envelopes, RunStart), of_kind(run.envelopes, Confirmed)
        if starts and confirmations and starts[-1].run_kind == "feedback":
            last, own = full_range(run.study.signal), full_range(study.signal)
            return adaptive_range(study, confirmations[-1].tr_s, run.messages, last, own).full
    return None


def with_range(study: Study, full: float) -> Study:
    """``study`` with ``full`` as its own, fixed range."""
    signal = study.signal
    update: dict[str, Any] = {"range_from": "fixed"}
    if hasattr(signal.measure, "range"):
        update["measure"] = signal.measure.model_copy(update={"range": full})
    else:
        update["range_percent"] = full
    return study.model_copy(update={"signal": signal.model_copy(update=update)})
