"""Recorded DICOM runs as sources (NIfTI: nifti_files.py, PAR/REC: parrec.py). No clock: nothing is late, so what is not there never was.

The files are surveyed first, then decoded one by one in the order of their volume numbers through the same assembler as live files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rtfmri.acquisition.assemble import FARTHEST
from rtfmri.acquisition.intake import Intake, Opened
from rtfmri.acquisition.layout import layout_of
from rtfmri.acquisition.nifti_files import holds_nifti, read_nifti
from rtfmri.acquisition.parrec import holds_parrec, read_parrec
from rtfmri.acquisition.slices import Mark
from rtfmri.acquisition.survey import Choice, Progress, choose, survey
from rtfmri.acquisition.vendors import decoder_for
from rtfmri.errors import StudyError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import EndOfSource, SourceFault, SourceItem

__all__ = ["read_dicoms", "read_nifti", "read_parrec", "read_recording"]

Order = Callable[[list[Path]], list[Path]]


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
    return _replay(choice, rule, settings, obey_missing, order or list)


def read_recording(
    source: Path, settings: Acquisition, *, obey_missing: frozenset[int] = frozenset(), order: Order | None = None
) -> Iterator[SourceItem]:
    """The run in ``source``: a folder of DICOM files, a 4D NIfTI or a folder of 3D ones, a PAR/REC pair or a folder of pairs.

    Raises
    ------
    StudyError : at once, if it holds no run; see ``read_dicoms``, ``read_nifti``, ``read_parrec``.
    """
    if holds_parrec(source):
        return read_parrec(source, obey_missing=obey_missing)
    if source.is_dir() and not holds_nifti(source):
        return read_dicoms(source, settings.series, settings, obey_missing=obey_missing, order=order)
    return read_nifti(source, tr_s=settings.tr_s, obey_missing=obey_missing)


def _replay(choice: Choice, rule: SeriesRule, settings: Acquisition, obey_missing: frozenset[int], order: Order) -> Iterator[SourceItem]:
    now_s = 0.0
    yield from choice.faults
    marks, unnumbered = _marks(choice)
    layout = layout_of(list(marks.values()))
    numbered = {path: index for path, mark in marks.items() if (index := layout.index_of(mark)) is not None}
    intake = Intake(rule, settings, obey_missing=obey_missing, layout=layout)
    yield from (SourceFault("unreadable", f"the file {path.name} of the run is refused: {reason}") for path, reason in unnumbered)
    for index in _absent(set(numbered.values())):
        yield from intake.refuse(index, f"there is no file of volume {index + 1}", now_s)
    left = Counter(numbered.values())
    for path in order(sorted(numbered, key=lambda path: (numbered[path], path))):
        index = numbered[path]
        yield from intake.take(_opened(intake, path, marks[path]), now_s)
        left[index] -= 1
        if not left[index]:
            yield from intake.close(index, now_s)
    yield from intake.finish(now_s)
    yield EndOfSource("all files are read")


def _opened(intake: Intake, path: Path, mark: Mark) -> Opened:
    try:
        return intake.open(path.read_bytes(), settled=True)
    except (VolumeError, OSError) as error:
        reason = f"the file {path.name} of the run is refused: {error if isinstance(error, VolumeError) else error.strerror}"
        return Opened(mark=mark, fault=SourceFault("unreadable", reason))


def _marks(choice: Choice) -> tuple[dict[Path, Mark], list[tuple[Path, str]]]:
    """What each file's header says of where it belongs; and the files whose header says nothing, with the reason."""
    marks, unnumbered = {}, []
    for entry in choice.files:
        decoder = decoder_for(entry.header) if entry.header else None
        if entry.header is None or decoder is None:
            continue
        try:
            marks[entry.path] = decoder.mark(entry.header)
        except VolumeError as error:
            unnumbered.append((entry.path, str(error)))
    return marks, unnumbered


def _absent(present: set[int]) -> Iterable[int]:
    """Numbers up to the last that no file has; numbers of damaged headers, absurdly far beyond the others, do not count."""
    sensible = [index for index in present if index <= len(present) + FARTHEST]
    return (index for index in range(max(sensible, default=0)) if index not in present)
