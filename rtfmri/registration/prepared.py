"""The reference that volumes are realigned to, prepared once per run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.registration import basis, step
from rtfmri.registration.basis import MOTION, Level
from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Grid, Image

_FINE_SIGMA_VOXELS, _COARSE_SIGMA_MM = 1.0, 8.0  # interpolation's errors scale with the voxel, large movements do not
_FINE_VOXELS, _QUICK_VOXELS, _COARSE_VOXELS = 400_000, 12_000, 8_000
_LEAST_VOXELS = 300


@dataclass(frozen=True, eq=False)
class Reference:
    """What estimates are made against; ``percent`` takes image values to percent of the mask's mean.

    ``frame`` (2, 3): centre and 1 / extent, in voxels, of the coordinates in which gain varies smoothly.
    """

    grid: Grid
    mask: Mask
    centre_mm: tuple[float, float, float]
    percent: float
    frame: Array
    coarse: Level
    quick: Level
    fine: Level


def prepare(reference: Image, grid: Grid, mask: Mask) -> Reference:
    """Everything that does not depend on the moving volume.

    Parameters
    ----------
    reference : float32 (X, Y, Z), the raw image that all volumes are realigned to.
    mask : bool (X, Y, Z), the head or brain.

    Raises
    ------
    StudyError : the mask is of another shape or too small, or the image in it cannot tell motion in all six directions.
    """
    _check(reference, grid, mask)
    inside = np.argwhere(mask)
    centre, extent = inside.mean(axis=0), np.maximum((inside.max(axis=0) - inside.min(axis=0)) / 2, 1.0)
    centre_mm = np.array([(grid.affine[k, :3] * centre).sum() + grid.affine[k, 3] for k in range(3)])
    percent = 100.0 / float(reference[mask].mean(dtype=np.float64))
    frame = np.stack([centre, 1.0 / extent])
    columns = basis.columns_of(reference.astype(np.float64) * percent, mask, grid, centre_mm, frame)
    (coarse,) = basis.build_levels(columns, _COARSE_SIGMA_MM, (_COARSE_VOXELS,), MOTION + 1)
    quick, fine = basis.build_levels(columns, _FINE_SIGMA_VOXELS * basis.mean_voxel_mm(grid), (_QUICK_VOXELS, _FINE_VOXELS))
    for level in (coarse, quick, fine):
        slices, _, size = level.normal.shape
        if not step.solve(level.normal, np.zeros((slices, size)), np.ones(slices), np.empty(size)):
            raise StudyError(
                "The reference volume does not show enough structure inside its mask to measure head motion in all directions. "
                "Check the reference and the mask; at least four slices are needed."
            )
    x, y, z = (float(c) for c in centre_mm)
    return Reference(grid, mask, (x, y, z), percent, frame, coarse, quick, fine)


def _check(reference: Image, grid: Grid, mask: Mask) -> None:
    if reference.shape != grid.shape or mask.shape != grid.shape:
        shapes = f"The reference is {reference.shape} and its mask {mask.shape} voxels, the grid {grid.shape}"
        raise StudyError(f"{shapes}: draw the mask on the reference.")
    if int(mask.sum()) < _LEAST_VOXELS:
        raise StudyError(f"The mask of the head holds {int(mask.sum())} voxels, too few to realign: check the reference volume.")
    if not np.isfinite(reference).all() or not float(reference[mask].mean()) > 0.0:
        raise StudyError("The reference volume holds no signal inside its mask, or values that are not numbers: choose another reference.")
