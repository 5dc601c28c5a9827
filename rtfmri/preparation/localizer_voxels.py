"""Which voxels of an anatomical region answer most: its subject-specific part.

The rule: of the region's voxels that have data, the ``top_percent`` with the largest t, and never one with t at or below zero. Contiguous:
grown from the peak, the face neighbour with the largest t joins first, until as many are in. Equal t are taken in voxel order. So
the number of voxels does not depend on the scanner or on how strong the effect is, and the same map gives the same voxels.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.registration.mask import Mask
from rtfmri.signals.rois import MINIMUM_VOXELS
from rtfmri.volume import Image

Voxel = tuple[int, int, int]
FACES = ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1))


@dataclass(frozen=True, eq=False)
class Chosen:
    """``mask`` (X, Y, Z) of the chosen voxels; ``threshold_t``: the smallest t among them; ``of_voxels``: how many had data."""

    mask: Mask
    of_voxels: int
    threshold_t: float
    mean_t: float
    peak: Voxel
    peak_t: float

    @property
    def voxels(self) -> int:
        return int(self.mask.sum())


def choose_voxels(name: str, t: Image, region: Mask, top_percent: float, contiguous: bool) -> Chosen:
    """The part of ``region`` (X, Y, Z) that answers most in the map ``t`` (X, Y, Z).

    Raises
    ------
    StudyError : fewer than ``MINIMUM_VOXELS`` are left.
    """
    there = region & np.isfinite(t) & (t != 0.0)
    wanted = round(top_percent / 100.0 * int(there.sum()))
    if wanted < MINIMUM_VOXELS:
        raise StudyError(
            f"{name}: the top {top_percent:g} % of its {int(there.sum())} voxels with data are {wanted} voxels, at least {MINIMUM_VOXELS} "
            "are needed; raise --top, or prepare a larger region."
        )
    answering = there & (t > 0.0)
    if int(answering.sum()) < MINIMUM_VOXELS:
        raise StudyError(
            f"{name}: only {int(answering.sum())} of its {int(there.sum())} voxels respond in the direction asked (mean t "
            f"{float(t[there].mean()):.1f}), at least {MINIMUM_VOXELS} are needed: there is no effect, or a negative one. "
            "Keep the anatomical region, or turn --plus and --minus round if a decrease is what you look for."
        )
    mask = grown_from_peak(t, answering, wanted) if contiguous else _strongest(t, answering, wanted)
    if int(mask.sum()) < MINIMUM_VOXELS:
        raise StudyError(
            f"{name}: around its peak only {int(mask.sum())} responding voxels hang together, at least {MINIMUM_VOXELS} are needed "
            f"(mean t of the region {float(t[there].mean()):.1f}); look at the map, leave --contiguous out, or smooth more."
        )
    peak = np.unravel_index(int(np.argmax(np.where(mask, t, -np.inf))), t.shape)
    where = int(peak[0]), int(peak[1]), int(peak[2])
    return Chosen(mask, int(there.sum()), float(t[mask].min()), float(t[mask].mean(dtype=np.float64)), where, float(t[where]))


def _strongest(t: Image, candidates: Mask, wanted: int) -> Mask:
    voxels = np.flatnonzero(candidates)
    best = voxels[np.argsort(-t.reshape(-1)[voxels], kind="stable")[:wanted]]
    return _mask_of(best, candidates.shape)


def grown_from_peak(t: Image, candidates: Mask, wanted: int) -> Mask:
    """At most ``wanted`` of the ``candidates``, connected by faces: the largest t that touches what is in joins next."""
    values = np.where(candidates, t, -np.inf)
    peak = int(np.argmax(values))
    edge = [(-float(values.reshape(-1)[peak]), peak)]
    seen = {peak}
    taken: list[int] = []
    while edge and len(taken) < wanted:
        _, voxel = heapq.heappop(edge)
        taken.append(voxel)
        for neighbour in _neighbours(voxel, t.shape):
            if neighbour not in seen and candidates.reshape(-1)[neighbour]:
                seen.add(neighbour)
                heapq.heappush(edge, (-float(t.reshape(-1)[neighbour]), neighbour))
    return _mask_of(np.array(taken, dtype=np.intp), candidates.shape)


def _neighbours(voxel: int, shape: tuple[int, ...]) -> list[int]:
    x, y, z = np.unravel_index(voxel, shape)
    near = ((x + dx, y + dy, z + dz) for dx, dy, dz in FACES)
    return [int(np.ravel_multi_index(at, shape)) for at in near if all(0 <= n < size for n, size in zip(at, shape, strict=True))]


def _mask_of(voxels: npt.NDArray[np.intp], shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, dtype=np.bool_)
    mask.reshape(-1)[voxels] = True
    return mask
