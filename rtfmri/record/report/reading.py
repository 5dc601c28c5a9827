"""From a record on the disk to ``Facts``. What cannot be read is one sentence in the report; only a journal must be there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, VolumeMessage
from rtfmri.record.layout import RunPaths
from rtfmri.record.physio import PhysioRecord, read_physio
from rtfmri.record.physio_run import recorded_physio
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.references import load_image
from rtfmri.record.report.facts import Facts, Images, StatMap
from rtfmri.record.report.opened import Opened
from rtfmri.record.summary import of_kind
from rtfmri.study import Study

T = TypeVar("T")
HIDDEN = (
    "This run is blind: the regions' values, the participant's own regulation, block scores and maps are sealed, whatever the condition. "
    "What is told here is told alike in every condition."
)


def facts_of(run: RecordedRun, opened: Opened | None = None) -> Facts:
    """All that the report needs; ``opened`` are the values of a blind run that was unblinded."""
    paths, unread = run.paths, list[str]()
    plain = _try(lambda: _json(paths.study), unread)
    study = None if plain is None else _try(lambda: _study(plain), unread)
    blind = opened is None and _is_blind(run.envelopes)
    return Facts(
        entities=run.entities,
        envelopes=run.envelopes if opened is None else opened.envelopes,
        study=study,
        versions=_try(lambda: _json(paths.versions), unread) or {},
        images=None if blind else _try(lambda: _images(paths, study), unread),
        maps=() if blind else tuple(_maps(paths, unread)),
        physio=_try(lambda: _physio(paths, run.envelopes), unread),
        unread=tuple(unread),
        hidden=HIDDEN if blind else "",
        unblinded=opened.words if opened else "",
    )


def _is_blind(envelopes: tuple[Envelope, ...]) -> bool:
    volumes = of_kind(envelopes, VolumeMessage)
    return any(volume.sealed is not None for volume in volumes) or any(getattr(e.message, "blind", False) for e in envelopes)


def _try(read: Callable[[], T], unread: list[str]) -> T | None:
    try:
        return read()
    except (StudyError, OSError) as error:
        unread.append(str(error))
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        plain: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise StudyError(f"{path.name} is not in the record or cannot be read.") from None
    return plain


def _study(plain: dict[str, Any]) -> Study:
    """As it was resolved; the files that it names are not looked for."""
    try:
        return Study.model_validate(plain)
    except ValidationError:
        raise StudyError("The recorded settings are of another version of this software and are not told here.") from None


def _images(paths: RunPaths, study: Study | None) -> Images | None:
    """None before the first good volume, which makes the reference."""
    if not paths.reference.exists():
        return None
    reference, grid = load_image(paths.reference)
    names = tuple(roi.name for roi in study.roi) if study else ()
    files = {name: path for name, path in paths.roi_masks(names).items() if path.exists()}
    found = {name: load_image(path) for name, path in files.items()}
    return Images(reference, grid, {name: weights for name, (weights, on) in found.items() if on.difference_mm(grid) < 1e-3})


def _maps(paths: RunPaths, unread: list[str]) -> Iterator[StatMap]:
    for path in sorted(paths.folder.glob(f"{paths.entities.label}_desc-*_stat-t_statmap.nii.gz")):
        about = path.with_name(path.name.replace(".nii.gz", ".json"))
        loaded = _try(lambda path=path: load_image(path), unread)  # type: ignore[misc]
        if loaded is not None:
            name = path.name.partition("_desc-")[2].partition("_stat-")[0]
            yield StatMap(name, *loaded, _try(lambda about=about: _json(about), unread) or {})  # type: ignore[misc]


def _physio(paths: RunPaths, envelopes: tuple[Envelope, ...]) -> PhysioRecord | None:
    return read_physio(paths.physio) if paths.physio.exists() else recorded_physio(paths, envelopes)
