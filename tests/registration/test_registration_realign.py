"""Known motion, recovered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from moved_head import displacement_mm, oblique_grid, volume_of

from rtfmri.errors import StudyError, VolumeError
from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import prefilter, sample
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Estimate, Reference, estimate, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Grid, Image

GRID = oblique_grid()
STILL = volume_of(GRID, RigidTransform(), seed=1)


@pytest.fixture(scope="module")
def reference() -> Reference:
    return prepare(STILL, GRID, head_mask(STILL))


def _motion(reference: Reference, trans_mm: tuple[float, float, float], rot_deg: tuple[float, float, float]) -> RigidTransform:
    rot_rad = tuple(float(r) for r in np.radians(rot_deg))
    return RigidTransform(trans_mm, (rot_rad[0], rot_rad[1], rot_rad[2]), reference.centre_mm)


def _from_rest(reference: Reference, image: Image) -> Estimate:
    return estimate(reference, prefilter(image), RigidTransform(centre_mm=reference.centre_mm))


def _error_mm(found: Estimate, true: RigidTransform) -> float:
    return displacement_mm(GRID, found.transform.matrix, true.matrix)


@pytest.mark.parametrize(
    ("trans_mm", "rot_deg"),
    [
        ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        ((0.1, -0.05, 0.08), (0.05, 0.1, -0.04)),
        ((-1.0, 0.6, 1.5), (0.8, -0.5, 0.6)),
        ((1.7, -1.6, 2.0), (-1.8, 1.6, 2.0)),
    ],
)
def test_a_known_motion_is_recovered_to_a_hundredth_of_a_millimetre(
    reference: Reference, trans_mm: tuple[float, float, float], rot_deg: tuple[float, float, float]
) -> None:
    true = _motion(reference, trans_mm, rot_deg)
    found = _from_rest(reference, volume_of(GRID, true, seed=2, activation_percent=3.0))
    assert found.converged
    assert found.transform.centre_mm == reference.centre_mm
    assert _error_mm(found, true) < 0.02
    np.testing.assert_allclose(found.transform.trans_mm, true.trans_mm, atol=0.02)
    np.testing.assert_allclose(np.degrees(found.transform.rot_rad), np.degrees(true.rot_rad), atol=0.02)


def test_over_a_run_the_median_error_is_below_a_hundredth_of_a_millimetre(reference: Reference) -> None:
    rng, errors = np.random.default_rng(7), []
    trans, rot, start = np.zeros(3), np.zeros(3), RigidTransform(centre_mm=reference.centre_mm)
    for seed in range(20):
        trans, rot = trans + rng.normal(scale=0.15, size=3), rot + rng.normal(scale=0.1, size=3)
        true = _motion(reference, tuple(trans), tuple(rot))
        found = estimate(reference, prefilter(volume_of(GRID, true, seed=100 + seed)), start)
        start = found.transform
        errors.append(_error_mm(found, true))
    assert np.median(errors) < 0.01
    assert max(errors) < 0.02


@pytest.mark.parametrize("size", [3.0, 5.0, 8.0])
def test_a_sudden_large_movement_is_found(reference: Reference, size: float) -> None:
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=(2, 3))
        direction *= size / np.sqrt((direction**2).sum(axis=1, keepdims=True))
        true = _motion(reference, tuple(direction[0]), tuple(direction[1]))
        found = _from_rest(reference, volume_of(GRID, true, seed=seed))
        assert found.converged
        assert _error_mm(found, true) < 0.03


def _dark_slice(image: Image) -> Image:
    image[:, :, 14] *= 0.6
    return image


def _black_slice(image: Image) -> Image:
    image[:, :, 20] = 0.0
    return image


def _spike_in_k_space(image: Image) -> Image:
    x, y = np.indices(image.shape[:2])
    image[:, :, 11] += (400 * np.cos(1.3 * x + 0.8 * y)).astype(np.float32)
    return image


def _brighter(image: Image) -> Image:
    return image * np.float32(1.05)


def _signal_void(image: Image) -> Image:
    image[14:22, 30:40, 8:13] *= 0.2
    return image


@pytest.mark.parametrize("fault", [_dark_slice, _black_slice, _spike_in_k_space, _brighter, _signal_void])
def test_a_fault_in_the_image_moves_the_estimate_by_little(reference: Reference, fault: object) -> None:
    true = _motion(reference, (0.6, -0.8, 0.9), (0.7, 0.4, -0.5))
    found = _from_rest(reference, fault(volume_of(GRID, true, seed=3)))  # type: ignore[operator]
    assert found.converged
    assert _error_mm(found, true) < 0.04


def test_the_start_makes_no_difference_beyond_the_tolerance(reference: Reference) -> None:
    true = _motion(reference, (0.6, -0.8, 0.9), (0.7, 0.4, -0.5))
    coefficients = prefilter(volume_of(GRID, true, seed=3))
    about_elsewhere = RigidTransform.from_matrix(true.matrix, (50.0, -20.0, 80.0))
    one = estimate(reference, coefficients, RigidTransform())
    other = estimate(reference, coefficients, about_elsewhere)
    assert displacement_mm(GRID, one.transform.matrix, other.transform.matrix) < 0.002
    assert other.iterations <= one.iterations


def test_tissue_is_found_again_at_its_moved_position(reference: Reference) -> None:
    true = _motion(reference, (1.2, -0.8, 0.9), (1.0, 0.4, -0.5))
    coefficients = prefilter(volume_of(GRID, true))
    found = estimate(reference, coefficients, RigidTransform())
    voxels = np.argwhere(reference.mask)[::7]
    moved = sample(coefficients, transform_points(GRID, found.transform, GRID, voxels))
    still = volume_of(GRID, RigidTransform())[tuple(voxels.T)]
    assert np.corrcoef(moved, still)[0, 1] > 0.995


@pytest.mark.parametrize("dead", [np.zeros_like(STILL), np.full_like(STILL, 500.0), STILL * np.float32(0.05)])
def test_a_volume_without_the_head_is_not_converged(reference: Reference, dead: Image) -> None:
    found = _from_rest(reference, dead)
    assert not found.converged
    assert np.isfinite([*found.transform.trans_mm, *found.transform.rot_rad, found.residual_percent]).all()


def test_noise_is_not_converged(reference: Reference) -> None:
    noise = np.abs(np.random.default_rng(0).normal(scale=500, size=GRID.shape)).astype(np.float32)
    assert not _from_rest(reference, noise).converged


def test_a_head_outside_the_volume_is_not_converged(reference: Reference) -> None:
    far = _motion(reference, (0.0, 0.0, 900.0), (0.0, 0.0, 0.0))
    assert not estimate(reference, prefilter(STILL), far).converged


def test_values_that_are_no_numbers_are_refused(reference: Reference) -> None:
    broken = STILL.copy()
    broken[26, 30, 16] = np.nan
    with pytest.raises(VolumeError, match="not numbers"):
        _from_rest(reference, broken)


def test_another_shape_is_refused(reference: Reference) -> None:
    with pytest.raises(VolumeError, match="voxels"):
        _from_rest(reference, np.ascontiguousarray(STILL[:-1]))


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        (STILL, np.zeros(GRID.shape, dtype=bool)),
        (STILL, np.ones((4, 4, 4), dtype=bool)),
        (np.zeros_like(STILL), np.ones(GRID.shape, dtype=bool)),
        (np.full_like(STILL, 100.0), np.ones(GRID.shape, dtype=bool)),
        (np.where(np.arange(GRID.shape[2]) == 3, np.nan, STILL), np.ones(GRID.shape, dtype=bool)),
    ],
    ids=["empty mask", "mask of another shape", "black reference", "flat reference", "no numbers"],
)
def test_an_unusable_reference_refuses_to_start(image: Image, mask: np.ndarray) -> None:
    with pytest.raises(StudyError):
        prepare(image, GRID, mask)


def test_three_slices_are_too_few() -> None:
    thin = replace(GRID, shape=(*GRID.shape[:2], 3))
    with pytest.raises(StudyError, match="four slices"):
        prepare(np.ascontiguousarray(STILL[:, :, 14:17]), thin, np.ascontiguousarray(head_mask(STILL)[:, :, 14:17]))


def test_five_slices_are_realigned_as_well_as_they_allow() -> None:
    affine = GRID.affine.copy()
    affine[:3, 3] += 14 * affine[:3, 2]
    thin, middle = Grid((*GRID.shape[:2], 5), affine), slice(14, 19)
    reference = prepare(np.ascontiguousarray(STILL[:, :, middle]), thin, np.ascontiguousarray(head_mask(STILL)[:, :, middle]))
    true = _motion(reference, (0.5, -0.4, 0.6), (0.2, -0.2, 0.6))
    found = _from_rest(reference, np.ascontiguousarray(volume_of(GRID, true, seed=5)[:, :, middle]))
    assert found.converged
    assert _error_mm(found, true) < 0.2
