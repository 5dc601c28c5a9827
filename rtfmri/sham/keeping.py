"""A run's own sealed allocation, kept in its record: the run is resumed, replayed and opened with it, wherever it has been moved to."""

from __future__ import annotations

from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.record.durable import write_whole
from rtfmri.record.layout import RunPaths
from rtfmri.sham.allot import Allotted
from rtfmri.study import Study


def kept_allocation(paths: RunPaths) -> Path:
    """Where it lies; its name is the same in every condition, and so is its length."""
    return paths.folder / f"{paths.entities.label}_desc-control_allocation.json"


def keep(paths: RunPaths, allotted: Allotted) -> None:
    """At arm; what a run that is resumed began with stays.

    Raises
    ------
    StudyError : it cannot be written.
    """
    path = kept_allocation(paths)
    if allotted.kept is None or path.exists():
        return
    try:
        write_whole(path, [allotted.kept])
    except OSError as error:
        raise StudyError(f"{path} cannot be written ({error.strerror}); free some space or choose another output folder.") from None


def as_kept(study: Study, paths: RunPaths) -> Study:
    """The study with the allocation that the run began with, where there is one: of a run that is resumed."""
    path = kept_allocation(paths)
    if not path.exists():
        return study
    return study.model_copy(update={"control": study.control.model_copy(update={"allocation": path})})
