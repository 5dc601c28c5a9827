"""Where the EPI has lost its signal: near sinuses and ear canals, where a voxel's signal cannot follow the brain."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from rtfmri.registration.mask import Mask
from rtfmri.volume import Grid, Image

LOST_BELOW = 0.5  # of the brain's median intensity; white matter lies near 0.8 of grey, and both well above
_SMOOTH_MM = 1.5


def lost_signal(even: Image, grid: Grid, brain: Mask) -> Mask:
    """(X, Y, Z) bool: voxels of the brain whose intensity is under half of the brain's median.

    Parameters
    ----------
    even : the reference without its receive field (``normalise.even_intensity``), which varies too slowly to follow dropout.
    """
    smooth = ndimage.gaussian_filter(even.astype(np.float64), [_SMOOTH_MM / mm for mm in grid.voxel_size_mm], mode="nearest")
    lost: Mask = brain & (smooth < LOST_BELOW * float(np.median(even[brain])))
    return lost
