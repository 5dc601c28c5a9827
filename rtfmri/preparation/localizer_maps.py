"""The voxelwise GLM of a recorded localizer run: t and effect of a contrast, and t of each half of its blocks.

The model is the run's own (``SignalPlan`` with every column as the run ended with): constant, drift, motion and what else the study takes
out, one task regressor per block. Volumes are smoothed within the head before they are fitted. t is plain least squares: it comes out
too large where noise hangs together in time, so it ranks voxels and proves nothing; ``localizer_effect.py`` judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from rtfmri.registration.mask import Mask
from rtfmri.registration.smoothing import prepare_smoothing, smooth_with
from rtfmri.signals.glm import Flags
from rtfmri.signals.voxelwise import VoxelFit, absorb, effect_percent, room_for, t_map
from rtfmri.volume import Array, Grid, Image


@dataclass(frozen=True, eq=False)
class Maps:
    """float32 (X, Y, Z), zero outside the head and where nothing can be told."""

    t: Image
    effect_percent: Image
    halves: tuple[Image, Image]  # t of each half of the blocks


def voxelwise_maps(
    design: Array,
    active: Flags,
    contrasts: tuple[Array, tuple[Array, Array]],
    volumes: Iterable[tuple[int, Image]],
    head: Mask,
    grid: Grid,
    smooth_fwhm_mm: float,
) -> Maps:
    """``design`` (P, N) and its ``active`` columns (P,); ``contrasts``: (P,) of the whole and of its halves; ``volumes``: number and
    realigned image (X, Y, Z) on ``grid`` of every one that counts."""
    smoothing = prepare_smoothing(head, smooth_fwhm_mm, grid.voxel_size_mm)
    fit = room_for(len(design), int(head.sum()))
    for index, image in volumes:
        smooth = smooth_with(image, smoothing) if smooth_fwhm_mm > 0 else image
        absorb(fit, design[:, index], smooth[head])
    whole, halves = contrasts
    t, first, second = (_image(t_map(fit, contrast, active), head) for contrast in (whole, *halves))
    return Maps(t, _effect(fit, whole, active, head), (first, second))


def _effect(fit: VoxelFit, contrast: Array, active: Flags, head: Mask) -> Image:
    return _image(effect_percent(fit, contrast, active), head)


def _image(values: Image, head: Mask) -> Image:
    image = np.zeros(head.shape, dtype=np.float32)
    image[head] = values
    return image
