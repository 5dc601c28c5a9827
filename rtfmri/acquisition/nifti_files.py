"""NIfTI files as a run: one 4D file, or a folder of 3D files that came one for each volume.

Rules:
* the volume number of a 3D file is the last number in its name (``vol_0012.nii.gz`` is 12). It counts from 1, as the scanner does; a
  recorded folder that has a file with number 0 counts from 0;
* data and affine are taken as they are stored, scaled as the header says. Times are not known;
* TR is the header's, which 3D files often lack, unless the study gives one (``acquisition.tr_s``), which then counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from rtfmri.acquisition.assemble import Assembler
from rtfmri.acquisition.nifti_volume import tr_s_of, volume_of_file
from rtfmri.errors import StudyError, VolumeError
from rtfmri.study import SeriesRule
from rtfmri.volume import EndOfSource, Grid, Missing, SourceFault, SourceItem, Volume

SUFFIXES = (".nii", ".nii.gz")


def read_nifti(path: Path, tr_s: float | None = None, *, obey_missing: frozenset[int] = frozenset()) -> Iterator[SourceItem]:
    """One volume for each time point of a 4D NIfTI, or for each 3D NIfTI in a folder, then ``EndOfSource``.

    Parameters
    ----------
    tr_s : seconds; needed where the header has none, and then it counts more than the header's.
    obey_missing : indices that the live run gave up; they come out as ``Missing``.

    Raises
    ------
    StudyError : at once, if the file is not there, is no NIfTI, is not 4D, or has no TR; or if the folder has no NIfTI files with numbers.
    """
    if path.is_dir():
        return _folder(path, _numbered(path), tr_s, obey_missing)
    image = _open(path)
    tr_s = tr_s_of(image.header) if tr_s is None else tr_s
    if tr_s is None:
        raise StudyError(f"{path.name} has no repetition time in its header; give acquisition.tr_s in the study.")
    return _time_points(image, _values(image, path.name), tr_s, obey_missing)


def number_in(name: str) -> int | None:
    """The last number in a file's name; None where there is none."""
    numbers = re.findall(r"\d+", re.sub(r"\.nii(\.gz)?$", "", name, flags=re.IGNORECASE))
    return int(numbers[-1]) if numbers else None


def index_in(name: str, rule: SeriesRule) -> int:
    """The 0-based volume number of a 3D file that has just come, from its name.

    Raises
    ------
    VolumeError : it is not of the run by ``rule`` (whose pattern goes for the name), or its name has no number.
    """
    if rule.number is not None or not fnmatchcase(name.lower(), f"{rule.protocol or ''}*".lower()):
        raise VolumeError("it is not of the series that the study names")
    number = number_in(name)
    if number is None or number < 1:
        raise VolumeError("its name has no volume number, counted from 1")
    return number - 1


def holds_nifti(folder: Path) -> bool:
    """Whether there are NIfTI files in it."""
    return any(path.name.lower().endswith(SUFFIXES) for path in folder.iterdir())


def _numbered(folder: Path) -> dict[int, Path]:
    """The 3D files of a folder by index (0-based)."""
    paths = [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")]
    numbers = [number_in(path.name) for path in paths]
    numbered = {number: path for number, path in zip(numbers, paths, strict=True) if number is not None}
    if not numbered:
        raise StudyError(f"The folder {folder} has no NIfTI files with a number in their names; give the folder that holds the run.")
    if len(numbered) < len(paths):
        raise StudyError(f"The NIfTI files in {folder} do not each have a number of their own in their names; leave one run in it.")
    first = min(1, *numbered)
    return {number - first: path for number, path in sorted(numbered.items())}


def _folder(folder: Path, numbered: dict[int, Path], tr_s: float | None, obey_missing: frozenset[int]) -> Iterator[SourceItem]:
    assembler = Assembler(missing_after_tr=0.0, obey_missing=obey_missing)
    for index in range(max(numbered) + 1):
        if index not in numbered:
            yield from assembler.refuse(index, f"there is no file of volume {index + 1}", 0.0)
            continue
        try:
            volume = volume_of_file(numbered[index].read_bytes(), index, tr_s)
        except (VolumeError, OSError) as error:
            reason = f"the file {numbered[index].name} is refused: {error if isinstance(error, VolumeError) else error.strerror}"
            yield SourceFault("unreadable", reason, index=index)
            yield from assembler.refuse(index, reason, 0.0)
        else:
            yield from assembler.add(volume, 0.0)
    yield from assembler.finish(0.0)
    yield EndOfSource("all files are read")


def _open(path: Path) -> Any:
    try:
        image = nibabel.load(path)
    except FileNotFoundError:
        raise StudyError(f"The file {path} is not there; correct the path.") from None
    except Exception as error:  # nibabel raises many kinds for a file that it cannot make out
        raise StudyError(f"{path.name} cannot be read as a NIfTI file ({type(error).__name__}).") from None
    if not isinstance(image, nibabel.Nifti1Image) or len(image.shape) != 4:
        raise StudyError(f"{path.name} is no 4D NIfTI file; a run has one volume for each time point.")
    return image


def _values(image: Any, name: str) -> Any:
    """Scaled values, indexed [x, y, z, t]: all in memory if compressed (to seek in gzip is to unpack from the start), else on disk."""
    try:
        if not str(image.get_filename()).endswith(".nii"):
            return np.asanyarray(image.dataobj)
        np.asanyarray(image.dataobj[..., -1])
    except Exception as error:  # nibabel and gzip raise many kinds for a file that is cut short
        raise StudyError(f"{name} is shorter than its header says, or damaged ({type(error).__name__}).") from None
    return image.dataobj


def _time_points(image: Any, values: Any, tr_s: float, obey_missing: frozenset[int]) -> Iterator[SourceItem]:
    grid = Grid(tuple(image.shape[:3]), np.array(image.affine, dtype=np.float64))
    for index in range(image.shape[3]):
        if index in obey_missing:
            yield Missing(index, f"volume {index + 1} was given up in the live run")
        else:
            yield Volume(index, np.array(values[..., index], dtype=np.float32, order="C"), grid, tr_s)
    yield EndOfSource("all time points are read")
