"""Running tSNR against numpy's polynomial fit of everything so far."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.quality.tsnr import FEWEST, median, room_for, tsnr_map, update, warm_up


def offline(indices: list[int], values: np.ndarray) -> np.ndarray:
    """values (N, V): mean over the standard deviation about a fitted line, on N - 2 degrees of freedom."""
    centred = np.array(indices) - np.mean(indices)
    left = values - np.polynomial.polynomial.polyval(centred, np.polynomial.polynomial.polyfit(centred, values, 1)).T
    return values.mean(axis=0) / np.sqrt((left**2).sum(axis=0) / (len(values) - 2))


@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 79), max_size=50), st.floats(-5, 5), st.integers(0, 10_000))
@settings(max_examples=25)
def test_at_every_volume_it_equals_a_fit_of_all_values_so_far(seed: int, gaps: set[int], drift: float, first: int) -> None:
    rng = np.random.default_rng(seed)
    indices = [first + n for n in range(80) if n not in gaps]
    values = 1000 + drift * np.array(indices)[:, None] / 10 + rng.normal(size=(len(indices), 3)) * [1, 10, 100]
    state = room_for(3)
    for n, index in enumerate(indices, start=1):
        state = update(state, index, values[n - 1])
        expected = offline(indices[:n], values[:n]) if n >= FEWEST else np.zeros(3)
        np.testing.assert_allclose(tsnr_map(state), np.maximum(expected, 0), rtol=1e-5)


def test_ten_thousand_volumes_of_strong_drift_lose_no_digits() -> None:
    rng = np.random.default_rng(2)
    values = (10_000 + np.linspace(0, 5000, 10_000)[:, None] + rng.normal(size=(10_000, 4))).astype(np.float32)
    state = room_for(4)
    for index, volume in enumerate(values):
        state = update(state, index, volume)
    np.testing.assert_allclose(tsnr_map(state), offline(list(range(10_000)), values.astype(float)), rtol=1e-6)


def test_the_median_is_of_the_series_that_have_a_ratio() -> None:
    warm_up()
    rng = np.random.default_rng(3)
    values = 100 + rng.normal(size=(40, 5))
    values[:, 0], values[:, 1], values[7, 2] = 0.0, 250.0, np.nan  # no signal, no noise, not a number
    state = room_for(5)
    for index, volume in enumerate(values):
        assert (median(state) is None) == (index < FEWEST)
        state = update(state, index, volume)
    expected = offline(list(range(40)), values[:, 3:])
    assert (tsnr_map(state)[:3] == 0.0).all()
    assert median(state) == pytest.approx(np.median(expected), rel=1e-6)


def test_another_number_of_values_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="5 series"):
        update(room_for(5), 0, np.ones(4))
