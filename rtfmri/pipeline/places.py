"""Which voxels of a volume the signal needs: regions, tissues and the decoder's map in one list."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.signals.measures.decoder import Decoder
from rtfmri.signals.rois import INSIDE, RoiVoxels
from rtfmri.volume import Grid, Image

Voxels = npt.NDArray[np.intp]
MOST_TISSUE = 1500  # voxels of a tissue that are sampled: their mean is as good as that of all, and its cost is small
FEWEST_TISSUE = 20
SAME_GRID_MM = 0.1


@dataclass(frozen=True, eq=False)
class Places:
    """``voxels`` (V, 3); the slices say whose they are."""

    voxels: Voxels
    rois: tuple[slice, ...]
    tissue: dict[str, slice]
    decoder: slice


def placed(rois: tuple[RoiVoxels, ...], tissue: dict[str, Voxels], decoder: Decoder | None) -> Places:
    parts = [roi.voxels for roi in rois] + list(tissue.values()) + ([decoder.voxels] if decoder else [])
    ends = np.cumsum([len(part) for part in parts]).tolist()
    slices = [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends, strict=True)]
    after_rois = slices[len(rois) :]
    return Places(
        voxels=np.concatenate(parts),
        rois=tuple(slices[: len(rois)]),
        tissue=dict(zip(tissue, after_rois, strict=False)),
        decoder=slices[-1] if decoder else slice(0, 0),
    )


def tissue_voxels(name: str, mask: Image, mask_grid: Grid, grid: Grid) -> Voxels:
    """At most ``MOST_TISSUE`` voxels of a tissue's mask, spread evenly over it.

    Raises
    ------
    StudyError : the mask lies on another grid or holds too few voxels.
    """
    if not mask_grid.difference_mm(grid) <= SAME_GRID_MM:
        raise StudyError(f"The mask of {name} lies on another grid than the regions; make both with one `rtfmri prepare`.")
    voxels = np.argwhere(mask >= INSIDE)
    if len(voxels) < FEWEST_TISSUE:
        raise StudyError(
            f"The mask of {name} holds {len(voxels)} voxels, too few for a nuisance signal; check it, or leave {name} out of nuisance."
        )
    return voxels[:: -(-len(voxels) // MOST_TISSUE)]
