"""What the run's volumes are realigned to, and where its regions lie on it."""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.errors import StudyError, VolumeError
from rtfmri.pipeline.setup import GridImage, Setup
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Reference, prepare
from rtfmri.volume import Volume


@dataclass(frozen=True, eq=False)
class Standing:
    """The run's own reference and the image that it was made from."""

    reference: Reference
    image: GridImage


def stand_on(setup: Setup, volume: Volume) -> Standing:
    """The run's first good volume as its reference.

    Raises
    ------
    VolumeError : it shows no head to realign to; the next volume may.
    """
    try:
        reference = prepare(volume.data, volume.grid, head_mask(volume.data))
    except StudyError as error:
        raise VolumeError(f"volume {volume.index + 1} cannot be the reference: {error}") from None
    return Standing(reference, GridImage(volume.data, volume.grid))
