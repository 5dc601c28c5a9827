"""Which voxels a localizer chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rtfmri.errors import StudyError
from rtfmri.preparation.localizer_voxels import choose_voxels, grown_from_peak

SHAPE = (12, 11, 10)


def a_map(seed: int = 0) -> np.ndarray:
    """Smooth noise with a bump in its middle."""
    rng = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1.0) * 4.0
    far = sum((axis - size / 2) ** 2 for axis, size in zip(np.indices(SHAPE), SHAPE, strict=True))
    return (noise + 6.0 * np.exp(-far / 8.0)).astype(np.float32)


def a_region() -> np.ndarray:
    region = np.zeros(SHAPE, dtype=bool)
    region[2:10, 2:9, 2:8] = True
    return region


@pytest.mark.parametrize("top", [7, 20, 33, 50])
def test_the_top_percent_of_the_region_is_chosen_and_nothing_outside_it(top: int) -> None:
    t, region = a_map(), a_region()
    chosen = choose_voxels("tpj", t, region, top, contiguous=False)
    assert chosen.of_voxels == region.sum()
    assert chosen.voxels == round(top / 100 * region.sum())
    assert not (chosen.mask & ~region).any()
    assert t[chosen.mask].min() >= t[region & ~chosen.mask].max()
    assert chosen.threshold_t == t[chosen.mask].min()
    assert chosen.peak_t == t[region].max() == t[chosen.peak]
    assert chosen.mean_t == pytest.approx(t[chosen.mask].mean(), rel=1e-6)


@given(seed=st.integers(0, 10_000), wanted=st.integers(1, 150))
@settings(max_examples=30)
def test_what_grows_from_the_peak_hangs_together_and_its_edge_is_weaker_than_the_last_that_joined(seed: int, wanted: int) -> None:
    t = a_map(seed)
    candidates = a_region() & (t > 0)
    grown = grown_from_peak(t, candidates, wanted)
    reachable, _ = ndimage.label(candidates)
    peak = np.unravel_index(np.argmax(np.where(candidates, t, -np.inf)), SHAPE)
    assert grown[peak]
    assert ndimage.label(grown)[1] == 1, "one piece"
    assert not (grown & ~candidates).any()
    assert grown.sum() == min(wanted, (reachable == reachable[peak]).sum())


def test_growing_gives_what_a_naive_search_of_the_whole_edge_gives() -> None:
    t = a_map(3)
    candidates = a_region() & (t > 0)
    mask = np.zeros(SHAPE, dtype=bool)
    mask[np.unravel_index(np.argmax(np.where(candidates, t, -np.inf)), SHAPE)] = True
    for _ in range(39):
        edge = ndimage.binary_dilation(mask) & candidates & ~mask
        mask[np.unravel_index(np.argmax(np.where(edge, t, -np.inf)), SHAPE)] = True
    assert np.array_equal(grown_from_peak(t, candidates, 40), mask)


def test_voxels_without_data_are_not_counted_and_never_chosen() -> None:
    t, region = a_map(), a_region()
    t[:, :, :4] = 0.0
    chosen = choose_voxels("tpj", t, region, 30, contiguous=False)
    assert chosen.of_voxels == region[:, :, 4:].sum()
    assert not chosen.mask[:, :, :4].any()


def test_too_few_voxels_are_refused_with_what_to_do() -> None:
    region = a_region()
    region[:, :, 4:] = False
    with pytest.raises(StudyError, match=r"tpj: the top 10 % of its 112 voxels with data are 11 voxels, at least 20.*raise --top"):
        choose_voxels("tpj", a_map(), region, 10, contiguous=False)


def test_a_region_that_responds_the_other_way_is_refused_and_it_is_said() -> None:
    with pytest.raises(
        StudyError, match=r"only 0 of its 336 voxels respond in the direction asked \(mean t -.*turn --plus and --minus round"
    ):
        choose_voxels("tpj", -np.abs(a_map()) - 0.1, a_region(), 30, contiguous=False)


def test_islands_around_the_peak_are_refused_where_they_are_too_small() -> None:
    t = np.full(SHAPE, -1.0, dtype=np.float32)
    t[2:4, 2:4, 2:4] = 9.0
    t[6:10, 2:9, 2:8] = 3.0
    with pytest.raises(StudyError, match="around its peak only 8 responding voxels hang together"):
        choose_voxels("tpj", t, a_region(), 30, contiguous=True)
