"""One image of a head -> where it lies in MNI, its tissues, and where its signal is lost; through the T1 where there is one.

Affine by antspyx, then the warp of ``warp.py``. With a T1: its contrast finds the warp first, on the EPI's grid (the T1 is brought there,
rigidly); what the EPI still needs, its distortion above all, is fitted from there with the EPI itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rtfmri.errors import StudyError
from rtfmri.preparation import normalise
from rtfmri.preparation.dropout import lost_signal
from rtfmri.preparation.regions import Anatomy
from rtfmri.preparation.rough import rough_start
from rtfmri.preparation.template import load_template
from rtfmri.preparation.tissue import Tissues, least_stretch, overlap, tissues_of
from rtfmri.preparation.warp import LEVELS, NO_WARP, fit_warp
from rtfmri.registration.mask import Mask, head_mask
from rtfmri.volume import Array, Grid, Image

Progress = Callable[[str], None]  # told what begins
STEPS = 5  # how often ``Progress`` is called
MARGIN_VOXELS = 2  # the edge of the brain is seen from both sides


@dataclass(frozen=True, eq=False)
class Found:
    """A head's anatomy on its EPI's grid; ``quality``: numbers that tell whether it can be trusted; ``to_t1`` 4x4, where there is a T1."""

    anatomy: Anatomy
    tissues: Tissues
    quality: dict[str, float]
    to_t1: Array | None = None


def find_anatomy(image: Image, grid: Grid, t1: tuple[Image, Grid] | None, fast: bool, tell: Progress) -> Found:
    """Where the head of ``image`` (X, Y, Z) lies in MNI and what is where; ``fast``: affine only.

    Raises
    ------
    StudyError : there is no head in the image.
    """
    tell("taking out the receive field")
    head = head_mask(image)
    if not head.any():
        raise StudyError("No head stands out in the reference; check that it is an EPI of this participant.")
    even = normalise.even_intensity(image, grid, head)
    template = load_template()
    tell("finding MNI space")
    valid = np.asarray(ndimage.binary_dilation(head, iterations=MARGIN_VOXELS))
    start = mapped(places_mm(grid), normalise.affine_to_mni(even, grid, template, rough_start(head, grid, template)))
    to_t1 = None
    spaces: dict[str, Array] = {"EPI": places_mm(grid)}
    tell("finding the T1" if t1 else "following the head's own shape")
    if t1 is not None:
        to_t1 = normalise.rigid_to_t1(even, grid, *t1)
        spaces["T1"] = mapped(spaces["EPI"], to_t1)
        if not fast:
            shown = np.where(head, sampled(t1[0], t1[1], spaces["T1"]), 0.0).astype(np.float32)
            start = fit_warp(shown, grid, valid, start, template).mni_mm
    tell("following the EPI's distortion" if t1 else "fitting")
    fit = fit_warp(even, grid, valid, start, template, NO_WARP if fast else LEVELS)
    tell("telling tissues apart")
    tissues = tissues_of(even, fit, template)
    if not tissues.brain.any():
        raise StudyError("The brain was not found in the reference: nothing of MNI space lies within its slices.")
    spaces["MNI"] = fit.mni_mm
    anatomy = Anatomy(grid, spaces, tissues.brain, tissues.grey, lost_signal(even, grid, tissues.brain))
    quality = quality_of(anatomy, head) | {"correlation": round(fit.correlation, 4)}
    return Found(anatomy, tissues, quality, to_t1)


def quality_of(anatomy: Anatomy, head: Mask) -> dict[str, float]:
    """Dice of the brain and the ``head`` that the image alone shows, the mapping's smallest volume ratio, and the share without signal."""
    ratio = least_stretch(anatomy.spaces["MNI"], anatomy.grid.affine, anatomy.brain)
    lost = float(anatomy.lost.sum()) / max(1, int(anatomy.brain.sum()))
    return {"brain_dice": round(overlap(anatomy.brain, head), 4), "least_volume_ratio": round(ratio, 4), "dropout_share": round(lost, 4)}


def places_mm(grid: Grid) -> Array:
    """(X, Y, Z, 3): RAS mm of every voxel centre."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1).astype(np.float64)
    return mapped(index, grid.affine)


def sampled(image: Image, grid: Grid, at_mm: Array) -> Image:
    """``image`` at places (X, Y, Z, 3) mm, trilinear, zero outside."""
    index = np.moveaxis(mapped(at_mm, np.asarray(np.linalg.inv(grid.affine), dtype=np.float64)), -1, 0)
    return np.asarray(ndimage.map_coordinates(image, index, order=1, mode="constant"), dtype=np.float32)


def mapped(points: Array, matrix: Array) -> Array:
    """Points (..., 3) through a 4x4."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3])
