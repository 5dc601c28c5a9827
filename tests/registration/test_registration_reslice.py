"""The whole volume on another grid against voxel-by-voxel sampling and scipy.ndimage."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moved_head import oblique_grid, volume_of
from scipy import ndimage

from rtfmri.registration.bspline import ORDERS
from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import prefilter, sample
from rtfmri.registration.reslice import covered, reslice, warm_up
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Grid, Image

TRIPLE = st.tuples(*[st.floats(-1, 1)] * 3)


def voxel_by_voxel(coefficients: Image, grid: Grid, transform: RigidTransform, moving: Grid, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Values, and where there is data, of every voxel on its own; a hair's breadth about the outermost centres counts as neither."""
    points = transform_points(grid, transform, moving, np.argwhere(np.ones(grid.shape)))
    beyond = np.maximum(-points, points - (np.array(moving.shape) - 1)).max(axis=1)
    values = np.where(beyond <= 0, sample(coefficients, points, order), 0.0)
    values[np.abs(beyond) < 1e-5] = np.nan
    return values.reshape(grid.shape), beyond.reshape(grid.shape) <= 0


def check(coefficients: Image, grid: Grid, transform: RigidTransform, moving: Grid, order: int) -> None:
    values, where = voxel_by_voxel(coefficients, grid, transform, moving, order)
    sure = np.isfinite(values)
    resliced, has_data = reslice(coefficients, grid, transform, moving, order), covered(grid, transform, moving)
    assert resliced.dtype == np.float32
    np.testing.assert_array_equal(has_data[sure], where[sure])
    np.testing.assert_array_equal(resliced[~has_data], 0.0)
    np.testing.assert_allclose(resliced[sure], values[sure], atol=2e-6 * float(np.abs(coefficients).max()))


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    for order in ORDERS:
        warm_up(order)


@settings(max_examples=40)
@given(
    shape=st.tuples(*[st.integers(1, 30)] * 3),
    trans=TRIPLE,
    rot=TRIPLE,
    far=st.sampled_from([0.0, 0.1, 1.0, 30.0]),
    order=st.sampled_from(ORDERS),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_motion_gives_what_sampling_each_voxel_gives(
    shape: tuple[int, int, int], trans: tuple[float, float, float], rot: tuple[float, float, float], far: float, order: int, seed: int
) -> None:
    grid = oblique_grid(shape)
    coefficients = prefilter((1000 * np.random.default_rng(seed).random(shape)).astype(np.float32), order)
    a, b, c = (far * t for t in trans)
    u, v, w = (np.radians(far) * r for r in rot)
    check(coefficients, grid, RigidTransform((a, b, c), (u, v, w), (3.0, -6.0, 4.0)), grid, order)


@pytest.mark.parametrize("axes", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
@pytest.mark.parametrize("sizes_mm", [(3.0, 3.0, 3.0), (-2.0, 1.3, -5.1)])
def test_a_reference_with_other_axes_directions_and_voxels_will_do(axes: list[int], sizes_mm: tuple[float, float, float]) -> None:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(sizes_mm)[:, axes]
    affine[:3, 3] = 1.0 - affine[:3, :3] @ [6.0, 7.0, 8.0]
    coefficients = prefilter(np.random.default_rng(1).random((20, 22, 18)).astype(np.float32))
    check(coefficients, Grid((13, 15, 17), affine), RigidTransform((1.0, 2.0, -1.0), (0.1, 0.0, 0.2)), oblique_grid((20, 22, 18)), 3)


def test_a_still_head_is_itself_on_every_voxel() -> None:
    grid = oblique_grid((20, 17, 9))
    image = (1000 * np.random.default_rng(1).random(grid.shape)).astype(np.float32)
    for order in ORDERS:
        np.testing.assert_allclose(reslice(prefilter(image, order), grid, RigidTransform(), grid, order), image, atol=0.03)
    assert covered(grid, RigidTransform(), grid).all()


def test_cubic_reslice_is_scipys_affine_transform() -> None:
    image = np.random.default_rng(3).random((30, 28, 20)).astype(np.float32)
    grid, transform = Grid(image.shape, np.eye(4)), RigidTransform((1.0, -0.6, 0.4), (0.02, 0.03, -0.05), (15.0, 14.0, 10.0))
    oracle = ndimage.affine_transform(image.astype(np.float64), transform.matrix, order=3, mode="mirror")
    where = covered(grid, transform, grid)
    np.testing.assert_allclose(reslice(prefilter(image), grid, transform, grid)[where], oracle[where], atol=1e-5)


def test_higher_orders_bring_a_moved_head_back_more_truly() -> None:
    grid = oblique_grid()
    transform = RigidTransform((1.2, -0.7, 0.9), (0.03, -0.02, 0.04), (3.0, -6.0, 4.0))
    still, moved = volume_of(grid, RigidTransform()), volume_of(grid, transform)
    field = reslice(prefilter(np.ones(grid.shape, dtype=np.float32)), grid, transform, grid) > 0.5
    errors = [np.std((reslice(prefilter(moved, n), grid, transform, grid, n) - still)[field]) for n in (3, 5, 7)]
    assert errors == sorted(errors, reverse=True)


def test_coefficients_of_another_shape_are_refused() -> None:
    grid = oblique_grid((8, 8, 8))
    with pytest.raises(ValueError, match="moving grid"):
        reslice(np.zeros((8, 8, 9), dtype=np.float32), grid, RigidTransform(), grid)


def test_a_transform_that_is_not_finite_is_refused() -> None:
    grid, nowhere = oblique_grid((8, 8, 8)), RigidTransform((np.nan, 0.0, 0.0))
    for ask in (lambda: reslice(np.zeros((8, 8, 8), dtype=np.float32), grid, nowhere, grid), lambda: covered(grid, nowhere, grid)):
        with pytest.raises(ValueError, match="finite"):
            ask()


@pytest.mark.parametrize("slant", [1e-17, -1e-17, 1e-20, -1e-20, 1e-300, -1e-300, 5e-324, -5e-324])
def test_slants_next_to_nothing_do_no_harm(slant: float) -> None:
    affine = np.eye(4)
    affine[:2, 2] = slant, -slant
    affine[:3, 3] = 0.3, 0.6, 0.0
    coefficients = prefilter(np.random.default_rng(1).random((12, 13, 14)).astype(np.float32))
    check(coefficients, Grid((12, 13, 14), affine), RigidTransform(), Grid((12, 13, 14), np.eye(4)), 3)


def test_the_coefficients_may_be_turned_or_writable() -> None:
    grid = oblique_grid((9, 10, 11))
    transform = RigidTransform((1.0, 0.0, 2.0), (0.02, 0.0, 0.01))
    coefficients = prefilter(np.random.default_rng(1).random(grid.shape).astype(np.float32))
    expected = reslice(coefficients, grid, transform, grid)
    for same in (coefficients.copy(), np.asfortranarray(coefficients)):
        np.testing.assert_array_equal(reslice(same, grid, transform, grid), expected)


def test_two_threads_at_once_give_the_same_bits_as_one() -> None:
    grid = oblique_grid()
    coefficients = prefilter((1000 * np.random.default_rng(5).random(grid.shape)).astype(np.float32))
    motions = [RigidTransform((0.1 * n, 0.0, -0.2 * n), (0.01 * n, -0.02, 0.005 * n), (3.0, -6.0, 4.0)) for n in range(8)]
    alone = [reslice(coefficients, grid, motion, grid) for motion in motions]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda motion: reslice(coefficients, grid, motion, grid), motions))
    np.testing.assert_array_equal(together, alone)
