"""DVARS against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from rtfmri.errors import VolumeError
from rtfmri.quality.dvars import dvars_percent, warm_up

RNG = np.random.default_rng(1)
BEFORE = (1000 + 10 * RNG.normal(size=(12, 11, 7))).astype(np.float32)
AFTER = (1003 + 10 * RNG.normal(size=(12, 11, 7))).astype(np.float32)
MASK = RNG.random((12, 11, 7)) < 0.4


def test_it_is_the_root_mean_square_change_in_percent_of_the_mean() -> None:
    before, after = BEFORE[MASK].astype(float), AFTER[MASK].astype(float)
    oracle = 100 * np.sqrt(((after - before) ** 2).mean()) / np.concatenate([before, after]).mean()
    assert dvars_percent(BEFORE, AFTER, MASK) == pytest.approx(oracle, rel=1e-12)


def test_what_lies_outside_the_mask_does_not_count() -> None:
    changed = np.where(MASK, AFTER, np.float32(np.nan))
    assert dvars_percent(BEFORE, changed, MASK) == dvars_percent(BEFORE, AFTER, MASK)


def test_the_scale_of_the_images_does_not_matter() -> None:
    assert dvars_percent(BEFORE * np.float32(8), AFTER * np.float32(8), MASK) == dvars_percent(BEFORE, AFTER, MASK)


def test_read_only_volumes_and_other_memory_orders_give_the_same() -> None:
    warm_up()
    after = np.asfortranarray(AFTER)
    after.setflags(write=False)
    assert dvars_percent(BEFORE, after, MASK) == dvars_percent(BEFORE, AFTER, MASK)


@pytest.mark.parametrize("volume", [np.zeros_like(BEFORE), np.full_like(BEFORE, np.nan), np.full_like(BEFORE, np.inf)])
def test_volumes_without_signal_or_numbers_are_refused(volume: np.ndarray) -> None:
    with pytest.raises(VolumeError):
        dvars_percent(volume, volume, MASK)


def test_an_empty_mask_or_another_shape_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="empty"):
        dvars_percent(BEFORE, AFTER, np.zeros_like(MASK))
    with pytest.raises(ValueError, match="DVARS of"):
        dvars_percent(BEFORE, AFTER[:-1], MASK)
