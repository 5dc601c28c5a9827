"""Brain and tissues on the EPI's own grid: the warped template's shares, weighed by what the image shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rtfmri.preparation.template import Template
from rtfmri.preparation.warp import Fit
from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Image

BRAIN, SURE = 0.5, 0.8
SHARP = 0.5  # a nuisance mask that would vanish when eroded takes the surest voxels instead
LEAST_NUISANCE = 20


@dataclass(frozen=True, eq=False)
class Tissues:
    """All (X, Y, Z): probabilities of grey, white and fluid (float32), the brain, and the eroded masks for nuisance signals."""

    grey: Image
    white: Image
    fluid: Image
    brain: Mask
    white_matter: Mask
    csf: Mask


def tissues_of(image: Image, fit: Fit, template: Template) -> Tissues:
    """The template's shares at each voxel (prior), weighed by how well each tissue's mean explains the image, with the prior's sum."""
    at = template.index_of(fit.mni_mm)
    prior = np.stack([ndimage.map_coordinates(part, at, order=1) for part in template.tissue])
    even = image / fit.gain
    spread = 2 * fit.noise  # anatomy differs, and voxels mix tissues: noise alone would be too sure
    likelihood = np.exp(-0.5 * ((even[None] - fit.means[:, None, None, None]) / spread) ** 2) + 1e-3
    weighed = prior * likelihood
    whole = prior.sum(axis=0)
    grey, white, fluid = (weighed * (whole / np.maximum(weighed.sum(axis=0), 1e-9))).astype(np.float32)
    return whole_of(np.stack([grey, white, fluid]))


def whole_of(shares: Image) -> Tissues:
    """Brain and nuisance masks of the tissues' probabilities (3, X, Y, Z)."""
    grey, white, fluid = shares
    brain: Mask = shares.sum(axis=0) > BRAIN
    deep = ndimage.binary_erosion(brain)
    return Tissues(grey, white, fluid, brain, _inner(white, deep), _inner(fluid, deep))


def _inner(share: Image, deep: Mask) -> Mask:
    """Voxels of one tissue away from all others: eroded where enough is left, else the surest ones."""
    sure = (share > SURE) & deep
    eroded: Mask = ndimage.binary_erosion(sure)
    return eroded if int(eroded.sum()) >= LEAST_NUISANCE else sure if int(sure.sum()) >= LEAST_NUISANCE else (share > SHARP) & deep


def overlap(one: Mask, other: Mask) -> float:
    """Dice's coefficient."""
    size = int(one.sum()) + int(other.sum())
    return 2.0 * int((one & other).sum()) / size if size else 0.0


def least_stretch(mni_mm: Array, grid_affine: Array, within: Mask) -> float:
    """The smallest volume ratio (MNI over scanner) of the mapping ``within`` a mask; zero or less where it folds."""
    steps = np.stack([np.gradient(mni_mm[..., k]) for k in range(3)])  # (component, axis, X, Y, Z)
    a, b, c = np.moveaxis(steps, 0, -1)  # each (X, Y, Z, component)
    volume = (np.cross(a, b) * c).sum(axis=-1) / float(np.linalg.det(grid_affine[:3, :3]))
    return float(volume[within].min())
