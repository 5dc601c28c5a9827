"""Values at the start of each volume against signals that are known at every moment."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.registration.slice_timing import DEPTH, TimedValues, at_volume_start, slice_of, timed, warm_up

Signal = Callable[[np.ndarray], np.ndarray]
SLICES = 36
TR_S = 2.0


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    warm_up()


def interleaved(tr_s: float) -> tuple[float, ...]:
    times = np.empty(SLICES)
    times[np.r_[0:SLICES:2, 1:SLICES:2]] = np.arange(SLICES) * tr_s / SLICES
    return tuple(times.tolist())


def multiband(tr_s: float) -> tuple[float, ...]:
    return tuple(np.tile(np.array(interleaved(tr_s))[: SLICES // 3] * 0.999, 3).tolist())


def measured(signal: Signal, index: int, slice_times_s: tuple[float, ...], tr_s: float, points: np.ndarray | None = None) -> TimedValues:
    if points is None:
        points = np.stack([np.zeros(SLICES), np.zeros(SLICES), np.arange(SLICES)], axis=1).astype(float)
    times = index * tr_s + np.array(slice_times_s)[slice_of(points, SLICES)]
    return timed(index, signal(times), points, slice_times_s, tr_s)


def corrected_run(
    signal: Signal, slice_times_s: tuple[float, ...], tr_s: float, left_out: tuple[int, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Estimated and true values (volumes, slices) at the starts of volumes 10 to 99."""
    told, true = [], []
    kept = [n for n in range(100) if n not in left_out]
    for position, index in enumerate(kept):
        if index >= 10:
            history = tuple(measured(signal, n, slice_times_s, tr_s) for n in kept[position : position - DEPTH : -1])
            values, every = at_volume_start(history, tr_s)
            assert every
            told.append(values)
            true.append(np.full(SLICES, signal(np.array([index * tr_s]))[0]))
    return np.array(told), np.array(true)


@pytest.mark.parametrize("slices", [interleaved, multiband])
@pytest.mark.parametrize(
    ("frequency_hz", "tr_s", "error"), [(0.02, 2.0, 0.0005), (0.05, 2.0, 0.008), (0.1, 2.0, 0.1), (0.1, 1.0, 0.008), (0.05, 3.0, 0.035)]
)
def test_sinusoids_are_brought_to_the_volumes_start(
    slices: Callable[[float], tuple[float, ...]], frequency_hz: float, tr_s: float, error: float
) -> None:
    def wave(t: np.ndarray) -> np.ndarray:
        return 1000.0 + np.sin(2 * np.pi * frequency_hz * t)

    told, true = corrected_run(wave, slices(tr_s), tr_s)
    assert np.abs(told - true).max() < error
    uncorrected = np.abs(wave(np.arange(10, 100)[:, None] * tr_s + np.array(slices(tr_s))) - true).max()
    assert np.abs(told - true).max() < 0.25 * uncorrected


@pytest.mark.parametrize("slices", [interleaved, multiband])
def test_the_slices_of_a_block_response_agree_again(slices: Callable[[float], tuple[float, ...]]) -> None:
    grid = np.arange(0, 250, 0.01)
    blocks = ((grid % 70) > 30).astype(float)
    lag = np.arange(0, 30, 0.01)
    response = lag**5 * np.exp(-lag) / 120 - lag**15 * np.exp(-lag) / 1307674368000 / 6
    bold = np.convolve(blocks, response)[: len(grid)] * 0.01

    def signal(t: np.ndarray) -> np.ndarray:
        return np.interp(t, grid, bold)

    told, true = corrected_run(signal, slices(TR_S), TR_S)
    late = signal(np.arange(10, 100)[:, None] * TR_S + np.array(slices(TR_S)))
    assert np.sqrt(np.mean((told - true) ** 2)) < 0.1 * np.sqrt(np.mean((late - true) ** 2))
    assert np.abs(told - true).max() < 0.03 * np.ptp(true)


@given(a=st.floats(-1e3, 1e3), b=st.floats(-10, 10), lost=st.sets(st.integers(20, 90), max_size=30))
def test_mean_and_drift_stay_exactly_as_they_were_whatever_is_lost(a: float, b: float, lost: set[int]) -> None:
    def signal(t: np.ndarray) -> np.ndarray:
        return a + b * t

    slice_times_s = interleaved(TR_S)
    kept = [n for n in range(100) if n not in lost]
    for position in range(DEPTH, len(kept), 7):
        history = tuple(measured(signal, n, slice_times_s, TR_S) for n in kept[position : position - DEPTH : -1])
        values, every = at_volume_start(history, TR_S)
        assert every == (kept[position] - kept[position - 1] <= 2)
        if every:
            np.testing.assert_allclose(values, signal(np.array([kept[position] * TR_S]))[0], atol=1e-11 * (abs(a) + 200 * abs(b) + 1))


def test_after_too_long_a_gap_values_stay_as_measured_and_it_is_said() -> None:
    slice_times_s = interleaved(TR_S)
    now = measured(np.sin, 20, slice_times_s, TR_S)
    for earlier in ((), (measured(np.sin, 17, slice_times_s, TR_S), measured(np.sin, 16, slice_times_s, TR_S))):
        values, every = at_volume_start((now, *earlier), TR_S)
        assert not every
        np.testing.assert_array_equal(values, now.values)


def test_one_lost_volume_is_bridged() -> None:
    told, true = corrected_run(lambda t: np.sin(2 * np.pi * 0.03 * t), interleaved(TR_S), TR_S, left_out=tuple(range(12, 100, 5)))
    assert np.abs(told - true).max() < 0.03


def test_voxels_of_the_first_slice_need_no_history() -> None:
    now = TimedValues(5, np.array([3.0, 4.0]), np.array([10.0, 10.0]))
    values, every = at_volume_start((now,), TR_S)
    assert every
    np.testing.assert_array_equal(values, now.values)


@given(seed=st.integers(0, 2**32 - 1))
def test_noise_is_hardly_magnified_even_where_a_voxel_moves_between_slices(seed: int) -> None:
    rng = np.random.default_rng(seed)
    history = tuple(TimedValues(20 - k, np.zeros(50), (20 - k + rng.uniform(0, 0.999, 50)) * TR_S) for k in range(DEPTH))
    gain = np.zeros(50)
    for k in range(DEPTH):
        one = tuple(TimedValues(h.index, np.full(50, float(i == k)), h.times_s) for i, h in enumerate(history))
        gain += at_volume_start(one, TR_S)[0] ** 2
    assert gain.max() <= 1.5 + 1e-9


def test_a_moved_point_belongs_to_the_nearest_slice_of_the_volume() -> None:
    points = np.array([[0, 0, z] for z in (-2.0, -0.4, 0.49, 0.51, 3.2, 9.0)])
    assert slice_of(points, 5).tolist() == [0, 0, 0, 1, 3, 4]


def test_a_history_that_is_empty_or_out_of_order_or_of_other_voxels_is_refused() -> None:
    one, two = TimedValues(1, np.zeros(2), np.zeros(2)), TimedValues(2, np.zeros(3), np.zeros(3))
    for history in ((), (one, one), (two, one)):
        with pytest.raises(ValueError, match="history"):
            at_volume_start(history, TR_S)
