"""Known truth in, and how much of it comes out: amplitudes, nothing from noise, errors as large as they are said to be."""

import numpy as np
import pytest
from signal_runs import LEVEL, a_plan, a_study, ar1, samples_of, stream, wandering_head

from rtfmri.signals.stream import Reading

DEFAULTS = {"prior": {}, "score": "fitted"}


def a_course(plan, rng, rho: float, noise_percent: float, amplitudes=None):
    """Raw ROI means and motion: noise, a bent drift, motion that leaks in, and a response of each block's own size."""
    volumes = plan.planned_volumes
    percent = noise_percent * ar1(rng, volumes, 2, rho)
    x = np.linspace(-1, 1, volumes)
    percent += np.outer(x + 0.5 * x**2, rng.uniform(-1, 1, 2))
    motion = wandering_head(rng, volumes)
    percent += motion[:, :3] @ rng.uniform(-2, 2, (3, 2))
    if amplitudes is not None:
        percent += plan.design[plan.motion.stop :].T @ amplitudes[:, None] * [1, -1]
    return LEVEL * (1 + percent / 100), motion


def scores(readings: list[Reading]) -> dict[int, Reading]:
    """Each block's first reading with its score."""
    found: dict[int, Reading] = {}
    for reading in readings:
        if reading.score_block is not None:
            found.setdefault(reading.score_block, reading)
    return found


def a_streamed_run(plan, seed, rho, noise_percent, amplitudes=None):
    raw, motion = a_course(plan, np.random.default_rng(seed), rho, noise_percent, amplitudes)
    return stream(plan, samples_of(raw, motion))[1]


def test_the_amplitudes_of_the_blocks_are_recovered_under_drift_and_motion():
    plan, _ = a_plan(a_study(repeat=6, **DEFAULTS))
    rng = np.random.default_rng(11)
    truth, found = [], []
    for seed in range(8):
        amplitudes = rng.uniform(-0.5, 0.5, 6)
        readings = a_streamed_run(plan, seed, 0.3, 0.2, amplitudes)
        truth += list(amplitudes)
        found += [reading.score for reading in scores(readings).values()]
    assert np.corrcoef(truth, found)[0, 1] >= 0.9
    clear = np.abs(truth) > 0.25
    assert (np.sign(truth) == np.sign(found))[clear].mean() >= 0.95


def test_every_volume_follows_the_truth():
    plan, _ = a_plan(a_study(repeat=6, **DEFAULTS))
    amplitudes = np.array([0.5, -0.2, 0.8, 0.3, -0.5, 0.6])
    readings = a_streamed_run(plan, 3, 0.3, 0.2, amplitudes)
    truth = plan.design[plan.motion.stop :].T @ amplitudes
    settled = [reading for reading in readings if reading.settled]
    assert np.corrcoef([r.regulation for r in settled], truth[[r.index for r in settled]])[0, 1] > 0.8


@pytest.fixture(scope="module", params=[0.0, 0.3, 0.6])
def noise_runs(request):
    """Forty runs that hold nothing but noise, drift and motion."""
    plan, _ = a_plan(a_study(repeat=3, **DEFAULTS), tr_s=2.0)
    return [a_streamed_run(plan, seed, request.param, 0.4) for seed in range(40)]


def test_a_volumes_standard_error_covers_as_often_as_it_should(noise_runs):
    settled = [reading for readings in noise_runs for reading in readings if reading.settled]
    assert np.mean([abs(r.regulation) < r.regulation_se for r in settled]) == pytest.approx(0.683, abs=0.07)
    rois = [roi for readings in noise_runs for reading in readings if reading.settled for roi in reading.rois]
    assert np.mean([abs(roi.psc) < roi.se for roi in rois]) == pytest.approx(0.683, abs=0.07)


def test_a_scores_standard_error_covers_as_often_as_it_should(noise_runs):
    """120 scores: 7 points and two standard errors of the fraction itself."""
    found = [reading for readings in noise_runs for reading in scores(readings).values()]
    assert np.mean([abs(r.score) < r.score_se for r in found]) == pytest.approx(0.683, abs=0.07 + 2 * 0.042)


def test_noise_alone_is_no_regulation_on_average(noise_runs):
    means = [np.mean([reading.score for reading in scores(readings).values()]) for readings in noise_runs]
    assert abs(np.mean(means)) < 3.5 * np.std(means) / np.sqrt(len(means))
    assert abs(np.mean(means)) < 0.05
