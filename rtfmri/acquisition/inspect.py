"""What a folder holds, for ``rtfmri inspect``: a line for each series, and one series as a 4D NIfTI. Nothing tells who was scanned."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError

from rtfmri.acquisition.census import Census, census_of
from rtfmri.acquisition.files import read
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.acquisition.series import SeriesKey, goes_on, is_moco, key_of, why_not
from rtfmri.acquisition.survey import Progress, Surveyed, choose, series_order, survey
from rtfmri.acquisition.vendors import decode, kind_of, vendor_of
from rtfmri.errors import StudyError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Missing, SeriesSummary, Volume


def list_series(folder: Path, rule: SeriesRule | None = None, progress: Progress | None = None) -> list[SeriesSummary]:
    """Every series below ``folder``, by number. With a ``rule``, ``extra["rule"]`` says which is the run, and why the others are not.

    Raises
    ------
    StudyError : there is no such folder, or nothing in it.
    """
    return summaries_of(survey(folder, progress), rule)


def summaries_of(surveyed: list[Surveyed], rule: SeriesRule | None = None) -> list[SeriesSummary]:
    """As ``list_series``, of files that were looked at already."""
    chosen = {entry.path for entry in choose(surveyed, rule).files} if rule else set()
    listed = [_summary(files, rule, files[0].path in chosen) for files in _grouped(surveyed)]
    listed.sort(key=lambda summary: (summary.number is None, summary.number or 0, summary.protocol))
    return [*listed, *_unusable(surveyed)]


def write_nifti(folder: Path, which: int | SeriesRule, out: Path, progress: Progress | None = None) -> tuple[Missing, ...]:
    """Decode one series into a 4D float32 NIfTI (.nii or .nii.gz); volumes that are missing are zero, and returned.

    Raises
    ------
    StudyError : no such folder or series, or ``out`` cannot be written.
    """
    rule = _by_number(folder, which) if isinstance(which, int) else which
    items = list(read_dicoms(folder, rule, Acquisition(series=rule), progress=progress))
    volumes = [item for item in items if isinstance(item, Volume)]
    missing = tuple(item for item in items if isinstance(item, Missing))
    if not volumes:
        raise StudyError(f"No volume of the series in {folder} can be decoded; `inspect` says what lies there.")
    first = volumes[0]
    data = np.zeros((*first.grid.shape, max(volume.index for volume in volumes) + 1), dtype=np.float32)
    for volume in volumes:
        data[..., volume.index] = volume.data
    image = nibabel.Nifti1Image(data, first.grid.affine)
    image.header.set_zooms((*first.grid.voxel_size_mm, first.tr_s))
    image.header.set_xyzt_units("mm", "sec")
    try:
        nibabel.save(image, out)
    except (OSError, ImageFileError) as error:
        raise StudyError(f"{out} cannot be written ({error}); give a .nii or .nii.gz name in a folder that can be written.") from None
    return missing


def _by_number(folder: Path, number: int) -> SeriesRule:
    """A rule for just this series, be it the scanner's motion-corrected copy or not."""
    headers = [entry.header for entry in survey(folder) if entry.header and entry.header.series_number == number]
    if not headers:
        raise StudyError(f"There is no series {number} in {folder}; `inspect` lists those that there are.")
    return SeriesRule(number=number, moco=is_moco(headers[0]), echo=headers[0].echo_number)


def _summary(files: list[Surveyed], rule: SeriesRule | None, chosen: bool) -> SeriesSummary:
    headers = [entry.header for entry in files if entry.header is not None]
    header, census = headers[0], census_of(headers)
    shape, contained, problem = _first_decoded(files[0], census)
    notes = [problem] if problem else list(census.gaps)
    return SeriesSummary(
        number=header.series_number,
        protocol=header.protocol or header.description,
        vendor=vendor_of(header),
        kind=kind_of(header),
        shape=shape,
        tr_s=header.tr_s,
        volumes=max(census.volumes, contained),
        files=len(files),
        note="; ".join(notes),
        usable=not problem,
        extra={"complete": "no" if notes else "yes"} | ({"rule": _verdict(header, rule, chosen)} if rule else {}),
    )


def _first_decoded(entry: Surveyed, census: Census) -> tuple[tuple[int, int, int] | None, int, str]:
    """Matrix and number of volumes in the first file, and what is wrong with it."""
    try:
        pieces = decode(read(entry.path.read_bytes()))
    except (VolumeError, OSError) as error:
        return None, 0, f"cannot be decoded: {error}"
    first = pieces[0]
    if isinstance(first, Volume):
        return first.grid.shape, len(pieces), ""
    return (*first.data.shape, census.slices or 1), 0, ""


def _grouped(surveyed: list[Surveyed]) -> list[list[Surveyed]]:
    """The files of each series; what a scanner split off one (see series.py) is with it."""
    series: dict[SeriesKey, list[Surveyed]] = {}
    begun: dict[SeriesKey, Header] = {}
    for entry in sorted(surveyed, key=series_order):
        if entry.header is None:
            continue
        key = key_of(entry.header)
        if key not in begun:
            begun[key] = next((first for first in begun.values() if goes_on(entry.header, first)), entry.header)
        series.setdefault(key_of(begun[key]), []).append(entry)
    return list(series.values())


def _verdict(header: Header, rule: SeriesRule, chosen: bool) -> str:
    if chosen:
        return "the run"
    return why_not(header, rule) or "it fits the rule too, but another comes first"


def _unusable(surveyed: list[Surveyed]) -> list[SeriesSummary]:
    """One line for each reason why files are of no series."""
    reasons: dict[str, int] = {}
    for entry in surveyed:
        if entry.header is None:
            reasons[entry.problem] = reasons.get(entry.problem, 0) + 1
    return [
        SeriesSummary(None, "", "", "other files", None, None, 0, files, f"ignored: {reason}", usable=False)
        for reason, files in sorted(reasons.items())
    ]
