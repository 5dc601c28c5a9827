"""A region of the study on the EPI's own grid: brought there from MNI, T1 or EPI space, combined, cut, trimmed, and judged.

A voxel belongs to a source where at least half of it lies inside (3 x 3 x 3 points a voxel). ``spaces`` holds for each space the place
(X, Y, Z, 3) mm of every voxel centre; points between are interpolated, so spheres are round in MNI and follow the warp on the grid.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from rtfmri.registration.mask import Mask
from rtfmri.signals.rois import MINIMUM_VOXELS
from rtfmri.study.regions import RoiRule, SourceRule
from rtfmri.volume import Array, Grid, Image

HALF = 0.5
GREY = 0.3  # voxels of 3 mm and more rarely hold grey matter only; less than this is mostly something else
MOST_LOST = 0.5
_OFFSETS = tuple(itertools.product((-1 / 3, 0.0, 1 / 3), repeat=3))

Images = Mapping[object, tuple[Image, Grid]]  # of the sources' files, by path
Inside = Callable[[Array], npt.NDArray[np.bool_]]  # points (N, 3) mm -> bool (N,)


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What regions are cut and trimmed with; all on one grid. ``spaces``: MNI, EPI and, where there is one, T1."""

    grid: Grid
    spaces: Mapping[str, Array]
    brain: Mask
    grey: Image
    lost: Mask


@dataclass(frozen=True, eq=False)
class Region:
    """``mask`` are the usable voxels, ``weights`` (X, Y, Z) how much each belongs; ``whole`` the region before it was cut.

    ``centre_mm``: of ``whole``, RAS; None where it is empty. ``problems``: why it is refused, in the operator's words.
    """

    rule: RoiRule
    whole: Mask
    mask: Mask
    weights: Image
    in_brain: int
    lost: int
    centre_mm: tuple[float, float, float] | None
    problems: tuple[str, ...]

    @property
    def voxels(self) -> int:
        return int(self.mask.sum())


def region_of(rule: RoiRule, anatomy: Anatomy, images: Images) -> Region:
    """The region on the EPI's grid; what is wrong with it stands in ``problems``."""
    coverages = [coverage(anatomy.spaces[_space(source)], _inside(source, images)) for source in rule.all_sources]
    covered = np.minimum.reduce(coverages) if rule.combine == "intersection" else np.maximum.reduce(coverages)
    whole = covered >= HALF
    in_brain = whole & anatomy.brain
    grey = in_brain & (anatomy.grey >= GREY) if rule.cut_by_grey_matter else in_brain
    mask = grey & ~anatomy.lost
    weights = np.where(mask, covered * (anatomy.grey if rule.cut_by_grey_matter else 1.0), 0.0).astype(np.float32)
    lost = in_brain & anatomy.lost
    counts = {"whole": int(whole.sum()), "in_brain": int(in_brain.sum()), "grey": int(grey.sum()), "usable": int(mask.sum())}
    problems = _problems(rule, counts, int(lost.sum()))
    return Region(rule, whole, mask, weights, counts["in_brain"], int(lost.sum()), _centre_mm(whole, anatomy.grid), problems)


def coverage(places_mm: Array, inside: Inside) -> Array:
    """(X, Y, Z): how much of each voxel lies ``inside``, of ``places_mm`` (X, Y, Z, 3); looked at near the region only."""
    shape = places_mm.shape[:3]
    centres = inside(places_mm.reshape(-1, 3)).reshape(shape)
    near = np.argwhere(ndimage.binary_dilation(centres, ndimage.generate_binary_structure(3, 3)))
    counts = np.zeros(len(near))
    for offset in _OFFSETS:
        at = (near + offset).T
        points = [ndimage.map_coordinates(places_mm[..., k], at, order=1, mode="nearest") for k in range(3)]
        counts += inside(np.stack(points, axis=1))
    covered = np.zeros(shape)
    covered[tuple(near.T)] = counts / len(_OFFSETS)
    return covered


def sphere(centre_mm: tuple[float, float, float], radius_mm: float) -> Inside:
    return lambda points: np.asarray(((points - np.array(centre_mm)) ** 2).sum(axis=1) <= radius_mm**2)


def in_image(chosen: Mask, grid: Grid) -> Inside:
    """Whether the nearest voxel of an image is ``chosen``; outside it, no."""
    inverse = np.linalg.inv(grid.affine)

    def inside(points: Array) -> npt.NDArray[np.bool_]:
        index = np.rint(points @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
        within = ((index >= 0) & (index < grid.shape)).all(axis=1)
        found = np.zeros(len(points), dtype=np.bool_)
        found[within] = chosen[tuple(index[within].T)]
        return found

    return inside


def _space(source: SourceRule) -> str:
    return "MNI" if source.sphere_mni_mm is not None else source.space


def _inside(source: SourceRule, images: Images) -> Inside:
    if source.sphere_mni_mm is not None:
        return sphere(source.sphere_mni_mm, source.radius_mm)
    data, grid = images[source.label_image or source.mask]
    chosen = np.isin(np.rint(data), source.labels) if source.label_image is not None else np.nan_to_num(data) >= HALF
    return in_image(chosen, grid)


def _centre_mm(mask: Mask, grid: Grid) -> tuple[float, float, float] | None:
    if not mask.any():
        return None
    x, y, z = grid.affine[:3, :3] @ np.argwhere(mask).mean(axis=0) + grid.affine[:3, 3]
    return float(x), float(y), float(z)


def _problems(rule: RoiRule, counts: Mapping[str, int], lost: int) -> tuple[str, ...]:
    """Why the region cannot be used; the first reason only, for the others follow from it."""
    name, words = rule.name, " and ".join(source.words for source in rule.all_sources)
    if not counts["whole"]:
        return (f"roi {name}: it lies outside the slices ({words}); move the slices so that they cover it, or correct the region.",)
    if counts["in_brain"] < HALF * counts["whole"]:
        return (
            f"roi {name}: it misses the brain, only {counts['in_brain']} of its {counts['whole']} voxels lie in it ({words}); "
            "check the picture: is the region right, and is the brain found where it is?",
        )
    if lost > MOST_LOST * counts["in_brain"]:
        return (
            f"roi {name}: {lost} of its {counts['in_brain']} voxels have lost their signal (dropout); shim again, tilt the slices "
            "or shorten the echo time, or choose another region.",
        )
    if counts["usable"] < MINIMUM_VOXELS:
        return (
            f"roi {name}: {counts['usable']} usable voxels of {counts['whole']} ({counts['in_brain']} in the brain, {counts['grey']} with "
            f"grey matter, {lost} lost to dropout), at least {MINIMUM_VOXELS} are needed; enlarge it, set grey_matter = false, "
            "or use smaller voxels.",
        )
    return ()
