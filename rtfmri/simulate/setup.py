"""The head in the scanner at the reference position, before anything happens: what it looks like, and where its regions are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.simulate.epi import Epi, Where, make_epi, measure, occupied
from rtfmri.simulate.phantom import Head, make_head
from rtfmri.simulate.scenario import Scenario
from rtfmri.simulate.truth import write_image
from rtfmri.volume import Image

BRAIN_MEAN = 900.0  # of 4095
INSIDE = 0.73  # the soft sphere's value at its radius
GREY_ENOUGH = 0.4  # of a voxel
BRAIN_ENOUGH = 0.6

Mask = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Setup:
    """Images and masks are (X, Y, Z) on the EPI's grid."""

    head: Head
    epi: Epi
    where: Where  # where the head is not air
    still: Image  # what the scanner sees, brain mean ``BRAIN_MEAN``
    gain: float  # from the head's units to the scanner's
    brain: Mask
    rois: dict[str, Mask]  # spheres cut by grey matter
    fluid: Image  # fraction


def set_up(scenario: Scenario) -> Setup:
    """Put the scenario's head into its scanner, and find its masks there.

    Raises
    ------
    StudyError : nilearn is missing, or a region has no voxel on this grid.
    """
    head, epi = make_head(scenario), make_epi(scenario)
    where = occupied(head.signal)

    def seen(coefficients: Image) -> Image:
        return measure(coefficients, where, head.to_scanner, np.eye(4), epi)

    field = np.maximum(seen(np.ones_like(head.signal)), 0.1)  # takes the receive field out of the fractions
    still, grey = seen(head.signal), seen(head.grey) / field
    brain = (seen(head.brain) / field > BRAIN_ENOUGH).astype(np.uint8)
    usable = (brain > 0) & (grey > GREY_ENOUGH)
    rois = {name: ((seen(head.spheres[name]) / field > INSIDE) & usable).astype(np.uint8) for name in scenario.amplitudes_percent}
    empty = [name for name, mask in rois.items() if not mask.any()]
    if empty:
        raise StudyError(f"The slices of this scenario miss {', '.join(empty)}: make roi_radius_mm larger or the slices more.")
    gain = BRAIN_MEAN / float(still[brain > 0].mean(dtype=float))
    return Setup(head, epi, where, still * np.float32(gain), gain, brain, rois, seen(head.fluid) / field)


def write_rois(folder: Path, setup: Setup) -> list[Path]:
    """Each region's mask as ``roi_<name>.nii.gz``."""
    paths = [folder / f"roi_{name}.nii.gz" for name in setup.rois]
    for path, mask in zip(paths, setup.rois.values(), strict=True):
        write_image(path, mask, setup.epi.grid)
    return paths
