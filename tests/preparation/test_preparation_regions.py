"""Regions on a grid whose place in MNI is known: the voxel centres themselves, so every count can be told beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rtfmri.preparation.checks import region_checks, side_check
from rtfmri.preparation.regions import Anatomy, Region, coverage, region_of, sphere
from rtfmri.study.regions import RoiRule
from rtfmri.volume import Grid

GRID = Grid((60, 72, 40), np.array([[-3.0, 0, 0, 90], [0, 3.0, 0, -108], [0, 0, 3.0, -50], [0, 0, 0, 1]]))  # x runs to the left
PLACES = np.moveaxis(np.indices(GRID.shape), 0, -1) @ GRID.affine[:3, :3].T + GRID.affine[:3, 3]
BRAIN = (PLACES**2 / np.array([70.0, 90.0, 65.0]) ** 2).sum(axis=-1) < 1
NOWHERE = np.zeros(GRID.shape, dtype=np.bool_)
ANATOMY = Anatomy(GRID, {"MNI": PLACES, "EPI": PLACES, "T1": PLACES + 3.0}, BRAIN, np.ones(GRID.shape, np.float32), NOWHERE)
TPJ = {"sphere_mni_mm": (45, -40, 22)}


def region(anatomy: Anatomy = ANATOMY, images: dict[object, Any] | None = None, **parts: Any) -> Region:
    rule = RoiRule.model_validate({"name": "tpj", "weight": -0.5, **parts})
    return region_of(rule, anatomy, images or {})


def beside(mm: float) -> np.ndarray:
    """Everything farther right than ``mm``."""
    return np.asarray(PLACES[..., 0] > mm)


def test_a_sphere_has_its_volume_and_its_centre() -> None:
    found = region(**TPJ)
    assert abs(int(found.whole.sum()) * 27 / (4 / 3 * np.pi * 8**3) - 1) < 0.05
    assert found.centre_mm == pytest.approx((45, -40, 22), abs=0.5)  # a voxel is in or out
    assert found.problems == ()
    assert found.weights[found.mask].min() >= 0.5


def test_a_voxel_belongs_by_how_much_of_it_lies_inside() -> None:
    covered = coverage(PLACES, lambda points: points[:, 0] > 0.5)  # the plane parts the voxels at 0 mm (-1.5 ... 1.5) by a third
    line = covered[:, 36, 20]
    assert set(np.round(np.unique(line), 6)) == {0.0, round(1 / 3, 6), 1.0}


def test_the_part_of_a_sphere_beyond_the_slices_is_left_out() -> None:
    whole = coverage(PLACES, sphere((0, 0, -50), 9)).sum() * 27
    assert whole == pytest.approx(4 / 6 * np.pi * 9**3 + np.pi * 81 * 1.5, rel=0.08)  # the upper half and half a voxel below the centre


def test_union_and_intersection_are_those_of_the_masks() -> None:
    other = {"sphere_mni_mm": (45, -34, 22)}
    a, b = region(**TPJ).whole, region(**other).whole
    assert (region(sources=(TPJ, other)).whole == (a | b)).all()
    assert (region(sources=(TPJ, other), combine="intersection").whole == (a & b)).all()


@pytest.mark.parametrize(("space", "shift"), [("MNI", 0), ("EPI", 0), ("T1", 1)])
def test_a_label_image_is_taken_from_its_own_space(space: str, shift: int) -> None:
    labels = np.zeros(GRID.shape, dtype=np.float32)
    labels[10:16, 20:26, 20:24], labels[16:20, 20:26, 20:24], labels[20:24, 20:26, 20:24] = 7, 8, 9
    path = Path("atlas.nii.gz")
    found = region(images={path: (labels, GRID)}, label_image=path, labels=(7, 9), space=space)
    wanted = np.isin(labels, (7, 9))
    # voxel i of the EPI lies at voxel (i - shift, i + shift, i + shift) of the T1
    assert (found.whole == np.roll(wanted, (shift, -shift, -shift), axis=(0, 1, 2))).all()


def test_grey_matter_cuts_spheres_and_weighs_them() -> None:
    grey = np.where(beside(45), 0.6, 0.1).astype(np.float32)
    found = region(replace(ANATOMY, grey=grey), **TPJ)
    assert (found.mask == (found.whole & beside(45))).all()
    assert found.weights[found.mask].max() == pytest.approx(0.6)
    assert region(replace(ANATOMY, grey=grey), **TPJ, grey_matter=False).voxels == int(found.whole.sum())


def test_lost_signal_is_trimmed_and_told() -> None:
    found = region(replace(ANATOMY, lost=beside(49)), **TPJ)
    assert not (found.mask & beside(49)).any()
    assert found.lost == int((found.whole & beside(49)).sum())
    assert found.problems == ()


@pytest.mark.parametrize(
    ("anatomy", "parts", "said"),
    [
        (ANATOMY, {"sphere_mni_mm": (45, -40, 120)}, "outside the slices"),
        (ANATOMY, {"sphere_mni_mm": (80, -40, 22)}, "misses the brain"),
        (replace(ANATOMY, lost=beside(43)), TPJ, "lost their signal"),
        (ANATOMY, TPJ | {"radius_mm": 4}, "at least 20 are needed"),
        (replace(ANATOMY, grey=np.full(GRID.shape, 0.1, np.float32)), TPJ, "0 usable voxels"),
    ],
)
def test_a_region_that_cannot_be_used_is_refused_with_the_reason(anatomy: Anatomy, parts: dict[str, Any], said: str) -> None:
    found = region(anatomy, **parts)
    assert len(found.problems) == 1
    assert said in found.problems[0]
    assert region_checks(found, PLACES, GRID)[0].verdict == "refused"


@pytest.mark.parametrize(("x_mm", "side"), [(45, "right"), (-45, "left")])
def test_a_region_on_its_own_side_is_good_and_on_the_other_refused(x_mm: float, side: str) -> None:
    found = region(sphere_mni_mm=(x_mm, -40, 22))
    check = side_check(found, PLACES, GRID)
    assert (check.verdict, side in check.words) == ("good", True)
    mirrored = Grid(GRID.shape, np.diag([-1.0, 1, 1, 1]) @ GRID.affine)  # the header says left where the map says right
    assert side_check(found, PLACES, mirrored).verdict == "refused"


def test_provisional_is_said() -> None:
    assert any("PROVISIONAL" in check.words for check in region_checks(region(**TPJ), PLACES, GRID))
