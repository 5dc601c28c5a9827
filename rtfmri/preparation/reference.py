"""The reference volume of a session: the mean of the first good volumes of a short EPI, each put where the first lies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rtfmri.errors import StudyError, VolumeError
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.mean import MeanOfVolumes
from rtfmri.registration.realign import estimate, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Grid, Image, Volume

SAME_GRID_MM = 0.1


@dataclass(frozen=True, eq=False)
class ReferenceImage:
    """``image`` float32 (X, Y, Z), the mean of ``volumes`` volumes; ``left_out``: how many could not be used."""

    image: Image
    grid: Grid
    volumes: int
    left_out: int = 0


def mean_reference(volumes: Iterable[Volume], wanted: int, uncertain_mm: float) -> ReferenceImage:
    """The mean of the first ``wanted`` volumes that are found surely (standard error at most ``uncertain_mm``), or of as many as there are.

    Raises
    ------
    StudyError : there is no volume, or the first shows no head.
    """
    stream = iter(volumes)
    first = next(stream, None)
    if first is None:
        raise StudyError("The reference holds no volume that can be read; check the path, or give --series.")
    mean = MeanOfVolumes.begun(first.data, first.grid)
    left_out = 0
    if wanted > 1:
        reference = prepare(first.data, first.grid, head_mask(first.data))
        start = RigidTransform(centre_mm=reference.centre_mm)
        for volume in stream:
            try:
                if volume.grid.difference_mm(first.grid) > SAME_GRID_MM:
                    raise VolumeError("it lies on another grid")
                coefficients = prefilter(volume.data)
                found = estimate(reference, coefficients, start)
            except VolumeError:
                left_out += 1
                continue
            if not found.converged or found.uncertainty_mm > uncertain_mm:
                left_out += 1
                continue
            start = found.transform
            mean = mean.with_volume(coefficients, found.transform)
            if mean.taken == wanted:
                break
    return ReferenceImage(mean.image, first.grid, mean.taken, left_out)
