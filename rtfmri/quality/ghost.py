"""Nyquist ghost: what the head leaves half a field of view away along phase encoding, in percent of the head's signal.

Echo planar images carry a faint copy of the head, N/2 voxels away along the phase-encoding axis and wrapped round. Where that copy falls
outside the head it can be measured: (mean there - mean of the remaining background) / mean of the head (Giannelli et al. 2010, J Appl
Clin Med Phys 11:3237, as MRIQC's GSR, with means in all three). Regions are laid out once, on the reference's head mask; voxels within
``MARGIN`` of the head, and of the ghost's edge, belong to none of them, so that a smooth edge or ordinary motion is no ghost.

A head that fills the field of view leaves no such place: there the ratio cannot be measured, and ``ghost_regions`` gives None.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from rtfmri.kernels import kernel
from rtfmri.volume import Image

HEAD, GHOST, BACKGROUND = 1, 2, 3
MARGIN = 2  # voxels
FEWEST = 200  # voxels for a mean of noise to be known to 4 % of itself (Rayleigh: SD / mean = .52)
PHASE_AXIS = 1  # dcm2niix's y: anterior-posterior phase encoding of an axial slice


@dataclass(frozen=True, eq=False)
class GhostRegions:
    """``labels`` (X * Y * Z,): 1 head, 2 ghost, 3 background, 0 none of them."""

    shape: tuple[int, ...]
    labels: npt.NDArray[np.uint8]


def ghost_regions(head: npt.NDArray[np.bool_], phase_axis: int = PHASE_AXIS) -> GhostRegions | None:
    """Regions for the mask ``head`` (X, Y, Z); None where the ghost has no place of its own beside the head, or the noise has none.

    Raises
    ------
    ValueError : ``phase_axis`` is not 0 or 1, the two axes in a slice.
    """
    if phase_axis not in (0, 1):
        raise ValueError(f"phase encoding runs along axis 0 or 1 of a slice, not {phase_axis}")
    copy = np.roll(head, head.shape[phase_axis] // 2, axis=phase_axis)
    in_slice = ndimage.generate_binary_structure(2, 1)[:, :, None]
    wide_head = ndimage.binary_dilation(head, in_slice, iterations=MARGIN)
    wide_copy = np.roll(wide_head, head.shape[phase_axis] // 2, axis=phase_axis)
    labels = np.zeros(head.shape, dtype=np.uint8)
    labels[~wide_head & ~wide_copy & head.any(axis=(0, 1))] = BACKGROUND  # of the slices that hold the head
    labels[copy & ~wide_head] = GHOST
    labels[head] = HEAD
    if min((labels == region).sum() for region in (HEAD, GHOST, BACKGROUND)) < FEWEST:
        return None
    return GhostRegions(head.shape, labels.reshape(-1))


def ghost_percent(regions: GhostRegions, volume: Image) -> float | None:
    """Ghost of ``volume`` (X, Y, Z) in percent of the head's mean; noise makes it scatter about zero. None where the head has no signal.

    Raises
    ------
    ValueError : the volume has another shape than the regions.
    """
    if volume.shape != regions.shape:
        raise ValueError(f"a volume {volume.shape} came for regions {regions.shape}")
    values = np.ascontiguousarray(volume).reshape(-1).view()
    values.setflags(write=False)
    head, ghost, background = (float(mean) for mean in _means(values, regions.labels))
    return 100.0 * (ghost - background) / head if 0.0 < head < np.inf and np.isfinite(ghost - background) else None


def warm_up() -> None:
    """Compile the kernel."""
    ghost_percent(GhostRegions((1, 1, 3), np.array([HEAD, GHOST, BACKGROUND], dtype=np.uint8)), np.ones((1, 1, 3), dtype=np.float32))


@kernel
def _means(values: Image, labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """Of head, ghost and background; each label holds at least one voxel."""
    totals, counts = np.zeros(4), np.zeros(4)
    for n in range(values.size):
        if labels[n] != 0:
            totals[labels[n]] += values[n]
            counts[labels[n]] += 1.0
    return totals[1:] / counts[1:]
