"""Read what a study points to, once, before a run: ROI masks and the reference."""

from __future__ import annotations

from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.pipeline import GridImage, Materials
from rtfmri.record.references import load_image
from rtfmri.study import Study


def read_materials(study: Study) -> Materials:
    """The masks and the reference of ``study``.

    Raises
    ------
    StudyError : a region is still in MNI space, or a file is no 3D NIfTI; all problems at once.
    """
    problems: list[str] = []
    masks: dict[str, GridImage] = {}
    for roi in study.roi:
        if roi.mask is None:
            problems.append(
                f"roi {roi.name}: a sphere in MNI space has no place on this participant's EPI yet; "
                "run prepare first, or give a mask on the EPI's grid."
            )
            continue
        try:
            masks[roi.name] = _read(roi.mask)
        except StudyError as error:
            problems.append(f"roi {roi.name}: {error}")
    given = study.registration.file
    reference = None
    if given is not None:
        try:
            reference = _read(given)
        except StudyError as error:
            problems.append(f"registration.reference: {error}")
    if problems:
        raise StudyError(*problems)
    return Materials(masks, reference)


def _read(path: Path) -> GridImage:
    data, grid = load_image(path)
    return GridImage(data, grid)
