"""The mask of the head."""

from __future__ import annotations

import numpy as np
from moved_head import head_at, oblique_grid, volume_of

from rtfmri.registration.mask import head_mask, otsu_threshold
from rtfmri.rigid import RigidTransform

GRID = oblique_grid()
STILL = volume_of(GRID, RigidTransform(), seed=1)


def _truth() -> np.ndarray:
    points = np.indices(GRID.shape).reshape(3, -1).T @ GRID.affine[:3, :3].T + GRID.affine[:3, 3]
    return (head_at(points) > 400).reshape(GRID.shape)


def _overlap(mask: np.ndarray) -> float:
    truth = _truth()
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


def test_the_mask_is_the_head() -> None:
    assert _overlap(head_mask(STILL)) > 0.97


def test_a_ghost_noise_and_a_few_very_bright_voxels_do_not_change_it_much() -> None:
    image = STILL + 0.12 * np.roll(STILL, GRID.shape[1] // 2, axis=1) + np.abs(np.random.default_rng(0).normal(scale=30, size=GRID.shape))
    image[20:22, 20:22, 10:12] = 50_000
    image[0, 0, 0] = np.nan
    assert _overlap(head_mask(image.astype(np.float32))) > 0.95


def test_a_hole_is_closed() -> None:
    image = STILL.copy()
    image[22:28, 28:34, 12:18] = 0.0
    assert head_mask(image)[22:28, 28:34, 12:18].all()


def test_the_same_image_gives_the_same_mask() -> None:
    np.testing.assert_array_equal(head_mask(STILL), head_mask(STILL.copy()))


def test_nothing_stands_out_of_a_flat_image() -> None:
    assert not head_mask(np.full((8, 8, 4), 7, dtype=np.float32)).any()


def test_otsu_parts_two_heaps_between_them() -> None:
    rng = np.random.default_rng(3)
    heaps = np.concatenate([rng.normal(0, 3, 5000), rng.normal(100, 10, 1000)])
    assert (heaps > otsu_threshold(heaps)).sum() == 1000
