"""Recorded runs as sources: a folder of DICOM files, or one 4D NIfTI. No clock: nothing is late, so what is not there never was.

The files are surveyed first, then decoded one by one in the order of their volume numbers through the same assembler as live files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

from rtfmri.acquisition.assemble import FARTHEST, Assembler
from rtfmri.acquisition.files import read
from rtfmri.acquisition.survey import Choice, Progress, choose, survey
from rtfmri.acquisition.vendors import decode, decoder_for
from rtfmri.errors import StudyError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import EndOfSource, Grid, Missing, SourceFault, SourceItem, Volume

Order = Callable[[list[Path]], list[Path]]
SECONDS_PER_UNIT = {"sec": 1.0, "msec": 1e-3, "usec": 1e-6, "unknown": 1.0}


def read_dicoms(
    folder: Path,
    rule: SeriesRule,
    settings: Acquisition,
    *,
    obey_missing: frozenset[int] = frozenset(),
    order: Order | None = None,
    progress: Progress | None = None,
) -> Iterator[SourceItem]:
    """The run in ``folder``, in order: faults first, then every volume number from 0 to the last, then ``EndOfSource``.

    Parameters
    ----------
    obey_missing : indices that the live run gave up; they come out as ``Missing`` though there are files.
    order : turns the list of files (sorted by volume number) into the order in which they arrive; the result is the same.
    progress : called as (done, all) while the folder is surveyed, before this returns.

    Raises
    ------
    StudyError : at once, if there is no such folder, or no series in it fits ``rule``.
    """
    choice = choose(survey(folder, progress), rule)
    if not choice.files:
        reasons = [f"{fault.text}." for fault in choice.faults[:8]]
        raise StudyError(f"No series in {folder} is the run; set acquisition.series in the study to one that `inspect` lists.", *reasons)
    assembler = Assembler(missing_after_tr=settings.missing_after_tr, obey_missing=obey_missing)
    return _replay(choice, assembler, order or list)


def _replay(choice: Choice, assembler: Assembler, order: Order) -> Iterator[SourceItem]:
    now_s = 0.0
    yield from choice.faults
    numbered, unnumbered = _numbered(choice)
    yield from (SourceFault("unreadable", f"the file {path.name} of the run is refused: {reason}") for path, reason in unnumbered)
    for index in _absent(set(numbered.values())):
        yield from assembler.refuse(index, f"there is no file of volume {index + 1}", now_s)
    for path in order(sorted(numbered, key=lambda path: (numbered[path], path))):
        try:
            volume = decode(read(path.read_bytes()))
        except (VolumeError, OSError) as error:
            reason = f"the file {path.name} of the run is refused: {error if isinstance(error, VolumeError) else error.strerror}"
            yield SourceFault("unreadable", reason, index=numbered[path])
            yield from assembler.refuse(numbered[path], reason, now_s)
        else:
            yield from assembler.add(volume, now_s)
    yield from assembler.finish(now_s)
    yield EndOfSource("all files are read")


def _numbered(choice: Choice) -> tuple[dict[Path, int], list[tuple[Path, str]]]:
    """Index by file; and the files whose header gives none, with the reason."""
    numbered, unnumbered = {}, []
    for entry in choice.files:
        decoder = decoder_for(entry.header) if entry.header else None
        if entry.header is None or decoder is None:
            continue
        try:
            numbered[entry.path] = decoder.index_of(entry.header)
        except VolumeError as error:
            unnumbered.append((entry.path, str(error)))
    return numbered, unnumbered


def _absent(present: set[int]) -> Iterable[int]:
    """Numbers up to the last that no file has; numbers of damaged headers, absurdly far beyond the others, do not count."""
    sensible = [index for index in present if index <= len(present) + FARTHEST]
    return (index for index in range(max(sensible, default=0)) if index not in present)


def read_nifti(path: Path, tr_s: float | None = None, *, obey_missing: frozenset[int] = frozenset()) -> Iterator[SourceItem]:
    """One volume for each time point of a 4D NIfTI, scaled as its header says, then ``EndOfSource``. Times are not known.

    Parameters
    ----------
    tr_s : seconds; needed where the header has none, and then it counts more than the header's.

    Raises
    ------
    StudyError : at once, if the file is not there, is no NIfTI, is not 4D, or has no TR.
    """
    image = _open_nifti(path)
    header_tr_s = float(f"{image.header.get_zooms()[3]:.7g}") * SECONDS_PER_UNIT.get(image.header.get_xyzt_units()[1], math.nan)
    tr_s = header_tr_s if tr_s is None else tr_s  # float32 holds seven digits: 2.2, not 2.200000047683716
    if not (math.isfinite(tr_s) and tr_s > 0):
        raise StudyError(f"{path.name} has no repetition time in its header; give acquisition.tr_s in the study.")
    return _time_points(image, _values(image, path.name), tr_s, obey_missing)


def _open_nifti(path: Path) -> Any:
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
