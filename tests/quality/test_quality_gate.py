"""The gate of the feedback: what is a spike, what is not, and how often it is wrong."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy.signal import lfilter

from rtfmri.quality.gate import FACTOR, FEWEST, GIVE_UP, LEAST, WINDOW, History, limit_percent, slices_of, spike, spoiled


def judge(series: np.ndarray, history: History | None = None) -> tuple[History, list[bool]]:
    history, verdicts = history or History(), []
    for value in series:
        history, verdict = spike(history, float(value))
        verdicts.append(verdict)
    return history, verdicts


def dvars_of_a_still_head(volumes: int, seed: int = 0) -> np.ndarray:
    """DVARS of AR(1) noise (1.5 % of the signal) in 3000 independent voxels, with steps of the head up to 0.2 mm at 6 % of signal a mm."""
    rng = np.random.default_rng(seed)
    noise = np.sqrt(2 * 1.5**2 * 0.7 * (1 + lfilter([0.95], [1, -0.3], rng.normal(size=volumes)) * np.sqrt(2 / 3000)))
    steps_mm = np.clip(0.03 * np.abs(rng.standard_t(3, volumes)), 0, 0.2)
    return np.hypot(noise, 6.0 * steps_mm)


def test_fewer_than_one_in_a_thousand_volumes_of_noise_and_ordinary_motion_is_called_a_spike() -> None:
    _, verdicts = judge(dvars_of_a_still_head(20_000))
    assert sum(verdicts) < 20


@pytest.mark.parametrize("seed", range(5))
def test_a_volume_that_differs_by_as_much_again_as_the_noise_is_caught(seed: int) -> None:
    series = dvars_of_a_still_head(200, seed)
    series[[60, 61, 120, 121]] = np.hypot(series[[60, 61, 120, 121]], 2.5)  # there and back
    _, verdicts = judge(series)
    assert [n for n, verdict in enumerate(verdicts) if verdict] == [60, 61, 120, 121]


def test_nothing_is_a_spike_before_there_is_something_to_compare_with() -> None:
    _, verdicts = judge(np.array([1.0] * (FEWEST - 1) + [50.0] + [1.0] * 5 + [50.0]))
    assert verdicts == [False] * (FEWEST + 5) + [True]


def test_the_limit_follows_from_the_last_volumes_that_were_no_spike() -> None:
    rng = np.random.default_rng(4)
    series = 2 + 0.5 * rng.random(100)
    history, _ = judge(series)
    last = series[-WINDOW:]
    robust = 1.4826 * np.median(np.abs(last - np.median(last)))
    assert limit_percent(history) == pytest.approx(np.median(last) + max(FACTOR * robust, LEAST * np.median(last)))
    after, verdict = spike(history, 40.0)
    assert verdict
    assert after.recent == history.recent


def test_images_that_have_changed_for_good_are_not_held_for_ever() -> None:
    history, _ = judge(np.full(40, 2.0))
    history, verdicts = judge(np.full(40, 5.0), history)
    assert verdicts == [True] * GIVE_UP + [False] * (40 - GIVE_UP)
    assert limit_percent(history) == pytest.approx(5.0 * (1 + LEAST))


def test_only_bad_slices_that_hold_a_region_spoil_its_value() -> None:
    voxels = np.array([[3, 4, 7], [3, 5, 7], [3, 5, 9]])
    assert slices_of(voxels) == {7, 9}
    assert spoiled((1, 9, 7), slices_of(voxels)) == (7, 9)
    assert spoiled((0, 8), slices_of(voxels)) == ()


def test_it_takes_less_than_a_twentieth_of_a_millisecond() -> None:
    history, _ = judge(dvars_of_a_still_head(40))
    began_s = time.process_time()
    for _ in range(1000):
        spike(history, 2.0)
    assert time.process_time() - began_s < 0.05
