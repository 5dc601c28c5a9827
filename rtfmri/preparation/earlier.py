"""A later session of the same participant: the first session's anatomy, and so its regions, where the head lies now.

The head is the same, so the way is rigid (``registration/session.py``, which refuses another head). Regions are drawn anew on the new grid
from the same map, not resampled from a mask; only dropout is the new session's own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from rtfmri.errors import StudyError
from rtfmri.preparation import normalise
from rtfmri.preparation.anatomy import Found, mapped, places_mm, quality_of, sampled
from rtfmri.preparation.dropout import lost_signal
from rtfmri.preparation.regions import Anatomy
from rtfmri.preparation.tissue import Tissues, whole_of
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import prepare
from rtfmri.registration.session import Session, register_once
from rtfmri.volume import Array, Grid, Image


@dataclass(frozen=True, eq=False)
class Earlier:
    """What the first session left: all on ``grid``; ``probabilities`` (3, X, Y, Z) of grey, white, fluid; ``mni_mm`` (X, Y, Z, 3)."""

    image: Image
    grid: Grid
    probabilities: Image
    mni_mm: Array
    to_t1: Array | None = None


def carry(earlier: Earlier, image: Image, grid: Grid) -> tuple[Found, Session]:
    """The anatomy of a new reference ``image`` (X, Y, Z), and how its head lies to the earlier one.

    Raises
    ------
    StudyError : the earlier head is not found in the new reference.
    """
    head = head_mask(image)
    if not head.any():
        raise StudyError("No head stands out in the reference; check that it is an EPI of this participant.")
    reference = prepare(earlier.image, earlier.grid, head_mask(earlier.image))
    session = register_once(reference, earlier.image, prefilter(image), grid)
    before_mm = mapped(places_mm(grid), session.transform.inverse().matrix)
    spaces = {"EPI": before_mm, "MNI": _map_at(earlier, before_mm)}
    if earlier.to_t1 is not None:
        spaces["T1"] = mapped(before_mm, earlier.to_t1)
    shares = np.stack([sampled(part, earlier.grid, before_mm) for part in earlier.probabilities])
    tissues: Tissues = whole_of(shares)
    lost = lost_signal(normalise.even_intensity(image, grid, head), grid, tissues.brain)
    anatomy = Anatomy(grid, spaces, tissues.brain, tissues.grey, lost)
    quality = quality_of(anatomy, head) | {"correlation": round(session.likeness, 4)}
    return Found(anatomy, tissues, quality, earlier.to_t1), session


def _map_at(earlier: Earlier, at_mm: Array) -> Array:
    """The earlier map at other places; beyond its edges it goes on as at the edge, in the direction of its affine part."""
    rest = earlier.mni_mm - places_mm(earlier.grid)
    index = np.moveaxis(mapped(at_mm, np.asarray(np.linalg.inv(earlier.grid.affine), dtype=np.float64)), -1, 0)
    moved = [ndimage.map_coordinates(rest[..., k], index, order=1, mode="nearest") for k in range(3)]
    return at_mm + np.stack(moved, axis=-1)
