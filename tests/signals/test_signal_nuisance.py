"""Columns that come with each volume, the user's table, and the fit with all of them against numpy's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from signal_runs import LEVEL, PLAIN, a_plan, a_study, ar1, samples_of, stream, wandering_head

from rtfmri.errors import StudyError
from rtfmri.paradigm import planned_volumes
from rtfmri.signals import glm
from rtfmri.signals.inputs import SignalInputs
from rtfmri.signals.plan import plan_signal
from rtfmri.signals.stream import start, update
from rtfmri.study import parse_study

MOTION24 = ["drift", "motion6", "motion_derivatives", "motion_squares"]
ALL = [*MOTION24, "white_matter", "csf", "physiology"]


def a_plan_with(tr_s=1.0, inputs=None, **signal):
    study = a_study(repeat=2, **signal)
    blocks = study.blocks(tr_s)
    return plan_signal(study, blocks, tr_s, planned_volumes(blocks, tr_s), inputs)


def full_samples(plan, seed=0, flagged=(), missing=()):
    rng = np.random.default_rng(seed)
    volumes = plan.planned_volumes
    motion = wandering_head(rng, volumes)
    samples = samples_of(LEVEL + 3 * ar1(rng, volumes, 2, 0.3) + motion[:, :2] * 20, motion, flagged, missing)
    tissue = {name: 800 + rng.standard_normal((volumes, 30)) for name in ("white_matter", "csf")}
    physiology = rng.standard_normal((volumes, 3))
    return [
        replace(sample, tissue={name: values[i] for name, values in tissue.items()}, physiology=tuple(physiology[i]))
        for i, sample in enumerate(samples)
    ]


def motion24(samples):
    """(N, 24) by numpy; derivatives over a gap are the mean rate."""
    rows, last = [], None
    for sample in samples:
        if sample.motion is None:
            rows.append(np.zeros(24))
            continue
        now = np.array(sample.motion)
        rate = np.zeros(6) if last is None else (now - last[1]) / (sample.index - last[0])
        linear = np.concatenate((now, rate))
        rows.append(np.concatenate((linear, linear**2)))
        last = sample.index, now
    return np.array(rows)


def test_the_fit_with_every_kind_of_column_is_numpys_at_every_volume():
    table = np.random.default_rng(4).standard_normal((195, 2))
    plan = a_plan_with(inputs=SignalInputs(regressors=table, physiology_columns=3), nuisance=ALL)
    assert plan.planned_volumes == len(table)
    samples = full_samples(plan, flagged={40, 41, 90}, missing={60, 61})
    there = np.array([s.raw is not None for s in samples])
    means = [np.where(there, [s.tissue[name].mean() for s in samples], 0.0) for name in ("white_matter", "csf")]
    physiology = np.array([s.physiology for s in samples])
    order = plan.motion.start - 1
    design = np.column_stack([plan.design[: 1 + order].T, motion24(samples), *means, physiology, table, plan.design[plan.tasks].T])
    used = there & ~np.isin(np.arange(len(samples)), (40, 41, 90)) & (np.arange(len(samples)) >= plan.dummies)
    values = np.array([s.raw or (0.0, 0.0) for s in samples])
    state, compared = start(plan), 0
    for index, sample in enumerate(samples):
        state, _ = update(plan, state, sample)
        good = used[: index + 1]
        x = design[: index + 1][good][:, plan.active_from <= index]
        if len(x) < 60:
            continue
        scale = np.abs(x).max(axis=0) + (np.abs(x).max(axis=0) == 0)
        fitted = x @ (np.linalg.lstsq(x / scale, values[: index + 1][good], rcond=1e-13)[0] / scale[:, None])
        fit = glm.solve(state.observations, plan.active_from <= index, int(good.sum()))
        left = glm.residuals(state.observations, fit, index + 1).T[good]
        np.testing.assert_allclose(left, values[: index + 1][good] - fitted, atol=1e-8)
        compared += 1
    assert compared > 100


def test_a_volume_without_its_tissue_signal_stays_out_and_says_so():
    plan = a_plan_with(nuisance=["drift", "white_matter"])
    samples = full_samples(plan)
    samples[100] = replace(samples[100], tissue={})
    samples[101] = replace(samples[101], tissue={"white_matter": np.array([np.nan, 800.0])})
    state, readings = stream(plan, samples)
    assert readings[100].why == readings[101].why == "there is no white matter signal for this volume"
    assert not state.observations.used[[100, 101]].any()
    assert [roi.raw for roi in readings[100].rois] == list(samples[100].raw)


def test_without_physiology_nothing_changes():
    """Columns that never come are left out of the fit."""
    with_belt = a_plan_with(inputs=SignalInputs(physiology_columns=3), nuisance=["drift", "motion6", "physiology"])
    without = a_plan_with(nuisance=["drift", "motion6"])
    samples = [replace(sample, physiology=None) for sample in full_samples(without)]
    for one, other in zip(stream(with_belt, samples)[1], stream(without, samples)[1], strict=True):
        assert one.settled == other.settled
        if one.regulation is not None:
            assert one.regulation == pytest.approx(other.regulation, abs=1e-9)
            assert one.regulation_se == pytest.approx(other.regulation_se, rel=1e-9)


def test_a_belt_that_falls_off_does_not_end_the_values():
    plan = a_plan_with(inputs=SignalInputs(physiology_columns=3), nuisance=["drift", "motion6", "physiology"])
    samples = [replace(s, physiology=None) if s.index > 100 else s for s in full_samples(plan)]
    _, readings = stream(plan, samples)
    assert any(reading.settled for reading in readings[101:])


def test_physiology_of_another_size_than_announced_is_a_bug():
    plan = a_plan_with(inputs=SignalInputs(physiology_columns=2), nuisance=["physiology"])
    with pytest.raises(ValueError, match="3 columns of physiology came where 2 were announced"):
        stream(plan, full_samples(plan))


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (np.zeros((194, 2)), "has 194 rows below its head line and the run has 195 volumes"),
        (np.zeros((196, 1)), "give one row for each volume"),
        (np.where(np.arange(390).reshape(195, 2) == 41, np.nan, 1.0), "row 21, column 2 is no number"),
    ],
)
def test_a_table_that_does_not_fit_the_run_is_refused_in_words(table, words):
    with pytest.raises(StudyError, match=words):
        a_plan_with(inputs=SignalInputs(regressors=table))


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ({"nuisance": ["drift", "motion_squares"]}, "motion_squares need motion6"),
        ({"nuisance": ["drift", "drift"]}, "stands there twice"),
        ({"tissue_components": 5}, "add white_matter or csf"),
        ({"filter": "kalman", "smooth_volumes": 5}, "never put on top of an average of 5 volumes"),
        ({"filter": "ema", "measure": {"kind": "correlation", "rois": ["dlpfc", "tpj"]}}, "has a window of its own"),
        ({"measure": {"kind": "roi", "roi": "insula"}}, "there is no roi 'insula'; the study has dlpfc, tpj"),
        ({"measure": {"kind": "correlation", "rois": ["tpj", "tpj"]}}, "two different regions"),
        ({"measure": {"kind": "function", "function": "no colon"}}, "measure.function"),
    ],
)
def test_what_cannot_be_is_refused_when_the_study_is_read(signal, words):
    with pytest.raises(StudyError, match=words):
        a_study(**signal)


def test_a_short_rest_needs_a_window_that_holds_something():
    cycle = [{"block": "rest", "s": 20}, {"block": "try", "s": 40}]
    with pytest.raises(StudyError, match="rests shorter than 30 s"):
        a_study(cycle, final_rest_s=0)
    with pytest.raises(StudyError, match="a rest of 20 s has no baseline at all"):
        a_study(cycle, final_rest_s=0, baseline={"onset_s": 23, "last_s": 13, "lag_s": 2})
    chosen = a_study(cycle, final_rest_s=0, baseline={"onset_s": 8, "last_s": 12, "lag_s": 2})
    assert chosen.resolved()["signal"]["baseline"] == {"onset_s": 8.0, "last_s": 12.0, "lag_s": 2.0}


def test_what_the_study_leaves_out_stands_in_the_resolved_one():
    plain = a_study().model_dump(mode="json")
    assert plain["signal"]["measure"] == {"kind": "difference"}
    again = parse_study(a_study(prior={}, score="fitted").model_dump(mode="json", exclude_none=True), Path("."))
    assert again.signal.prior.enabled
    assert PLAIN["score"] != again.signal.score == "fitted"


def test_the_plan_says_where_motion_and_tasks_stand():
    plan, blocks = a_plan(a_study(nuisance=MOTION24))
    assert plan.motion.stop - plan.motion.start == 24
    assert [blocks[number].role for number in plan.task_blocks] == ["regulate"] * 3
    assert (plan.design[plan.tasks].max(axis=1) > 0.9).all()
