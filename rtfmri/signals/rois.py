"""A region of interest: which voxels of the run's grid, and how much each counts.

Conventions: voxel indices are (x, y, z) of the run's grid, in the order of ``np.argwhere`` (x slowest), and never change during a run;
the mean is summed in that order, so the same volume gives the same bits. Below ``MINIMUM_VOXELS`` a region is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.kernels import kernel
from rtfmri.volume import Array, Grid

MINIMUM_VOXELS = 20
TOLERANCE_MM = 0.1
INSIDE = 0.5  # a mask that was resampled has a soft edge: a voxel belongs where at least half of it does


@dataclass(frozen=True, eq=False)
class RoiVoxels:
    """``weight`` is the region's part in the regulation value; ``weights`` (N,) are its voxels' parts in the region's mean."""

    name: str
    weight: float
    voxels: npt.NDArray[np.intp]  # (N, 3)
    weights: Array  # (N,)
    source: str = ""
    provisional: bool = False


def roi_from_mask(
    name: str,
    weight: float,
    mask_data: npt.NDArray[np.generic],
    mask_grid: Grid,
    run_grid: Grid,
    source: str,
    voxel_weights: npt.NDArray[np.generic] | None = None,
) -> RoiVoxels:
    """The voxels of a mask (X, Y, Z) that lies on the run's own grid; each counts the same, or by its ``voxel_weights`` (X, Y, Z).

    Raises
    ------
    StudyError : the mask is on another grid, or holds fewer than ``MINIMUM_VOXELS`` voxels.
    """
    _refuse_other_grid(name, mask_grid, run_grid)
    voxels = np.argwhere(np.asarray(mask_data) >= INSIDE)
    if len(voxels) < MINIMUM_VOXELS:
        raise StudyError(
            f"roi {name}: its mask holds {len(voxels)} voxels and at least {MINIMUM_VOXELS} are needed for a mean that can be trusted; "
            "enlarge the region, or check that the file is the mask that you mean."
        )
    if voxel_weights is None:
        return RoiVoxels(name, weight, voxels, np.ones(len(voxels)), source)
    if voxel_weights.shape != mask_data.shape:
        raise StudyError(f"roi {name}: voxel_weights is not on the mask's grid; give both on the same one.")
    counts = np.asarray(voxel_weights[voxels[:, 0], voxels[:, 1], voxels[:, 2]], dtype=np.float64)
    if not (np.isfinite(counts).all() and (counts >= 0.0).all() and counts.sum() > 0.0):
        raise StudyError(f"roi {name}: voxel_weights must be 0 or more in the mask, and not 0 everywhere.")
    return RoiVoxels(name, weight, voxels, counts, source)


def _refuse_other_grid(name: str, mask_grid: Grid, run_grid: Grid) -> None:
    if mask_grid.shape != run_grid.shape:
        raise StudyError(
            f"roi {name}: the mask has {_size(mask_grid)} voxels but the run's volumes have {_size(run_grid)}; "
            "resample the mask to this run's EPI (nearest neighbour), or draw it on a volume of this run."
        )
    apart_mm = mask_grid.difference_mm(run_grid)
    if not apart_mm <= TOLERANCE_MM:
        raise StudyError(
            f"roi {name}: the mask's grid and the run's are up to {apart_mm:.1f} mm apart at their corners "
            f"({TOLERANCE_MM:g} mm is allowed); the mask belongs to another slice position or session: "
            "resample it to this run's EPI (nearest neighbour), or scan with the position that it was drawn on."
        )


def _size(grid: Grid) -> str:
    return " x ".join(str(n) for n in grid.shape)


@kernel
def _weighted_mean(values: Array, weights: Array) -> float:
    total = 0.0
    weight = 0.0
    for i in range(values.size):
        total += weights[i] * values[i]
        weight += weights[i]
    return total / weight


def roi_mean(values: Array, weights: Array) -> float:
    """Weighted mean of the region's values (N,), summed in voxel order."""
    return float(_weighted_mean(values, weights))
