"""Contrasts from a study's names, on plans with any nuisance columns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from signal_runs import a_plan, a_study

from rtfmri.errors import StudyError
from rtfmri.signals.contrast import contrast_vector, default_contrast
from rtfmri.signals.design import task_regressor
from rtfmri.study.aftercare import ContrastRule

TWO_TASKS = (
    {"block": "rest", "s": 30},
    {"block": "kindness", "s": 40},
    {"block": "rest", "s": 30},
    {"block": "criticism", "s": 40},
    {"block": "rate", "s": 10},
)


@pytest.mark.parametrize("nuisance", [[], ["drift"], ["motion6"], ["drift", "motion6"]])
def test_the_weights_fall_on_the_regressors_of_the_blocks_that_are_named(nuisance):
    plan, blocks = a_plan(a_study(TWO_TASKS, repeat=2, nuisance=nuisance), 1.5)
    weights = contrast_vector(plan, blocks, ContrastRule(name="kind", plus=("kindness",), minus=("criticism",)))
    times_s = 1.5 * np.arange(plan.planned_volumes)
    for name, weight in (("kindness", 0.5), ("criticism", -0.5)):
        for block in blocks:
            if block.name == name:
                (column,) = [j for j, row in enumerate(plan.design) if np.array_equal(row, task_regressor(block, times_s))]
                assert weights[column] == weight
    assert np.count_nonzero(weights) == 4


def test_columns_are_found_through_the_plan_wherever_they_stand():
    plan, blocks = a_plan(a_study(TWO_TASKS, repeat=1))
    moved = replace(plan, design=np.concatenate([plan.design[:1], plan.design]), tasks=slice(plan.tasks.start + 1, plan.tasks.stop + 1))
    rule = ContrastRule(name="critical", plus=("criticism",))
    np.testing.assert_array_equal(contrast_vector(moved, blocks, rule)[1:], contrast_vector(plan, blocks, rule))


def test_the_default_is_the_mean_of_all_regulation_blocks_against_rest():
    study = a_study(TWO_TASKS, repeat=3)
    plan, blocks = a_plan(study)
    rule = default_contrast(study)
    assert rule is not None
    assert (rule.name, rule.plus, rule.minus) == ("regulate", ("kindness", "criticism"), ())
    weights = contrast_vector(plan, blocks, rule)
    np.testing.assert_allclose(weights[plan.tasks], np.full(6, 1 / 6))
    assert weights.sum() == pytest.approx(1.0)


def test_a_study_that_regulates_nothing_has_no_default():
    assert default_contrast(a_study(({"block": "rest", "s": 60}, {"block": "rate", "s": 10}))) is None


def test_every_name_that_no_regulation_block_has_is_told_with_those_there_are():
    plan, blocks = a_plan(a_study(TWO_TASKS))
    with pytest.raises(StudyError) as raised:
        contrast_vector(plan, blocks, ContrastRule(name="wrong", plus=("kindnes", "criticism"), minus=("rest",)))
    assert len(raised.value.problems) == 2
    for problem, name in zip(raised.value.problems, ("kindnes", "rest"), strict=True):
        assert f"'{name}'" in problem
        assert "kindness, criticism" in problem


def test_a_name_on_both_sides_is_refused():
    plan, blocks = a_plan(a_study(TWO_TASKS))
    with pytest.raises(StudyError, match="in plus and in minus"):
        contrast_vector(plan, blocks, ContrastRule(name="both", plus=("kindness",), minus=("kindness", "criticism")))
