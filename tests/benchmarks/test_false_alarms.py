"""How often gate and slices call a sound volume spoiled, and what they miss. ``make bench ARGS="-k false_alarms"``.

Truth is what the test put in: AR(1) noise (rho 0.3) on a real head, its edges moved by at most 0.2 mm of framewise displacement from
volume to volume in four manners, and in every 50th volume a wave of 5 % of the brain's signal over one slice (of 500 voxels or more).
Then the same waves in a real run, with all that a real run has beside.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.quality import slice_spikes
from rtfmri.quality.dvars import dvars_percent
from rtfmri.quality.gate import History, spike
from rtfmri.registration.mask import head_mask
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Volume

BOLD = Path(__file__).parents[3] / "shared" / "data" / "siemens_mosaic_bold" / "dicoms"
MANNERS = ("still", "walk", "breathing", "heavy tails", "bursts")
TSNRS = (30, 60, 120)
VOLUMES = {"slices": 1000, "gate": 10_000}
EVERY, FIRST = 50, 50


@pytest.fixture(scope="module")
def volumes() -> list[Volume]:
    if not BOLD.is_dir():
        pytest.skip("the real scanner data (../shared/data) is not here")
    return [item for item in read_dicoms(BOLD, SeriesRule(number=7), Acquisition()) if isinstance(item, Volume)]


def edges(volume: Volume, mask: np.ndarray) -> np.ndarray:
    """Change of each voxel (V, 6) in percent of the head's mean, for a mm of translation and for a mm on 50 mm of rotation."""
    mm = np.array(volume.grid.voxel_size_mm)
    slopes = np.stack(np.gradient(ndimage.gaussian_filter(volume.data, 0.6)), axis=-1)[mask] / mm
    places_mm = np.argwhere(mask) * mm
    turns = np.cross(places_mm - places_mm.mean(axis=0), slopes) / 50.0
    return 100 * np.concatenate([slopes, turns], axis=1) / volume.data[mask].mean()


def steps_mm(manner: str, number: int, rng: np.random.Generator) -> np.ndarray:
    """(N, 6): change from volume to volume; the absolute values of a row, its framewise displacement, add to 0.2 mm at most."""
    phase = 2 * np.pi * 0.27 * np.arange(number + 1) + 0.1 * np.cumsum(rng.normal(size=number + 1))
    breath = np.outer(np.diff(np.sin(phase)), [0.02, 0.04, 0.06, 0.02, 0.005, 0.005])
    steps = {
        "still": np.zeros((number, 6)),
        "walk": 0.012 * rng.normal(size=(number, 6)),
        "breathing": breath + 0.008 * rng.normal(size=(number, 6)),
        "heavy tails": 0.012 * rng.standard_t(3, size=(number, 6)),
        "bursts": 0.01 * rng.normal(size=(number, 6)) * np.exp(0.8 * rng.normal(size=(number, 1))),
    }[manner]
    return steps * np.minimum(1, 0.2 / np.maximum(np.abs(steps).sum(axis=1, keepdims=True), 1e-9))


def test_false_alarms_of_slices(volumes: list[Volume]) -> None:
    mask = head_mask(volumes[0].data)
    slopes, slices = edges(volumes[0], mask).astype(np.float32), np.nonzero(mask)[2]
    image = 100 * volumes[0].data[mask] / volumes[0].data[mask].mean()
    full = np.flatnonzero(np.bincount(slices) >= 500)
    alarms = dict.fromkeys(TSNRS, 0)
    for tsnr in TSNRS:
        caught = spiked = 0
        for manner in MANNERS:
            rng = np.random.default_rng(tsnr)
            state, noise = slice_spikes.room_for(slices, mask.shape[2]), np.zeros(slices.size, np.float32)
            where = np.cumsum(steps_mm(manner, VOLUMES["slices"], rng), axis=0).astype(np.float32)
            echo: set[int] = set()
            for index in range(VOLUMES["slices"]):
                noise = np.float32(0.3) * noise + np.float32(0.954) * rng.standard_normal(noise.size, dtype=np.float32)
                values = image + slopes @ where[index] + 100 / tsnr * noise
                truth = {int(rng.choice(full))} if index >= FIRST and index % EVERY == 0 else set()
                for z in truth:
                    add_wave(values, slices, z, rng)
                state, bad = slice_spikes.update(state, values)
                spiked, caught = spiked + len(truth), caught + len(truth & set(bad))
                alarms[tsnr] += bool(set(bad) - truth - echo)
                echo = truth - set(bad)  # a spike that was missed is seen when it goes
        print(
            f"\ntSNR {tsnr}: {alarms[tsnr]} false alarms in {len(MANNERS) * VOLUMES['slices']} volumes, {caught} of {spiked} spikes", end=""
        )
        assert caught >= (0.85 if tsnr == 30 else 0.99) * spiked
    print()
    assert sum(alarms.values()) < 1e-3 * len(TSNRS) * len(MANNERS) * VOLUMES["slices"]


def test_false_alarms_of_the_gate(volumes: list[Volume]) -> None:
    mask = head_mask(volumes[0].data)
    slopes = edges(volumes[0], mask)
    squares = slopes.T @ slopes / len(slopes)
    alarms = judged = 0
    for tsnr in TSNRS:
        for manner in MANNERS:
            rng = np.random.default_rng(tsnr)
            steps = steps_mm(manner, VOLUMES["gate"], rng)
            noise = 2 * 0.7 * (100 / tsnr) ** 2 * rng.chisquare(3000, len(steps)) / 3000  # 3000 independent places
            history = History()
            for value in np.sqrt(noise + ((steps @ squares) * steps).sum(axis=1)):
                history, verdict = spike(history, float(value))
                alarms, judged = alarms + verdict, judged + 1
    print(f"\ngate: {alarms} false alarms in {judged} volumes")
    assert alarms < 1e-3 * judged


def add_wave(values: np.ndarray, slices: np.ndarray, z: int, rng: np.random.Generator) -> None:
    """A spike in k-space: 5 % of the mean of ``values`` (V,) over slice ``z``."""
    wave = (0.5 + 2 * rng.random()) * np.arange((slices == z).sum()) + 6 * rng.random()
    values[slices == z] += 0.05 * values.mean() * np.cos(wave)


def test_spikes_in_a_real_run(volumes: list[Volume]) -> None:
    mask = head_mask(volumes[0].data)
    slices = np.nonzero(mask)[2]
    full = np.flatnonzero(np.bincount(slices) >= 500)
    caught = spiked = 0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        state = slice_spikes.room_for(slices, mask.shape[2])
        for index, volume in enumerate(volumes):
            values, z = volume.data[mask].astype(np.float64), int(rng.choice(full))
            with_spike = index > 20 and index % 6 == 0
            if with_spike:
                add_wave(values, slices, z, rng)
            state, bad = slice_spikes.update(state, values)
            spiked, caught = spiked + with_spike, caught + (with_spike and z in bad)
    print(f"\nin a real run: {caught} of {spiked} spikes")
    assert caught >= 0.85 * spiked


def test_false_alarms_in_a_real_run(volumes: list[Volume]) -> None:
    mask = head_mask(volumes[0].data)
    state, history = slice_spikes.room_for(np.nonzero(mask)[2], mask.shape[2]), History()
    held = spoiled = 0
    for before, volume in zip([volumes[0], *volumes], volumes, strict=False):
        state, bad = slice_spikes.update(state, volume.data[mask])
        history, verdict = spike(history, dvars_percent(before.data, volume.data, mask)) if volume is not before else (history, False)
        held, spoiled = held + verdict, spoiled + bool(bad)
    print(f"\na real run of {len(volumes)} volumes without known spikes: {held} held, {spoiled} with a spoiled slice")
    assert held + spoiled <= 1
