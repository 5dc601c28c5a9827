"""Filters as weightings of volumes: against the recursions that they stand for, spikes cut, gaps respected."""

import numpy as np
import pytest
from signal_runs import LEVEL, a_plan, a_study, ar1, samples_of, stream

from rtfmri.signals.filters import PROCESS, SPIKE_SD
from rtfmri.signals.windows import baseline_at

QUIET = {"nuisance": [], "repeat": 2}


def a_run(flagged=(), missing=(), bump=None, sd=2.0, **signal):
    """Without nuisance the cleaned series is the raw one, so that the recursion can be written down."""
    plan, _ = a_plan(a_study(**QUIET, **signal))
    raw = LEVEL + sd * ar1(np.random.default_rng(2), plan.planned_volumes, 2, 0.2)
    for index, size in (bump or {}).items():
        raw[index] += [size, -size]
    samples = samples_of(raw, None, flagged, missing)
    state, readings = stream(plan, samples)
    return plan, raw, state, readings


def filtered_regulation(plan, raw, state, filtered, index):
    """Regulation of a filtered series (K,) against the volume's baseline, with the mean so far."""
    used = state.observations.used[: index + 1]
    level = raw[[t for t in baseline_at(plan.baselines, index) if used[t]]].mean(axis=0)
    return (100 * (filtered - level) / raw[: index + 1][used].mean(axis=0)) @ [0.5, -0.5]


def test_the_ema_is_the_recursion_over_the_volumes_that_came():
    alpha, flagged, missing = 0.3, {50, 51}, {70}
    plan, raw, state, readings = a_run(flagged, missing, filter="ema", ema_alpha=alpha)
    ema, last = None, None
    for index in range(plan.dummies, plan.planned_volumes):
        if index in flagged | missing:
            assert readings[index].regulation is None
            continue
        kept = 0.0 if ema is None else (1 - alpha) ** (index - last)
        ema, last = raw[index] * (1 - kept) + (0 if ema is None else kept * ema), index
        if readings[index].regulation is not None:
            assert readings[index].regulation == pytest.approx(filtered_regulation(plan, raw, state, ema, index), abs=1e-4)


def test_the_kalman_filter_is_the_recursion_where_nothing_is_cut():
    plan, raw, state, readings = a_run(filter="kalman")
    estimate, uncertainty, last, compared, cut = None, 1.0, 0, 0, 0
    for index in range(plan.dummies, plan.planned_volumes):
        if estimate is None:
            estimate, last = raw[index].copy(), index
            continue
        predicted = uncertainty + PROCESS * (index - last)
        gain = predicted / (predicted + 1)
        proposed = estimate + gain * (raw[index] - estimate)
        last = index
        if readings[index].regulation is None:  # what the filter made of it is not told yet
            estimate, uncertainty = proposed, (1 - gain) * predicted
            continue
        accepted = filtered_regulation(plan, raw, state, proposed, index)
        held = filtered_regulation(plan, raw, state, estimate, index)
        found = readings[index].regulation
        if found == pytest.approx(held, abs=1e-6) and found != pytest.approx(accepted, abs=1e-6):
            uncertainty, cut = predicted, cut + 1
        else:
            assert found == pytest.approx(accepted, abs=1e-3)
            estimate, uncertainty = proposed, (1 - gain) * predicted
        compared += 1
    assert compared > 100
    assert cut < 0.06 * compared


def test_the_gain_settles_where_the_science_says():
    uncertainty = 1.0
    for _ in range(50):
        predicted = uncertainty + PROCESS
        gain = predicted / (predicted + 1)
        uncertainty = (1 - gain) * predicted
    assert gain == pytest.approx(0.39, abs=0.005)
    assert (1 - gain) / gain == pytest.approx(1.6, abs=0.05)
    assert SPIKE_SD == 2.3


def test_a_spike_is_cut_and_a_step_is_followed():
    spike = 40.0
    _, _, _, clean = a_run(filter="kalman")
    _, _, _, spiked = a_run(bump={120: spike}, filter="kalman")
    _, _, _, averaged = a_run(bump={120: spike})
    moved = lambda readings: abs(readings[120].regulation - clean[120].regulation)  # noqa: E731
    assert moved(spiked) < 0.5
    assert moved(averaged) > 1.0
    _, _, _, stepped = a_run(bump=dict.fromkeys(range(120, 130), spike), filter="kalman")
    assert abs(stepped[120].regulation) < 1.0
    assert stepped[122].regulation > 1.5


@pytest.mark.parametrize("signal", [{}, {"filter": "ema"}, {"filter": "kalman"}])
def test_a_filters_weights_are_a_weighting(signal):
    _, _, state, _ = a_run({60}, {61, 62}, **signal)
    weights = state.filtering.weights
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert (weights >= 0).all()
    assert not weights[~state.observations.used].any()


def test_a_filtered_value_has_the_smaller_error_that_the_filter_gives_it():
    errors = {}
    for name, signal in {"none": {"smooth_volumes": 1}, "average": {}, "ema": {"filter": "ema"}, "kalman": {"filter": "kalman"}}.items():
        _, _, _, readings = a_run(**signal)
        errors[name] = np.median([r.regulation_se for r in readings if r.settled])
    assert max(errors["average"], errors["ema"], errors["kalman"]) < errors["none"]
