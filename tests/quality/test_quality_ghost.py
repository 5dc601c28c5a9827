"""Nyquist ghost of known size, along either axis; heads that leave no place to measure it."""

from __future__ import annotations

import numpy as np
import pytest

from rtfmri.quality.ghost import BACKGROUND, GHOST, HEAD, ghost_percent, ghost_regions, warm_up

SHAPE = (48, 40, 8)


def a_head(radii: tuple[float, float] = (11.0, 13.0)) -> np.ndarray:
    x, y, z = np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in SHAPE], indexing="ij")
    return (x / radii[0]) ** 2 + (y / radii[1]) ** 2 + (z / 5.0) ** 2 < 1


def an_image(head: np.ndarray, ghost: float, axis: int, noise: float = 4.0, seed: int = 0) -> np.ndarray:
    """Magnitude of a textured head with a ghost that is ``ghost`` of it, half a field of view away, in Rician noise."""
    rng = np.random.default_rng(seed)
    signal = head * rng.uniform(800, 1200, SHAPE)
    signal = signal + ghost * np.roll(signal, SHAPE[axis] // 2, axis=axis)
    real, imaginary = signal + noise * rng.normal(size=SHAPE), noise * rng.normal(size=SHAPE)
    return np.hypot(real, imaginary).astype(np.float32)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("percent", [0.0, 2.0, 5.0])
def test_a_ghost_is_measured_in_percent_of_the_head_along_its_axis(axis: int, percent: float) -> None:
    warm_up()
    head = a_head()
    regions = ghost_regions(head, axis)
    assert regions is not None
    measured = ghost_percent(regions, an_image(head, percent / 100, axis))
    assert measured == pytest.approx(percent - 0.5 * (percent > 0), abs=0.3)  # less the noise's own mean, which background has alone


def test_a_ghost_along_the_other_axis_is_not_taken_for_one() -> None:
    head = a_head()
    regions = ghost_regions(head, 1)
    assert regions is not None
    measured = ghost_percent(regions, an_image(head, 0.05, axis=0))
    assert measured is not None
    assert measured < 1.0


def test_the_regions_are_apart_from_each_other_and_within_the_slices_of_the_head() -> None:
    head = a_head()
    head[:, :, 0] = False
    regions = ghost_regions(head)
    assert regions is not None
    labels = regions.labels.reshape(SHAPE)
    assert np.array_equal(labels == HEAD, head)
    assert not (labels[:, :, 0] != 0).any()
    assert not ((labels == BACKGROUND) & np.roll(head, 20, axis=1)).any()
    assert ((labels == GHOST) <= np.roll(head, 20, axis=1)).all()
    assert not (labels[1:] * (labels == HEAD)[:-1] == GHOST).any()  # not even the head's neighbours


def test_a_head_that_fills_the_field_of_view_leaves_no_place_to_measure() -> None:
    assert ghost_regions(np.ones(SHAPE, dtype=bool)) is None
    assert ghost_regions(a_head((40.0, 40.0))) is None
    assert ghost_regions(np.zeros(SHAPE, dtype=bool)) is None


def test_a_volume_without_signal_has_no_ratio() -> None:
    regions = ghost_regions(a_head())
    assert regions is not None
    assert ghost_percent(regions, np.zeros(SHAPE, dtype=np.float32)) is None
    assert ghost_percent(regions, np.full(SHAPE, np.nan, dtype=np.float32)) is None


def test_an_axis_that_is_not_in_the_slice_and_another_shape_are_mistakes_of_the_caller() -> None:
    with pytest.raises(ValueError, match="axis 0 or 1"):
        ghost_regions(a_head(), 2)
    regions = ghost_regions(a_head())
    assert regions is not None
    with pytest.raises(ValueError, match="came for regions"):
        ghost_percent(regions, np.ones((4, 4, 4), dtype=np.float32))
