"""What lies in a folder of DICOM files: every file's header, and which of them are the run by the study's rule. No pixels are decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rtfmri.acquisition.files import read
from rtfmri.acquisition.folders import files_below
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.series import SeriesChooser
from rtfmri.errors import IncompleteError, StudyError, VolumeError
from rtfmri.study import SeriesRule
from rtfmri.volume import SourceFault

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Surveyed:
    """A file, and its header (without its private blocks) or the reason why there is none."""

    path: Path
    header: Header | None
    problem: str = ""
    truncated: bool = False


@dataclass(frozen=True)
class Choice:
    """The files of the run, and what to say of all others."""

    files: tuple[Surveyed, ...]
    faults: tuple[SourceFault, ...]


def survey(folder: Path, progress: Progress | None = None) -> list[Surveyed]:
    """Every file below ``folder``, by name; ``progress(done, all)`` is called after each.

    Raises
    ------
    StudyError : there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise StudyError(f"The folder {folder} is not there; correct the path.")
    paths = [Path(path) for path in sorted(files_below(str(folder)))]
    if not paths:
        raise StudyError(f"The folder {folder} is empty; give the folder that holds the DICOM files.")
    surveyed = []
    for done, path in enumerate(paths, start=1):
        surveyed.append(look_at(path))
        if progress is not None:
            progress(done, len(paths))
    return surveyed


def choose(surveyed: list[Surveyed], rule: SeriesRule) -> Choice:
    """The run by ``rule``: of the series that fit, the one with the lowest number, and what belongs to it."""
    chooser = SeriesChooser(rule)
    files, faults = [], _problems(surveyed)
    for entry in sorted(surveyed, key=series_order):
        if entry.header is not None:
            wanted, fault = chooser.judge(entry.header)
            files += [entry] if wanted else []
            faults += [fault] if fault is not None else []
    return Choice(tuple(files), tuple(faults))


def look_at(path: Path) -> Surveyed:
    """One file; whatever is wrong with it is its ``problem``."""
    try:
        header = read(path.read_bytes()).header
    except VolumeError as error:
        return Surveyed(path, None, str(error), isinstance(error, IncompleteError))
    except OSError as error:
        return Surveyed(path, None, f"it cannot be read ({error.strerror})")
    return Surveyed(path, replace(header, blocks={}))


def series_order(entry: Surveyed) -> tuple[float, str]:
    """By series number, then by name."""
    number = entry.header.series_number if entry.header else None
    return (float("inf") if number is None else number, str(entry.path))


def _problems(surveyed: list[Surveyed]) -> list[SourceFault]:
    """Once for each truncated file; for other files once for each kind of name and reason."""
    told: dict[tuple[str, str], SourceFault] = {}
    for entry in surveyed:
        if entry.header is None:
            code = "truncated" if entry.truncated else "unusable_file"
            pattern = (entry.path.name if entry.truncated else entry.path.suffix, entry.problem)
            told.setdefault(pattern, SourceFault(code, f"the file {entry.path.name} is ignored: {entry.problem}"))
    return list(told.values())
