"""What disturbs the measurement: drift of the scanner, physiology, the coil's thermal noise, spikes. Never white noise only.

Everything but the thermal noise is a fraction of the signal. Each volume's random numbers come from a generator of its own (seed,
purpose, volume), so a volume is the same whatever was rendered before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from rtfmri.paradigm import Block
from rtfmri.simulate.breathing import UNEVEN, dilation_percent, slowed_rad
from rtfmri.simulate.scenario import NoiseRule, Scenario, Spike
from rtfmri.volume import Array, Image

SATURATION_S = 1.4  # T1 of grey matter at 3 T: how fast the first volumes' extra signal goes
SIGMA_PER_FWHM = 1 / 2.355
RESPIRATION_FWHM_MM = 50.0
SPIKED_SLICE = 0.6  # how high in the stack the dark slice of a spike lies


def slice_times_s(n_slices: int, tr_s: float, multiband: int) -> tuple[float, ...]:
    """When each slice is excited, from the volume's start: interleaved, ``multiband`` slices at once, none in the last of the TR."""
    shots = -(-n_slices // multiband)
    order = [*range(0, shots, 2), *range(1, shots, 2)]
    turn = {position: number for number, position in enumerate(order)}
    return tuple(round(turn[s % shots] * tr_s / shots, 6) for s in range(n_slices))


def drift(scenario: Scenario, n_volumes: int) -> Iterator[Image]:
    """Per volume the scanner's gain (X, Y, Z) around 1: a bent ramp that differs across space, and the saturation of the first volumes."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in scenario.shape), indexing="ij", sparse=True)
    where = 1 + 0.4 * x - 0.3 * y + 0.3 * z * x
    for index in range(n_volumes):
        done = index / max(1, n_volumes - 1)
        ramp = scenario.drift_percent / 100 * (done + 0.15 * np.sin(2.3 * np.pi * done))
        extra = scenario.saturation_percent / 100 * np.exp(-index * scenario.tr_s / SATURATION_S)
        yield (1 + extra + ramp * where).astype(np.float32)


def physiology(scenario: Scenario, n_volumes: int, fluid: Image, blocks: Sequence[Block] = ()) -> Iterator[Image]:
    """Per volume the fraction (X, Y, Z) by which physiology changes the signal: slow fluctuation, breathing and pulse together.

    The fluctuation is AR(1) in time and smooth in space; breathing acts broadly and with either sign; the pulse acts where there is
    fluid (``fluid``: its fraction, X, Y, Z). Both oscillate at the time of each slice and with a wandering phase. In ``blocks`` breathing
    may go with the task (``breathing.py``).
    """
    rule = scenario.noise
    times_s = np.array(slice_times_s(scenario.shape[2], scenario.tr_s, scenario.multiband))
    breathing_map = _smooth_field(scenario, 3, 0, RESPIRATION_FWHM_MM) * (rule.respiratory_percent / 100)
    pulse_map = (0.15 + np.clip(fluid, 0, 1)) * (rule.cardiac_percent / 100)
    phases = wandering_rad(scenario, n_volumes, blocks)
    dilation = dilation_percent(scenario, blocks, n_volumes) / 100
    vessels = 1 + UNEVEN * _smooth_field(scenario, 8, 0, RESPIRATION_FWHM_MM) if dilation.any() else 0.0
    innovation = np.sqrt(1 - rule.autocorrelation**2)
    slow = _smooth_field(scenario, 5, n_volumes, rule.correlation_fwhm_mm)  # a draw from long before the run
    for index in range(n_volumes):
        t_s = index * scenario.tr_s + times_s
        breath = np.sqrt(2) * np.sin(2 * np.pi * rule.respiratory_hz * t_s + phases[index, 0])
        pulse = np.sqrt(2) * np.sin(2 * np.pi * rule.cardiac_hz * t_s + phases[index, 1])
        slow = rule.autocorrelation * slow + innovation * _smooth_field(scenario, 5, index, rule.correlation_fwhm_mm)
        oscillation = breathing_map * breath + pulse_map * pulse
        yield (slow * (rule.physiological_percent / 100) + oscillation + vessels * dilation[index]).astype(np.float32)


def wandering_rad(scenario: Scenario, n_volumes: int, blocks: Sequence[Block]) -> Array:
    """(N, 2) by how much breathing and pulse are ahead of their own steady rates in each volume."""
    phases: Array = 0.3 * np.cumsum(np.random.default_rng([scenario.seed, 4]).standard_normal((n_volumes, 2)), axis=0)
    phases[:, 0] += slowed_rad(scenario, blocks, n_volumes)
    return phases


def _smooth_field(scenario: Scenario, purpose: int, index: int, fwhm_mm: float) -> Image:
    """White noise smoothed to ``fwhm_mm``, (X, Y, Z) with a standard deviation of 1 everywhere (the field wraps round)."""
    rng = np.random.default_rng([scenario.seed, purpose, index])
    sigma = [SIGMA_PER_FWHM * fwhm_mm / size for size in scenario.voxel_size_mm]
    smooth = gaussian_filter(rng.standard_normal(scenario.shape, dtype=np.float32), sigma, mode="wrap")
    return np.asarray(smooth / _white_noise_left(scenario.shape, sigma), dtype=np.float32)


def _white_noise_left(shape: tuple[int, int, int], sigma: list[float]) -> float:
    """The standard deviation of white noise of 1 after the filter: the root sum of squares of its kernel, axis by axis."""
    left = 1.0
    for n, s in zip(shape, sigma, strict=True):
        impulse = np.zeros(n)
        impulse[n // 2] = 1.0
        left *= float(np.sqrt((gaussian_filter(impulse, s, mode="wrap") ** 2).sum()))
    return left


def magnitude(signal: Image, sigma: float, rng: np.random.Generator) -> Array:
    """The magnitude of ``signal`` with complex thermal noise of ``sigma`` in each channel (Rician)."""
    noise = rng.standard_normal((2, *signal.shape), dtype=np.float32) * np.float32(sigma)
    return np.asarray(np.hypot(signal + noise[0], noise[1]))


def thermal_sigma(rule: NoiseRule, brain_mean: float) -> float:
    """Noise per channel that gives the rule's thermal tSNR at the brain's mean signal."""
    return brain_mean / rule.thermal_tsnr


def spoil(signal: Image, spikes: tuple[Spike, ...]) -> Image:
    """The volume with its spikes: brighter as a whole, or one slice darker."""
    spoilt = signal.copy()
    for spike in spikes:
        if spike.kind == "gain":
            spoilt *= np.float32(1 + spike.percent / 100)
        else:
            spoilt[:, :, int(SPIKED_SLICE * signal.shape[2])] *= np.float32(1 - spike.percent / 100)
    return spoilt
