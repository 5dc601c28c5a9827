"""Whether the coming volumes lie as the regions expect: before the first volume by the newest files of the series, after it by itself.

Regions that lie on the run's own grid must lie on exactly that grid. Regions on an earlier image are found in the run by registration,
so there the grids may differ: told are another voxel size, a tilted slab, and regions that the new slab would not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rtfmri.messages import Confirmed
from rtfmri.pipeline import Materials
from rtfmri.preflight.check import Check
from rtfmri.signals.rois import INSIDE, TOLERANCE_MM
from rtfmri.volume import Array, Grid

NAME = "reference fits"
OTHER_SIZE = 0.10  # of the voxel's edge
TILTED_DEG = 15.0
LEAST_INSIDE = 0.98  # of a region's voxels
TOLD_MM = 0.05


@dataclass(frozen=True, eq=False)
class Expected:
    """``grid`` that the regions lie on; ``earlier``: of another run or session. ``points_mm``: each region's voxels (N, 3), RAS mm."""

    grid: Grid
    earlier: bool
    points_mm: dict[str, Array]


def expected_of(materials: Materials) -> Expected | None:
    masks = list(materials.masks.values())
    if not masks:
        return None
    points = {name: _points_mm(np.asarray(mask.data), mask.grid) for name, mask in materials.masks.items()}
    return Expected(materials.earlier.grid if materials.earlier else masks[0].grid, materials.earlier is not None, points)


def _points_mm(mask: np.ndarray[tuple[int, ...], np.dtype[np.float32]], grid: Grid) -> Array:
    index = np.argwhere(mask >= INSIDE).astype(np.float64)
    return np.asarray((index[:, None, :] * grid.affine[None, :3, :3]).sum(axis=2) + grid.affine[:3, 3], dtype=np.float64)


def reference_check(expected: Expected | None, coming: Grid | None, confirmed: Confirmed | None = None) -> Check:
    """``coming``: the grid of the newest files of the series; ``confirmed``: what the run's first volume settled, where it has come."""
    if expected is None:
        return Check(NAME, "unknown", "It is not known which image the regions lie on.")
    if confirmed is not None:
        return _against_first_volume(expected.grid, confirmed)
    if coming is None:
        text = f"No volume of this series has come; the regions lie on {words_of(expected.grid)}."
        return Check(NAME, "unknown", text, "The protocol must give the same; the first volume is compared as well.")
    return _on_earlier(expected, coming) if expected.earlier else _on_own(expected, coming)


def _on_own(expected: Expected, coming: Grid) -> Check:
    advice = "Scan with the position that the masks were drawn on, or resample them to this EPI."
    if expected.grid.shape != coming.shape:
        return Check(NAME, "failed", f"The masks have {words_of(expected.grid)}, the series {words_of(coming)}.", advice)
    apart_mm = expected.grid.difference_mm(coming)
    if apart_mm > TOLERANCE_MM:
        return Check(NAME, "failed", f"The masks' grid and the series' are {apart_mm:.1f} mm apart at a corner.", advice)
    return Check(NAME, "ok", f"The regions and the newest volume lie on one grid: {words_of(coming)}.")


def _on_earlier(expected: Expected, coming: Grid) -> Check:
    sizes = zip(expected.grid.voxel_size_mm, coming.voxel_size_mm, strict=True)
    if any(abs(new - old) > OTHER_SIZE * old for old, new in sizes):
        text = f"The regions lie on {words_of(expected.grid)}, the series has {words_of(coming)}."
        return Check(NAME, "warning", text, "Is it the protocol that was prepared? Prepare again where it is not.")
    tilt_deg = tilt_between_deg(expected.grid, coming)
    if tilt_deg > TILTED_DEG:
        return Check(NAME, "warning", f"The slab is tilted by {tilt_deg:.0f} degrees to the prepared one.", "Set the prepared angle.")
    outside = {name: 1 - inside_share(points, coming) for name, points in expected.points_mm.items()}
    cut = [f"{name} {share:.0%}" for name, share in outside.items() if share > 1 - LEAST_INSIDE]
    if cut:
        text = f"If the head lies as it did, the slab leaves out parts of {', '.join(cut)}."
        return Check(NAME, "warning", text, "Move the slab so that it covers the regions.")
    return Check(NAME, "ok", f"Voxels and slab are those of the prepared image: {words_of(coming)}, tilted by {tilt_deg:.0f} degrees.")


def _against_first_volume(grid: Grid, confirmed: Confirmed) -> Check:
    same = tuple(confirmed.shape) == grid.shape and all(
        abs(new - old) < TOLD_MM for new, old in zip(confirmed.voxel_size_mm, grid.voxel_size_mm, strict=True)
    )
    came = f"{' x '.join(map(str, confirmed.shape))} voxels of {' x '.join(f'{mm:.2f}' for mm in confirmed.voxel_size_mm)} mm"
    if not same:
        return Check(NAME, "warning", f"The first volume has {came}, the regions lie on {words_of(grid)}.", "Check the protocol.")
    return Check(NAME, "ok", f"The first volume has {came}, as the regions.")


def tilt_between_deg(first: Grid, second: Grid) -> float:
    """The angle between the slices' normals (either way round), in degrees."""
    normals = [grid.affine[:3, 2] / np.sqrt((grid.affine[:3, 2] ** 2).sum()) for grid in (first, second)]
    return float(np.degrees(np.arccos(min(1.0, abs(float((normals[0] * normals[1]).sum()))))))


def inside_share(points_mm: Array, grid: Grid) -> float:
    """Which part of these points (N, 3) lies within the grid's voxels; 1 where there are none."""
    if not len(points_mm):
        return 1.0
    inverse = np.linalg.inv(grid.affine)
    index = (points_mm[:, None, :] * inverse[None, :3, :3]).sum(axis=2) + inverse[:3, 3]
    return float(((index >= -0.5) & (index <= np.array(grid.shape) - 0.5)).all(axis=1).mean())


def words_of(grid: Grid) -> str:
    """``64 x 64 x 36 voxels of 3.00 x 3.00 x 3.50 mm``."""
    return f"{' x '.join(map(str, grid.shape))} voxels of {' x '.join(f'{mm:.2f}' for mm in grid.voxel_size_mm)} mm"
