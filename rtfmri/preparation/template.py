"""MNI152 as nilearn bundles it (ICBM 2009a nonlinear, symmetric; nothing is downloaded): tissue maps, brain and T1 on one grid of 2 mm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from nilearn import datasets
from scipy import ndimage

from rtfmri.volume import Array, Image

NAME = "MNI152NLin2009aSym"
RESOLUTION_MM = 2


@dataclass(frozen=True, eq=False)
class Template:
    """``tissue`` float32 (3, X, Y, Z): share of grey matter, white matter and fluid, zero outside the brain; ``t1`` has no skull."""

    tissue: Image
    t1: Image
    affine: Array

    @property
    def step_mm(self) -> float:
        return float(abs(self.affine[0, 0]))

    def index_of(self, mni_mm: Array) -> Array:
        """(3, ...) voxel indices of points (..., 3) in MNI mm."""
        inverse = np.linalg.inv(self.affine)
        return np.moveaxis(mni_mm @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)


@cache
def load_template() -> Template:
    """The template; read once."""
    loaders = (
        datasets.load_mni152_gm_template,
        datasets.load_mni152_wm_template,
        datasets.load_mni152_brain_mask,
        datasets.load_mni152_template,
    )
    images = [load(resolution=RESOLUTION_MM) for load in loaders]
    grey, white, brain, t1 = (np.asarray(image.dataobj, dtype=np.float32) for image in images)
    soft = ndimage.gaussian_filter(brain, 0.5)  # the mask's edge is no sharper than the maps'
    fluid = np.clip(1 - grey - white, 0, 1) * soft
    return Template(np.stack([grey * brain, white * brain, fluid]), t1 * brain, np.asarray(images[0].affine, dtype=np.float64))
