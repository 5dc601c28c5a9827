"""What ``rtfmri realign`` realigns to: the words of ``--reference``, and the reference made of them.

Volumes are taken in the order of a live run: from the reference on, each from where the last one was found; then those before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.record.references import load_image
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.mean import MeanOfVolumes
from rtfmri.registration.realign import Estimate, Reference, estimate, prepare
from rtfmri.registration.session import register_once
from rtfmri.rigid import RigidTransform
from rtfmri.study.registration import LEAST_MEAN, MOST_MEAN, Registration
from rtfmri.volume import Grid, Image, SourceItem, Volume

Open = Callable[[], Iterator[SourceItem]]


@dataclass(frozen=True)
class MeanOf:
    """``mean:N``: the first N good volumes."""

    volumes: int


Choice = int | MeanOf | Path  # a volume number counted from 0, a mean, a file


@dataclass(frozen=True, eq=False)
class Against:
    """``own`` is what volumes are estimated against; ``session`` takes an earlier image to it, where there is one.

    ``grid`` is that of the image which the matrices begin in; ``first`` the index (0-based) that volumes are taken from; ``words`` for
    the report.
    """

    own: Reference
    grid: Grid
    first: int
    words: str
    session: RigidTransform | None = None


def choice_of(text: str) -> Choice:
    """What ``--reference`` says.

    Raises
    ------
    StudyError : it is neither a number nor mean:N nor a file that is there.
    """
    if text.isdecimal():
        return int(text)
    mean = re.fullmatch(r"mean:(\d+)", text)
    if mean:
        volumes = int(mean[1])
        if not LEAST_MEAN <= volumes <= MOST_MEAN:
            raise StudyError(f"--reference {text}: a mean takes {LEAST_MEAN} to {MOST_MEAN} volumes, such as mean:10.")
        return MeanOf(volumes)
    if not Path(text).is_file():
        raise StudyError(f"--reference is a volume number from 0, mean:N such as mean:10, or a NIfTI file; there is no file {text}.")
    return Path(text)


def prepared(choice: Choice, volumes: Open) -> Against:
    """Read as much of the run as the reference needs, and prepare it.

    Raises
    ------
    StudyError : the run has no such volume, too few good ones, or the file's head is not found in it.
    """
    if isinstance(choice, int):
        volume = _volume(choice, volumes)
        return Against(_prepare(volume.data, volume.grid), volume.grid, volume.index, f"volume {choice}")
    first = next((item for item in volumes() if isinstance(item, Volume)), None)
    if first is None:
        raise StudyError("The run holds no volume that can be read.")
    if isinstance(choice, MeanOf):
        mean = _mean(choice.volumes, first, volumes)
        return Against(mean, first.grid, first.index, f"the mean of {choice.volumes} volumes")
    image, grid = load_image(choice)
    found = register_once(_prepare(image, grid), image, prefilter(first.data), first.grid)
    return Against(
        _prepare(first.data, first.grid), grid, first.index, f"{choice.name} ({found.words} in volume {first.index})", found.transform
    )


def flag_of(found: Estimate) -> str:
    """Why an estimate is not to be trusted, by the rules of a live run; "" where it is."""
    if not found.converged:
        return "not found"
    limit_mm = Registration().uncertain_mm
    return f"uncertain by {found.uncertainty_mm:.2f} mm" if found.uncertainty_mm > limit_mm else ""


def _prepare(image: Image, grid: Grid) -> Reference:
    """As a live run does."""
    return prepare(image, grid, head_mask(image))


def _volume(index: int, volumes: Open) -> Volume:
    last = -1
    for item in volumes():
        if isinstance(item, Volume):
            if item.index == index:
                return item
            last = item.index
    raise StudyError(f"--reference {index}: the run has no such volume; its volumes are 0 to {last}, counted from 0.")


def _mean(wanted: int, first: Volume, volumes: Open) -> Reference:
    """The mean of the first ``wanted`` volumes whose place is sure, with the mask of the first, as in a live run."""
    reference = _prepare(first.data, first.grid)
    mean, start = MeanOfVolumes.begun(first.data, first.grid), RigidTransform(centre_mm=reference.centre_mm)
    for item in volumes():
        if mean.taken == wanted:
            break
        if isinstance(item, Volume) and item.index > first.index:
            coefficients = prefilter(item.data)
            found = estimate(reference, coefficients, start)
            if not flag_of(found):
                start = found.transform
                mean = mean.with_volume(coefficients, found.transform)
    if mean.taken < wanted:
        raise StudyError(f"--reference mean:{wanted}: the run has {mean.taken} volumes that can be realigned; take fewer.")
    return prepare(mean.image, first.grid, reference.mask)
