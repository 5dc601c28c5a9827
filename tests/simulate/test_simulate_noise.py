"""The disturbances, measured: autocorrelated, spatially correlated, periodic, and as large as the scenario says."""

from __future__ import annotations

import numpy as np
import pytest

from rtfmri.simulate import noise
from rtfmri.simulate.scenario import NoiseRule, Scenario, Spike

N = 300


def fractions(scenario: Scenario, **rule: float) -> np.ndarray:
    """(N, X, Y, Z) physiological fractions with only these parts."""
    only = scenario.model_copy(update={"noise": NoiseRule(**rule)})
    return np.stack(list(noise.physiology(only, N, np.ones(scenario.shape, np.float32))))


@pytest.fixture(scope="module")
def slow(quick: Scenario) -> np.ndarray:
    return fractions(quick, physiological_percent=0.5, autocorrelation=0.6, correlation_fwhm_mm=18.0)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float((a * b).mean() / np.sqrt((a**2).mean() * (b**2).mean()))


def test_slow_fluctuation_is_as_large_as_asked(slow: np.ndarray) -> None:
    assert 100 * slow.std() == pytest.approx(0.5, rel=0.05)


def test_slow_fluctuation_is_autocorrelated_from_the_first_volume_on(slow: np.ndarray) -> None:
    assert correlation(slow[1:], slow[:-1]) == pytest.approx(0.6, abs=0.05)
    assert correlation(slow[2:], slow[:-2]) == pytest.approx(0.36, abs=0.06)
    assert 100 * slow[0].std() == pytest.approx(0.5, rel=0.2)


def test_slow_fluctuation_is_spatially_correlated(slow: np.ndarray) -> None:
    """White noise smoothed to FWHM w correlates as exp(-2 ln 2 d^2 / w^2) at distance d."""
    for voxels in (1, 2, 3):
        expected = np.exp(-2 * np.log(2) * (6.0 * voxels) ** 2 / 18.0**2)
        assert correlation(slow[:, voxels:], slow[:, :-voxels]) == pytest.approx(expected, abs=0.04)


@pytest.mark.parametrize(
    ("rule", "hz"),
    [({"respiratory_percent": 1.0, "respiratory_hz": 0.26}, 0.26), ({"cardiac_percent": 1.0, "cardiac_hz": 1.1}, 0.1)],
)
def test_breathing_and_pulse_have_their_frequency_or_its_alias(quick: Scenario, rule: dict[str, float], hz: float) -> None:
    series = fractions(quick, **rule)[:, ::4, ::4, 9].reshape(N, -1)
    power = (np.abs(np.fft.rfft(series, axis=0)) ** 2).sum(axis=1)
    frequencies = np.fft.rfftfreq(N, quick.tr_s)
    near = np.abs(frequencies - hz) < 0.06
    assert power[near].sum() > 0.7 * power.sum()


def test_the_pulse_acts_where_fluid_is(quick: Scenario) -> None:
    fluid = np.zeros(quick.shape, np.float32)
    fluid[:18] = 1.0
    pulsing = np.stack(list(noise.physiology(quick.model_copy(update={"noise": NoiseRule(cardiac_percent=1.0)}), 50, fluid)))
    assert pulsing[:, :18].std() > 5 * pulsing[:, 18:].std()


def test_slices_excited_at_other_times_see_another_phase(quick: Scenario) -> None:
    breathing = fractions(quick, respiratory_percent=1.0)[:, 18, 20]
    times = noise.slice_times_s(18, 1.0, 3)
    assert times[0] == times[6] == times[12] == 0.0
    assert times[1] > 0
    same, other = (abs(np.corrcoef(breathing[:, 0], breathing[:, slice_])[0, 1]) for slice_ in (6, 1))
    assert same > 0.9999
    assert other < 0.9


def test_every_slice_time_lies_within_the_tr() -> None:
    times = noise.slice_times_s(36, 1.0, 4)
    assert len(times) == 36
    assert sorted(set(times)) == pytest.approx(np.arange(9) / 9, abs=1e-6)


def test_drift_ends_where_the_scenario_says_and_begins_saturated(quick: Scenario) -> None:
    gains = list(noise.drift(quick.model_copy(update={"drift_percent": 2.0, "saturation_percent": 15.0}), 100))
    assert 100 * (gains[0].mean() - 1) == pytest.approx(15.0, abs=0.1)
    assert 100 * (gains[-1].mean() - 1) == pytest.approx(2.0, abs=0.3)
    assert gains[-1].std() > 0


def test_thermal_noise_is_gaussian_where_there_is_signal_and_positive_in_air() -> None:
    signal = np.full((40, 40, 40), 900.0, np.float32)
    signal[:20] = 0.0
    sigma = noise.thermal_sigma(NoiseRule(thermal_tsnr=100.0), 900.0)
    seen = noise.magnitude(signal, sigma, np.random.default_rng(0))
    assert seen[20:].std() == pytest.approx(9.0, rel=0.03)
    assert seen[:20].mean() == pytest.approx(9.0 * np.sqrt(np.pi / 2), rel=0.03)  # Rayleigh


def test_spikes_change_their_volume_only_where_they_should() -> None:
    image = np.full((4, 4, 10), 100.0, np.float32)
    np.testing.assert_allclose(noise.spoil(image, (Spike(volume=0, kind="gain", percent=3.0),)), 103.0)
    dark = noise.spoil(image, (Spike(volume=0, kind="slice", percent=30.0),))
    np.testing.assert_allclose(dark[:, :, 6], 70.0)
    assert (np.delete(dark, 6, axis=2) == 100.0).all()
