"""One step's parts against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.registration import step
from rtfmri.registration.basis import EXPONENTS


@given(size=st.integers(1, 26), seed=st.integers(0, 2**32 - 1))
def test_equations_are_solved_as_numpy_does(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    normal = np.stack([np.eye(size) * 5 + rng.normal(scale=0.3, size=(size, size)) for _ in range(4)])
    units = np.geomspace(1e-4, 1e4, size)  # columns in units as different as mm, rad and percent
    normal, sums, weights = normal * units[:, None] * units, rng.normal(size=(4, size + 2)), rng.random(4) + 0.1
    solution = np.empty(size)
    assert step.solve(normal, sums, weights, solution)
    matrix, right = np.tensordot(weights, normal, 1), weights @ sums[:, :size]
    np.testing.assert_allclose(solution * units, np.linalg.solve(matrix / units[:, None] / units, right / units), rtol=1e-9, atol=1e-12)


def test_equations_with_a_zero_on_the_diagonal_need_their_rows_exchanged() -> None:
    solution = np.array([2.0, 3.0])
    assert step.eliminate(np.array([[0.0, 1.0], [1.0, 0.0]]), solution)
    assert solution.tolist() == [3.0, 2.0]


def test_equations_that_leave_a_parameter_open_have_no_solution() -> None:
    same = np.ones((1, 3, 3))
    assert not step.solve(same, np.ones((1, 5)), np.ones(1), np.empty(3))
    assert not step.solve(np.zeros((1, 3, 3)), np.ones((1, 5)), np.ones(1), np.empty(3))


def test_sums_are_those_of_the_model_slice_by_slice() -> None:
    rng = np.random.default_rng(3)
    voxels = rng.integers(0, 9, (500, 3)).astype(np.int32)
    reference, sampled, basis = rng.random(500) * 100, rng.random(500) * 900, rng.normal(size=(500, 26)).astype(np.float32)
    within, gain, frame = rng.random(500) < 0.8, rng.normal(scale=0.1, size=20), np.array([[4.0, 3.0, 5.0], [0.25, 0.3, 0.2]])
    u = (voxels - frame[0]) * frame[1]
    polynomial = sum(b * u[:, 0] ** i * u[:, 1] ** j * u[:, 2] ** k for b, (i, j, k) in zip(gain, EXPONENTS, strict=True))
    residual = np.where(within, sampled * 0.11 - reference * (1 + polynomial), 0.0)
    tile = rng.integers(0, 4, 500)
    pieces = step.piece_sums(voxels, (tile * 9 + voxels[:, 2]).astype(np.int32), 36, reference, basis, sampled, within, 0.11, frame, gain)
    sums = step.slice_sums(pieces, 9)
    for z in range(9):
        here = voxels[:, 2] == z
        np.testing.assert_allclose(sums[z, :26], residual[here] @ basis[here], atol=1e-9)
        seen = here & within
        told = [(residual[here] ** 2).sum(), seen.sum(), 0.11 * sampled[seen].sum(), reference[seen].sum()]
        np.testing.assert_allclose(sums[z, 26:], told)
        for number in range(4):
            piece = here & (tile == number)
            np.testing.assert_allclose(pieces[number * 9 + z, :26], residual[piece] @ basis[piece], atol=1e-9)


def test_a_noisy_slice_weighs_its_inverse_variance_and_half_a_slice_half() -> None:
    sums = np.zeros((5, 6))
    sums[:, 2], sums[:, 3] = [90.0, 90.0, 900.0, 45.0, 0.0], [10, 10, 10, 5, 0]
    weights, typical_percent = step.slice_weights(sums, np.array([10, 10, 10, 10, 10]))
    np.testing.assert_allclose(weights, [1.0, 1.0, 0.1, 0.5, 0.0])
    assert typical_percent == 3.0


def test_slices_that_lost_their_signal_have_no_weight_even_where_they_are_most() -> None:
    sums = np.zeros((5, 6))
    sums[:, 2], sums[:, 3], sums[:, 4], sums[:, 5] = [9.0, 9.0, 900.0, 900.0, 900.0], 10, [90, 95, 0, 10, 24], 100
    weights, typical_percent = step.slice_weights(sums, np.full(5, 10))
    assert weights.tolist() == [1.0, 1.0, 0.0, 0.0, 0.0]
    assert typical_percent == pytest.approx(0.9**0.5)


def test_no_voxel_within_the_volume_means_no_weight() -> None:
    weights, typical_percent = step.slice_weights(np.zeros((3, 6)), np.array([5, 5, 0]))
    assert not weights.any()
    assert typical_percent == 0.0
