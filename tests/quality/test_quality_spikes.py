"""Jumping voxels and spoiled slices, with truth: noise, motion and spikes that the test itself put in."""

from __future__ import annotations

import numpy as np
import pytest

from rtfmri.quality import ghost, slice_spikes, spikes, tsnr

SLICES, IN_SLICE = 20, 300
LEVEL = 600.0
PLACE = np.repeat(np.arange(SLICES), IN_SLICE)
EDGES = LEVEL * 0.04 * np.random.default_rng(0).normal(size=(PLACE.size, 6)) * (1 + 0.5 * np.cos(PLACE / 3))[:, None]  # signal per mm


def volumes(number: int, seed: int, noise: float = 0.015, step_mm: float = 0.02) -> np.ndarray:
    """(N, V): AR(1) noise, and a head that moves by ``step_mm`` along each of six directions from volume to volume, up to 0.2 mm in all."""
    rng = np.random.default_rng(seed)
    steps_mm = step_mm * rng.standard_t(3, (number, 6))
    steps_mm *= np.minimum(1, 0.2 / np.abs(steps_mm).sum(axis=1, keepdims=True))
    white = rng.standard_normal((number, PLACE.size))
    for n in range(1, number):
        white[n] = 0.3 * white[n - 1] + np.sqrt(1 - 0.3**2) * white[n]
    return LEVEL * (1 + noise * white) + np.cumsum(steps_mm, axis=0) @ EDGES.T


def herringbone(volume: np.ndarray, z: int, share: float, phase: float = 0.3) -> None:
    """A spike in k-space: a wave over all of one slice, its amplitude a share of the signal."""
    volume[z == PLACE] += share * LEVEL * np.cos(2.1 * np.arange(IN_SLICE) + phase)


def judge(series: np.ndarray) -> list[tuple[int, ...]]:
    state, found = slice_spikes.room_for(PLACE, SLICES), []
    for volume in series:
        state, bad = slice_spikes.update(state, volume)
        found.append(bad)
    return found


def test_fewer_than_one_in_a_thousand_volumes_of_noise_and_ordinary_motion_holds_a_spoiled_slice() -> None:
    found = [bad for seed in range(4) for bad in judge(volumes(500, seed))]
    assert sum(map(bool, found)) < 2


@pytest.mark.parametrize("seed", range(4))
def test_a_spike_of_five_percent_in_one_slice_is_found_there_and_only_there(seed: int) -> None:
    series = volumes(120, 10 + seed)
    where = {30: 3, 50: 11, 51: 12, 80: 0, 119: 19}
    for index, z in where.items():
        herringbone(series[index], z, 0.05)
    assert {index: bad for index, bad in enumerate(judge(series)) if bad} == {index: (z,) for index, z in where.items()}


def test_several_slices_of_a_multiband_volume_are_found_together() -> None:
    series = volumes(60, 20)
    for z in (2, 7, 12, 17):
        herringbone(series[40], z, 0.06)
    assert {index: bad for index, bad in enumerate(judge(series)) if bad} == {40: (2, 7, 12, 17)}


def test_a_lost_slice_is_found_and_what_all_slices_share_is_not() -> None:
    series = volumes(80, 21)
    series[40:] *= 1.1  # the gain changes for good
    series[60, PLACE == 5] *= 0.5
    assert {index: bad for index, bad in enumerate(judge(series)) if bad} == {60: (5,)}


def test_a_slice_that_changes_for_good_is_flagged_once() -> None:
    series = volumes(80, 22)
    series[40:, PLACE == 8] += 0.3 * LEVEL
    assert {index: bad for index, bad in enumerate(judge(series)) if bad} == {40: (8,)}


def test_slices_with_little_brain_or_no_signal_are_not_judged() -> None:
    slices = np.array([0] * 10 + [1] * 100 + [2] * 100 + [3] * 100)
    rng = np.random.default_rng(1)
    state, found = slice_spikes.room_for(slices, 5), []
    for index in range(40):
        volume = 100 + rng.normal(size=slices.size)
        volume[slices == 1] = 0.0
        volume[slices == 0] += 50.0 * (index == 30)
        state, bad = slice_spikes.update(state, volume)
        found.append(bad)
    assert not any(found)


def test_the_share_that_jumps_is_that_of_a_gaussian_beyond_four_deviations_and_names_a_spike_by_its_size() -> None:
    spikes.warm_up()
    slice_spikes.warm_up()
    rng = np.random.default_rng(3)
    scale = rng.uniform(1, 30, 20_000)  # each voxel has its own
    state, shares = spikes.room_for(scale.size), []
    for index in range(320):
        volume = LEVEL + scale * rng.standard_normal(scale.size)
        if index == 300:
            volume[:5000] += 12 * scale[:5000]
        state, share = spikes.update(state, volume)
        shares.append(share)
    assert shares[: spikes.FEWEST + 1] == [None] * (spikes.FEWEST + 1)
    assert np.mean(shares[200:300]) == pytest.approx(0.0063, abs=0.003)
    assert shares[300] == pytest.approx(25.0, abs=0.1)
    assert shares[301] == pytest.approx(25.0, abs=0.1)  # back again
    assert max(shares[302:]) < 0.1


def test_nothing_is_compiled_after_the_warm_up_whatever_the_arrays_are_like() -> None:
    for part in (spikes, slice_spikes, tsnr, ghost):
        part.warm_up()
    kernels = (spikes._jumped, slice_spikes._slice_sums, slice_spikes._take_over, tsnr._move, tsnr._ratios, ghost._means)
    compiled = [len(kernel.signatures) for kernel in kernels]  # type: ignore[attr-defined]
    volume = np.asfortranarray(np.random.default_rng(0).random((9, 8, 30)).astype(np.float32) + 1)
    volume.setflags(write=False)
    mask = volume > 1.2
    values, where = volume[mask][::-1], np.nonzero(mask)[2]
    values.setflags(write=False)
    jumps, history, running = spikes.room_for(values.size), slice_spikes.room_for(where, 30), tsnr.room_for(values.size)
    for index in range(2 * tsnr.FEWEST):
        jumps, _ = spikes.update(jumps, values)
        history, _ = slice_spikes.update(history, values)
        running = tsnr.update(running, index, values)
    tsnr.median(running)
    labels = np.where(mask, ghost.HEAD, ghost.GHOST).astype(np.uint8).reshape(-1)
    labels[0] = ghost.BACKGROUND
    ghost.ghost_percent(ghost.GhostRegions(volume.shape, labels), volume)
    assert compiled == [len(kernel.signatures) for kernel in kernels]  # type: ignore[attr-defined]


def test_another_number_of_voxels_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="4 voxels"):
        spikes.update(spikes.room_for(4), np.ones(3))
    with pytest.raises(ValueError, match="voxels"):
        slice_spikes.update(slice_spikes.room_for(PLACE, SLICES), np.ones(3))
