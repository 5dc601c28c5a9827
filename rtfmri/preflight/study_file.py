"""Whether the study file can be used; every mistake of it at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.preflight.check import Check
from rtfmri.study import Study, load_study


@dataclass(frozen=True)
class StudyFile:
    path: Path
    study: Study | None
    problems: tuple[str, ...] = ()


def read_study_file(path: Path) -> StudyFile:
    try:
        return StudyFile(path, load_study(path))
    except StudyError as error:
        return StudyFile(path, None, error.problems)


def study_check(file: StudyFile) -> Check:
    study = file.study
    if study is None:
        count = len(file.problems)
        advice = "Correct the study file, then check again." if count == 1 else f"Correct these {count} mistakes, then check again."
        return Check("study file", "failed", "\n".join(file.problems), advice)
    seconds = sum(duration_s for _, duration_s, _ in study.paradigm.parts())
    regions = ", ".join(roi.name for roi in study.roi)
    return Check("study file", "ok", f"{study.study.name}: {seconds / 60:.1f} min a run after the dummies, regions {regions}.")
