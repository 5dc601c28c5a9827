"""From an image of an earlier run or session to a run's own reference: registered once, so that regions drawn there hold.

What lies at x in the earlier image (RAS mm) lies at T_run(T_session(x)) in each volume of the run: motion is measured against an image
of the run's own, and the way to the earlier one adds a constant error, not a fluctuation.

The head may lie elsewhere, the slab and the voxels may be others, and so may the receive field and the gain. Whether it is the same head,
and whether it was found, is judged from the images, not from the fit alone: a rigid fit of another person's head converges too. Where the
smooth differences of intensity are taken out, one head is like itself and unlike others (``likeness``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rtfmri.errors import StudyError, VolumeError
from rtfmri.registration.far import estimate_far
from rtfmri.registration.mask import Mask
from rtfmri.registration.realign import Estimate, Reference
from rtfmri.registration.reslice import covered, reslice
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

LEAST_OVERLAP = 0.5  # of the earlier head must lie within this run's volume, or regions may lie outside
LEAST_LIKENESS = 0.75  # five real heads: .94 and more to themselves in another place and field, .59 and less to one another
MOST_UNCERTAIN_VOXELS = 0.25  # of the earlier image's smallest voxel side: a region is then where it was drawn

_FIELD_MM, _NOISE_MM = 12.0, 2.0  # structure between these is compared: slower is the coil, faster is noise


@dataclass(frozen=True)
class Session:
    """``transform``: earlier image RAS mm -> this run's reference RAS mm. How far apart, and how sure.

    ``overlap``: share of the earlier head within this run's volume; ``likeness``: correlation of the two images' structure there.
    """

    transform: RigidTransform
    overlap: float
    likeness: float
    uncertainty_mm: float

    @property
    def moved_mm(self) -> float:
        """How far the centre of the head lies from where it lay."""
        return math.hypot(*self.transform.trans_mm)

    @property
    def turned_deg(self) -> float:
        """The angle of the rotation, about whatever axis."""
        rotation = self.transform.matrix[:3, :3]
        return math.degrees(math.acos(min(1.0, max(-1.0, (float(sum(rotation[k, k] for k in range(3))) - 1.0) / 2.0))))

    @property
    def words(self) -> str:
        return f"{self.moved_mm:.1f} mm and {self.turned_deg:.1f} degrees away, sure to {self.uncertainty_mm:.2f} mm"


def register_once(earlier: Reference, image: Image, coefficients: Image, grid: Grid) -> Session:
    """Where the head of an ``earlier`` image lies in this run's own reference; takes about a second, once a run.

    Parameters
    ----------
    earlier : prepared from the earlier image, ``image`` (X, Y, Z).
    coefficients : cubic spline coefficients (X, Y, Z) of this run's own reference, on ``grid``.

    Raises
    ------
    StudyError : it is not found there, or not surely enough to place regions; the sentence says which and what to do.
    """
    try:
        estimated = estimate_far(earlier, coefficients, grid)
    except VolumeError as error:
        raise StudyError(f"The earlier image cannot be found in this run: {error}") from None
    session = _judged(earlier, image, coefficients, grid, estimated)
    advice = "Check that the file is of this participant; otherwise use a reference of this run, such as its first volume."
    if session.overlap < LEAST_OVERLAP:
        raise StudyError(
            f"Only {100 * session.overlap:.0f} % of the head of the earlier image lies within this run's slices. "
            "Move the slices to where they lay, or draw the regions on an image of this session."
        )
    if not estimated.converged or session.likeness < LEAST_LIKENESS:
        raise StudyError(
            f"The head of the earlier image was not found in this run (the best fit has a likeness of {session.likeness:.2f}, "
            f"{LEAST_LIKENESS:g} are needed). {advice}"
        )
    most_mm = MOST_UNCERTAIN_VOXELS * min(earlier.grid.voxel_size_mm)
    if session.uncertainty_mm > most_mm:
        raise StudyError(
            f"The place of the earlier image in this run is uncertain by {session.uncertainty_mm:.1f} mm, "
            f"more than {most_mm:.1f} mm. {advice}"
        )
    return session


def _judged(earlier: Reference, image: Image, coefficients: Image, grid: Grid, found: Estimate) -> Session:
    common = earlier.mask & covered(earlier.grid, found.transform, grid)
    overlap = float(common.sum()) / float(earlier.mask.sum())
    alike = likeness(image, reslice(coefficients, earlier.grid, found.transform, grid), common, earlier.grid)
    return Session(found.transform, overlap, alike, found.uncertainty_mm)


def likeness(one: Image, other: Image, within: Mask, grid: Grid) -> float:
    """Correlation of two images' structure ``within`` a mask (X, Y, Z): what is left after smooth gain is divided out, lightly smoothed."""
    if int(within.sum()) < 2:
        return 0.0
    a, b = (_structure(image, within, grid)[within] for image in (one, other))
    a, b = a - a.mean(), b - b.mean()
    size = math.sqrt(float((a * a).sum()) * float((b * b).sum()))
    return float((a * b).sum()) / size if size > 0.0 else 0.0


def _structure(image: Image, within: Mask, grid: Grid) -> Array:
    """The image over its own slow part, both smoothed within the mask only (normalized convolution)."""
    fine, slow = (_smooth_within(image, within, grid, mm) for mm in (_NOISE_MM, _FIELD_MM))
    structure: Array = np.divide(fine, slow, out=np.ones_like(fine), where=slow > 0.0)
    return structure


def _smooth_within(image: Image, within: Mask, grid: Grid, sigma_mm: float) -> Array:
    sigma = [sigma_mm / size for size in grid.voxel_size_mm]
    total = ndimage.gaussian_filter(np.where(within, image, 0.0).astype(np.float64), sigma)
    weight = ndimage.gaussian_filter(within.astype(np.float64), sigma)
    smooth: Array = np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-6)
    return smooth
