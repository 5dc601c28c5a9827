"""The stream's readings against an offline computation, and what stays out of them."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signal_runs import LEVEL, a_plan, a_study, ar1, fit_offline, samples_of, stream, wandering_head, with_raw

from rtfmri.signals import glm
from rtfmri.signals.measures.choose import clamped
from rtfmri.signals.noise import estimate, expectation
from rtfmri.signals.stream import STAYS_SETTLED, Sample, start, update
from rtfmri.signals.windows import baseline_at, is_open

FLAGGED, MISSING, PAUSED = {40, 41, 90, 199}, {12, 60, 61, 62}, set(range(120, 126))
LEFT_OUT = FLAGGED | MISSING | PAUSED


def a_run(seed=0, sd=3.0, flagged=FLAGGED, missing=MISSING, paused=PAUSED, **study):
    plan, blocks = a_plan(a_study(**study))
    rng = np.random.default_rng(seed)
    raw = LEVEL + sd * ar1(rng, plan.planned_volumes, 2, 0.3) + np.linspace(0, 20, plan.planned_volumes)[:, None]
    raw += 4.0 * plan.design[plan.motion.stop :].sum(axis=0)[:, None] * [1, -1]
    motion = wandering_head(rng, plan.planned_volumes)
    return plan, blocks, samples_of(raw + motion[:, :2] * 30, motion, flagged, missing, paused)


def test_psc_and_regulation_equal_an_offline_computation_at_every_volume():
    plan, _, samples = a_run()
    _, readings = stream(plan, samples)
    checked = 0
    for index, reading in enumerate(readings):
        offline = fit_offline(plan, samples[: index + 1])
        baseline = baseline_at(plan.baselines, index)
        if not offline.full_rank or baseline is None or index in MISSING:
            continue
        cleaned, used = offline.cleaned, offline.used
        level = cleaned[[t for t in baseline if used[t]]].mean(axis=0)
        mean = cleaned[used].mean(axis=0)
        psc = 100 * (cleaned - level) / mean
        np.testing.assert_allclose([roi.cleaned for roi in reading.rois], cleaned[index], atol=1e-8)
        np.testing.assert_allclose([roi.psc for roi in reading.rois], psc[index], atol=1e-8)
        if index in LEFT_OUT:
            assert reading.regulation is None
            continue
        recent = [t for t in range(index - 2, index + 1) if used[t]]
        assert reading.regulation == pytest.approx(psc[recent].mean(axis=0) @ [0.5, -0.5], abs=1e-8)
        checked += 1
    assert checked > 200


NAMES = st.sampled_from(["rest", "try", "rate"])
CYCLES = st.lists(st.builds(lambda name, s: {"block": name, "s": s}, NAMES, st.floats(5, 40)), min_size=2, max_size=5)


@settings(max_examples=40)
@given(CYCLES, st.sampled_from([0.9, 1.97]), st.sets(st.integers(0, 150)), st.sets(st.integers(0, 150)), st.integers(0, 2**31))
def test_whatever_the_paradigm_and_the_gaps_the_value_is_the_offline_one(cycle, tr_s, flagged, missing, seed):
    window = {"onset_s": 4.0, "last_s": 8.0, "lag_s": 2.0}
    cycle = [{"block": "rest", "s": 12.0}, *cycle]
    plan, _ = a_plan(a_study(cycle, repeat=2, final_rest_s=15.0, dummies=3, baseline=window), tr_s)
    rng = np.random.default_rng(seed)
    motion = wandering_head(rng, plan.planned_volumes)
    samples = samples_of(LEVEL + 3 * ar1(rng, plan.planned_volumes, 2, 0.3), motion, flagged, missing)
    _, readings = stream(plan, samples)
    for index in {len(samples) - 1, len(samples) // 2, int(rng.integers(len(samples)))}:
        offline, baseline = fit_offline(plan, samples[: index + 1]), baseline_at(plan.baselines, index)
        good = [t for t in baseline or () if offline.used[t]]
        if not good or index in missing:
            assert all(roi.psc is None for roi in readings[index].rois)
        elif offline.full_rank:
            psc = 100 * (offline.cleaned[index] - offline.cleaned[good].mean(axis=0)) / offline.cleaned[offline.used].mean(axis=0)
            np.testing.assert_allclose([roi.psc for roi in readings[index].rois], psc, atol=1e-6)


def dense_se(plan, samples, measured, baseline, noise):
    """sqrt(variance v'Cv), written out with matrices; v = w - X inv(X'X) g."""
    offline = fit_offline(plan, samples)
    used, design = offline.used, offline.design
    w = np.zeros(len(samples))
    w[measured] += 1 / len(measured)
    w[baseline] -= 1 / len(baseline)
    g = (design.T @ w) * offline.nuisance
    v = w - used * (design @ np.linalg.solve(design[used].T @ design[used], g))
    apart = np.abs(np.subtract.outer(np.arange(len(w)), np.arange(len(w))))
    return np.sqrt(noise.variance * v @ noise.rho**apart @ v)


@pytest.mark.parametrize("index", [50, 100, 199, 230])
def test_standard_errors_equal_the_dense_formula(index):
    plan, _, samples = a_run()
    samples = samples[: index + 1]
    state, readings = stream(plan, samples)
    offline = fit_offline(plan, samples)
    used = offline.used
    expected = expectation(state.observations, glm.solve(state.observations, plan.active_from <= index, int(used.sum())))
    mean = offline.cleaned[used].mean(axis=0)
    baseline = [t for t in baseline_at(plan.baselines, index) if used[t]]
    for k, roi in enumerate(readings[-1].rois):
        noise = estimate(offline.residuals[:, k], expected)
        assert roi.se == pytest.approx(100 / mean[k] * dense_se(plan, samples, [index], baseline, noise), rel=1e-6)
    if used[index]:
        noise = estimate(offline.residuals @ (np.array([0.5, -0.5]) * 100 / mean), expected)
        recent = [t for t in range(index - 2, index + 1) if used[t]]
        assert readings[-1].regulation_se == pytest.approx(dense_se(plan, samples, recent, baseline, noise), rel=1e-6)


def test_a_score_is_the_mean_over_its_window_at_its_close_and_then_stands():
    plan, blocks, samples = a_run()
    _, readings = stream(plan, samples)
    for window in plan.scores:
        index = window.shown.start
        offline = fit_offline(plan, samples[: index + 1])
        cleaned, used = offline.cleaned, offline.used
        psc = 100 * (cleaned - cleaned[[t for t in window.baseline if used[t]]].mean(axis=0)) / cleaned[used].mean(axis=0)
        score = psc[[t for t in window.volumes if used[t]]].mean(axis=0) @ [0.5, -0.5]
        assert readings[index - 1].score_block != window.block
        for later in range(index, min(window.shown.stop, len(samples))):
            assert readings[later].score_block == window.block
            assert readings[later].score == pytest.approx(score, abs=1e-8)
            assert readings[later].score_se == readings[index].score_se > 0
        if window.shown.stop < len(samples):
            assert blocks[window.block + 3].role == "regulate"
            assert readings[window.shown.stop].score is None


DEFAULTS = {"prior": {}, "score": "fitted"}
OPTIONS = [{}, DEFAULTS, DEFAULTS | {"prewhiten": True}, {"filter": "kalman"}, {"filter": "ema"}, {"measure": {"kind": "z"}}]


@pytest.mark.parametrize("signal", OPTIONS)
def test_volumes_that_are_left_out_change_no_other_reading(signal):
    plan, _, samples = a_run(**signal)
    _, readings = stream(plan, samples)
    rng = np.random.default_rng(9)
    left_out = {i for i in range(len(samples)) if i < plan.dummies or i in FLAGGED | PAUSED}
    wild = [with_raw(s, tuple(rng.uniform(1, 5000, 2))) if s.index in left_out else s for s in samples]
    wild = [replace(s, motion=tuple(rng.normal(0, 9, 6))) if s.index in left_out else s for s in wild]
    _, changed = stream(plan, wild)
    for index, (before, after) in enumerate(zip(readings, changed, strict=True)):
        if index not in left_out:
            assert before == after
        else:
            assert replace(before, rois=()) == replace(after, rois=())


def test_a_flagged_volume_has_its_cleaned_value_and_no_regulation():
    plan, _, samples = a_run()
    _, readings = stream(plan, samples)
    for index in FLAGGED:
        assert all(roi.cleaned is not None and roi.psc is not None for roi in readings[index].rois)
        assert (readings[index].regulation, readings[index].feedback, readings[index].settled) == (None, None, False)
        assert readings[index].why == "the volume is flagged"


def test_what_was_never_measured_has_no_values():
    plan, _, samples = a_run()
    _, readings = stream(plan, samples)
    for index in MISSING:
        assert readings[index].rois == ()
        assert readings[index].why == "the volume is missing"
        assert readings[index].feedback is None
    assert readings[63].regulation is not None


def test_the_first_values_settle_only_after_the_first_rest_and_with_a_small_error():
    plan, _, samples = a_run(sd=1.0)
    _, readings = stream(plan, samples)
    close, was_settled = plan.baselines[0].stop, False
    assert all(r.regulation is None and r.why == "the first rest is not over" for r in readings[plan.dummies : close] if r.rois)
    for reading in readings[close:]:
        in_window = is_open(plan.baselines, reading.index)
        error = reading.regulation_se
        small = error is not None and error <= plan.settled_se * (STAYS_SETTLED if was_settled else 1.0)
        assert reading.settled == (small and not in_window and reading.index not in LEFT_OUT)
        assert bool(reading.why) == (not reading.settled)
        assert (reading.feedback is not None) == reading.settled
        was_settled = was_settled if reading.index in LEFT_OUT else reading.settled
    assert any(reading.settled for reading in readings)


def test_a_value_that_has_settled_does_not_flicker_about_the_limit():
    """Where the error passes the limit again and again, the value stays; it is given up at half as much more."""
    plan, _, samples = a_run(sd=1.0)
    _, readings = stream(plan, samples)
    errors = [r.regulation_se for r in readings if r.settled and r.regulation_se is not None]
    near = replace(plan, settled_se=float(np.median(errors)))
    _, readings = stream(near, samples)
    used = [r for r in readings if r.regulation_se is not None and not is_open(plan.baselines, r.index)]
    above = [r for r in used if r.settled and r.regulation_se > near.settled_se]
    assert above, "the error never passed the limit, so nothing was shown"
    assert all(r.regulation_se <= STAYS_SETTLED * near.settled_se for r in used if r.settled)


def test_a_noisy_signal_never_settles_and_says_by_how_much():
    plan, _, samples = a_run(sd=60.0)
    _, readings = stream(plan, samples)
    assert not any(reading.settled for reading in readings)
    assert readings[80].why.startswith("the standard error is still ")
    assert readings[80].why.endswith(" %, above 0.5 %")


def test_a_rest_without_one_good_volume_gives_no_baseline_and_not_an_older_one():
    plan, _ = a_plan(a_study())
    lost = set(plan.baselines[1])
    plan, _, samples = a_run(flagged=lost, missing=(), paused=())
    _, readings = stream(plan, samples)
    after = readings[plan.baselines[1].stop : plan.baselines[2].stop]
    assert all(reading.regulation is None for reading in after)
    assert {reading.why for reading in after} == {"the rest before this has no usable baseline volume"}
    assert plan.scores[1].block not in {reading.score_block for reading in readings}
    assert readings[plan.scores[2].shown.start].score_block == plan.scores[2].block


def test_motion_that_is_not_known_keeps_a_volume_out_only_where_motion_is_in_the_model():
    unknown = Sample(5, (LEVEL, LEVEL))
    for nuisance, why in ((["drift", "motion6"], "there is no motion estimate for this volume"), (["drift"], "the first rest is not over")):
        plan, _ = a_plan(a_study(nuisance=nuisance))
        state, _ = stream(plan, samples_of(np.full((5, 2), LEVEL), np.zeros((5, 6))))
        state, reading = update(plan, state, unknown)
        assert reading.why == why
        assert state.observations.used.sum() == (why == "the first rest is not over")


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_does_not_poison_the_run(bad):
    plan, _, samples = a_run()
    spoiled = [with_raw(s, (bad, LEVEL)) if s.index == 100 else s for s in samples]
    spared = [replace(s, flagged=True) if s.index == 100 else s for s in samples]
    _, with_bad = stream(plan, spoiled)
    _, without = stream(plan, spared)
    assert with_bad[100].rois == ()
    assert with_bad[100].why == "a region has no usable values in this volume"
    assert with_bad[101:] == without[101:]


def test_a_region_without_signal_gives_no_value():
    plan, _ = a_plan(a_study(repeat=1))
    raw = np.full((plan.planned_volumes, 2), LEVEL)
    raw[:, 1] = 0.0
    _, readings = stream(plan, samples_of(raw, np.zeros((len(raw), 6))))
    assert readings[-1].regulation is None
    assert readings[-1].why == "a region's mean is not above zero"


def test_volumes_beyond_the_planned_ones_give_raw_values_and_the_reason():
    plan, _, samples = a_run()
    state, readings = stream(plan, samples)
    for index in range(plan.planned_volumes, plan.planned_volumes + 3):
        state, reading = update(plan, state, Sample(index, (LEVEL, LEVEL), (0.0,) * 6))
        assert [roi.raw for roi in reading.rois] == [LEVEL, LEVEL]
        assert reading.regulation is None
        assert reading.why.startswith("the run is longer than its planned volumes")
        assert reading.score == readings[-1].score


def test_a_block_that_ends_with_the_run_is_scored_when_a_volume_follows():
    plan, _, samples = a_run(
        repeat=1, final_rest_s=0.0, cycle=[{"block": "rest", "s": 30}, {"block": "try", "s": 40}, {"block": "rate", "s": 6}]
    )
    state, readings = stream(plan, samples)
    assert readings[-1].score is None
    _, reading = update(plan, state, Sample(plan.planned_volumes, None))
    assert reading.score_block == plan.scores[0].block


def test_a_volume_out_of_its_turn_is_a_bug():
    plan, _ = a_plan(a_study())
    with pytest.raises(ValueError, match="volume 1 came where 0 was expected"):
        update(plan, start(plan), Sample(1, (LEVEL, LEVEL)))
    with pytest.raises(ValueError, match="1 values came for 2 regions"):
        update(plan, start(plan), Sample(0, (LEVEL,)))


@pytest.mark.parametrize("signal", OPTIONS)
def test_what_is_to_come_changes_no_reading(signal):
    plan, _, samples = a_run(**signal)
    _, readings = stream(plan, samples)
    wild = [with_raw(s, (1.0, 5000.0)) if s.index > 150 and s.raw else s for s in samples]
    assert stream(plan, wild)[1][:151] == readings[:151]


@pytest.mark.parametrize("signal", OPTIONS)
def test_the_same_samples_give_the_same_bits(signal):
    plan, _, samples = a_run(**signal)
    assert stream(plan, samples)[1] == stream(plan, samples)[1]


def test_a_constant_signal_is_no_regulation():
    plan, _ = a_plan(a_study(repeat=1))
    _, readings = stream(plan, samples_of(np.full((plan.planned_volumes, 2), LEVEL), np.zeros((plan.planned_volumes, 6))))
    assert [r.regulation for r in readings if r.settled] == pytest.approx([0.0] * sum(r.settled for r in readings), abs=1e-9)
    assert any(r.settled for r in readings)


@pytest.mark.parametrize(("percent", "parts"), [(0.5, 0.25), (3.0, 1.0), (-9.0, -1.0)])
def test_feedback_is_held_to_the_range(percent, parts):
    assert clamped(percent, 2.0) == parts


def test_warming_up_compiles_every_kernel_that_a_run_uses():
    """In a fresh process: here other tests have compiled them already."""
    script = """
from dataclasses import replace
from signal_runs import LEVEL, a_plan, a_study, ar1, samples_of, stream, wandering_head
import numpy as np
from rtfmri.signals import compare, components, glm, noise, prewhiten, rois, stream as streaming
from rtfmri.signals.measures import decoder
modules = (glm, noise, compare, rois, components, prewhiten, decoder)
kernels = {name: k for module in modules for name, k in vars(module).items() if hasattr(k, "signatures")}
count = lambda: {name: len(k.signatures) for name, k in kernels.items()}
assert not any(count().values())
streaming.warm_up()
before = count()
rng = np.random.default_rng(0)
for signal in ({}, {"prior": {}, "prewhiten": True, "filter": "kalman"}, {"nuisance": ["motion6", "csf"], "tissue_components": 2}):
    plan, _ = a_plan(a_study(repeat=1, **signal))
    motion = wandering_head(rng, plan.planned_volumes)
    samples = samples_of(LEVEL + ar1(rng, plan.planned_volumes, 2, 0.6), motion, flagged={50})
    tissue = (800 + rng.standard_normal((len(samples), 30))).astype(np.float32)
    stream(plan, [replace(s, tissue={"csf": tissue[s.index]}) for s in samples])
rois.roi_mean(np.ones(20), np.ones(20))
decoder.project(np.ones(20), np.ones(20, dtype=np.float32))
print({name: n for name, n in count().items() if n != before[name]})
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "{}"
