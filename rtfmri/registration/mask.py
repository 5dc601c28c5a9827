"""A mask of the head from one EPI volume: where there is signal.

Once per run, from the reference only: scipy.ndimage is used as it is, and gives the same mask for the same image.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from rtfmri.volume import Image

Mask = npt.NDArray[np.bool_]

_BINS = 256


def head_mask(image: Image) -> Mask:
    """Largest connected bright region of ``image`` (X, Y, Z), without holes; all False where nothing stands out.

    The image is smoothed by one voxel and cut at Otsu's threshold, found below its 98th percentile so that a few very bright
    voxels do not raise it. A one-voxel opening takes off what hangs on by a thread (ghosts, ears); holes are closed in every slice.
    """
    smooth = ndimage.gaussian_filter(np.nan_to_num(image).astype(np.float64), 1.0)
    threshold = otsu_threshold(np.minimum(smooth, np.percentile(smooth, 98)))
    bright: Mask = smooth > threshold
    in_plane = ndimage.generate_binary_structure(2, 1)[:, :, None]  # few slices must not be eaten from above and below
    labels, count = ndimage.label(ndimage.binary_opening(bright, in_plane))
    if count == 0:
        return np.zeros(image.shape, dtype=np.bool_)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    closed = ndimage.binary_closing(np.pad(largest, 2), ndimage.generate_binary_structure(3, 1), iterations=2)[2:-2, 2:-2, 2:-2]
    return np.stack([ndimage.binary_fill_holes(closed[:, :, z]) for z in range(image.shape[2])], axis=2)


def otsu_threshold(values: npt.NDArray[np.float64]) -> float:
    """The value that parts ``values`` into two classes with the largest variance between them (Otsu 1979); inf where all are equal."""
    counts, edges = np.histogram(values, bins=_BINS)
    if edges[-1] <= edges[0] or values.min() == values.max():
        return float("inf")
    centres = (edges[:-1] + edges[1:]) / 2
    below, total = np.cumsum(counts), values.size
    sums = np.cumsum(counts * centres)
    inner = (below > 0) & (below < total)
    gap = sums[inner] / below[inner] - (sums[-1] - sums[inner]) / (total - below[inner])
    between = below[inner] * (total - below[inner]) * gap**2
    return float(edges[1:][inner][np.argmax(between)])
