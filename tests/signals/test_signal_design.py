"""The design's columns against scipy, and the rule by which drift terms wait."""

import numpy as np
import pytest
from scipy.signal import fftconvolve
from scipy.special import eval_legendre
from scipy.stats import gamma
from signal_runs import a_plan, a_study

from rtfmri.paradigm import Block
from rtfmri.signals.design import drift_order, gamma_cdf, legendre, step_response, task_regressor

T_S = np.linspace(-5.0, 60.0, 1301)


@pytest.mark.parametrize("shape", [6, 16])
def test_the_gamma_distribution_is_scipys(shape):
    np.testing.assert_allclose(gamma_cdf(T_S, shape), gamma.cdf(T_S, shape), atol=1e-13)


def test_the_task_regressor_is_the_boxcar_convolved_with_the_double_gamma():
    step_s = 0.001
    fine_s = np.arange(0, 100, step_s)
    hrf = gamma.pdf(fine_s, 6) - gamma.pdf(fine_s, 16) / 6
    boxcar = (fine_s >= 10) & (fine_s < 50)
    convolved = fftconvolve(boxcar, hrf)[: len(fine_s)] * step_s / (1 - 1 / 6)
    every = slice(0, None, 1000)
    np.testing.assert_allclose(task_regressor(Block("b", 10.0, 40.0, "regulate"), fine_s[every]), convolved[every], atol=1e-3)


def test_the_response_has_the_lags_that_the_science_states():
    """SCIENCE: 50 % at 5.3 s, 90 % at 7.5 s; after the end -14.5 % of the plateau at 12 s, above -5 % only from 18.5 s."""
    assert step_response(np.array([5.3]))[0] == pytest.approx(0.5, abs=0.03)
    assert step_response(np.array([7.5]))[0] == pytest.approx(0.9, abs=0.01)
    after = task_regressor(Block("b", 0.0, 40.0, "regulate"), np.array([52.0, 58.4, 58.6]))
    assert after[0] == pytest.approx(-0.145, abs=0.001)
    assert after[1] < -0.05 < after[2]


def test_a_regressor_is_exactly_zero_before_its_block():
    course = task_regressor(Block("b", 19.7 * 3, 20.0, "regulate"), 1.97 * np.arange(60))
    assert not course[:31].any()
    assert course[35] > 0.1


def test_drift_columns_are_legendre_polynomials():
    x = np.linspace(-1, 1, 50)
    np.testing.assert_allclose(legendre(4, 50), [eval_legendre(k, x) for k in range(1, 5)], atol=1e-14)
    assert legendre(0, 50).shape == (0, 50)


@pytest.mark.parametrize(("seconds", "order"), [(149.9, 1), (150.0, 2), (299.0, 2), (600.0, 5)])
def test_the_drift_order_grows_with_the_run(seconds, order):
    assert drift_order(seconds) == order


@pytest.mark.parametrize("tr_s", [0.75, 1.97])
def test_at_every_volume_the_model_has_the_drift_order_of_the_run_so_far(tr_s):
    plan, _ = a_plan(a_study(repeat=6), tr_s)
    drift = slice(1, plan.motion.start)
    for index in range(plan.planned_volumes):
        seconds = (index + 1) * tr_s
        if abs(seconds / 150 - round(seconds / 150)) > 1e-9:
            assert (plan.active_from[drift] <= index).sum() == drift_order(seconds)


def test_each_regulation_block_has_its_own_regressor_and_no_other_block_has_one():
    plan, blocks = a_plan(a_study(repeat=4))
    tasks = plan.design[plan.motion.stop :]
    assert len(tasks) == 4
    for row, block in zip(tasks, (block for block in blocks if block.role == "regulate"), strict=True):
        assert block.onset_s < row.argmax() <= block.end_s + 2
    assert plan.nuisance.tolist() == [False] + [True] * (plan.motion.stop - 1) + [False] * 4


def test_what_is_no_nuisance_in_the_study_has_no_column():
    plan, _ = a_plan(a_study(repeat=2, nuisance=[]))
    assert len(plan.design) == 1 + 2
    assert not plan.nuisance.any()
