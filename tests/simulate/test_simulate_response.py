"""The response to blocks, against what is known of the double gamma 6/16/6."""

from __future__ import annotations

import numpy as np
import pytest

from rtfmri.paradigm import Block
from rtfmri.simulate.response import region_response

FINE_TR_S = 0.1


@pytest.fixture(scope="module")
def long_block() -> np.ndarray:
    """From -20 s to 140 s around a block of 60 s, sampled every 0.1 s."""
    return region_response([Block("work", 20.0, 60.0, "regulate")], [1.0], 1600, FINE_TR_S)


def seconds_after(onset_s: float, response: np.ndarray) -> np.ndarray:
    return (np.arange(len(response)) + 0.5) * FINE_TR_S - onset_s


def test_a_long_block_reaches_its_amplitude(long_block: np.ndarray) -> None:
    assert long_block[int(75 / FINE_TR_S)] == pytest.approx(1.0, abs=1e-3)
    assert not long_block[: int(20 / FINE_TR_S)].any()


@pytest.mark.parametrize(("part", "after_s"), [(0.5, 5.3), (0.9, 7.5)])
def test_the_plateau_is_reached_late(long_block: np.ndarray, part: float, after_s: float) -> None:
    first = np.argmax(long_block > part)
    assert seconds_after(20.0, long_block)[first] == pytest.approx(after_s, abs=0.2)


def test_the_response_undershoots_after_the_block(long_block: np.ndarray) -> None:
    after_s = seconds_after(80.0, long_block)
    assert long_block.min() == pytest.approx(-0.145, abs=0.01)
    assert after_s[np.argmin(long_block)] == pytest.approx(12.0, abs=1.0)


def test_each_block_has_its_own_amplitude_and_rests_have_none() -> None:
    blocks = [Block("a", 0, 40, "regulate"), Block("rest", 40, 60, "rest"), Block("b", 100, 40, "regulate")]
    response = region_response(blocks, [2.0, -0.5], 180, 1.0)
    assert response[35] == pytest.approx(2.0, abs=0.02)
    assert response[95] == pytest.approx(0.0, abs=0.01)
    assert response[135] == pytest.approx(-0.5, abs=0.01)


def test_an_amplitude_too_few_is_an_error() -> None:
    with pytest.raises(ValueError):
        region_response([Block("a", 0, 10, "regulate"), Block("b", 10, 10, "regulate")], [1.0], 20, 1.0)
