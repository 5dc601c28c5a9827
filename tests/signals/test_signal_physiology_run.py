"""Physiology through the whole signal path: the noise falls, regulation stays, and without it nothing changes."""

from dataclasses import replace

import numpy as np
import pytest
from physio_truth import BEFORE_S, RATE_HZ, a_body, physiological_signal, stream_columns
from signal_runs import LEVEL, a_study, ar1, samples_of, stream, wandering_head

from rtfmri.paradigm import planned_volumes
from rtfmri.signals.inputs import SignalInputs
from rtfmri.signals.physiology.plan import PhysioPlan
from rtfmri.signals.plan import plan_signal

PLAN = PhysioPlan(RATE_HZ, True, True, 2, 2, True, True)
AFTER_S = np.arange(5) * 0.18
TR_S = 1.0
AMPLITUDES = np.array([0.4, -0.2, 0.3, 0.5])


def plans():
    """The same run without and with physiology."""
    study = a_study(repeat=4)
    asked = study.signal.model_copy(update={"nuisance": (*study.signal.nuisance, "physiology")})
    blocks = study.blocks(TR_S)
    volumes = planned_volumes(blocks, TR_S)
    given = SignalInputs(physiology_columns=PLAN.size)
    return plan_signal(study, blocks, TR_S, volumes), plan_signal(study.model_copy(update={"signal": asked}), blocks, TR_S, volumes, given)


def a_run(seed, locked, amplitudes=AMPLITUDES, noise_percent=0.2):
    """Readings without and with physiology, and the truth of each volume in percent; ``locked``: breathing is calm in regulation."""
    without, having = plans()
    volumes = without.planned_volumes
    rng = np.random.default_rng(1000 + seed)
    times_s = np.arange(int((BEFORE_S + volumes * TR_S + 3) * RATE_HZ)) / RATE_HZ - BEFORE_S
    course = without.design[without.tasks].T
    calm = np.interp(times_s - 3.0, np.arange(volumes) * TR_S, (course.sum(axis=1) > 0.5).astype(float)) if locked else None
    body = a_body(seed, len(times_s) / RATE_HZ, calm)
    starts_s = BEFORE_S + TR_S * np.arange(volumes)
    disturbance = np.outer(physiological_signal(body, starts_s, AFTER_S), [0.5, -0.3])
    truth = course @ amplitudes
    motion = wandering_head(rng, volumes)
    raw = LEVEL * (1 + (noise_percent * ar1(rng, volumes, 2, 0.3) + disturbance + np.outer(truth, [1, -1])) / 100)
    samples = samples_of(raw, motion)
    readings = stream_columns(PLAN, body, starts_s, AFTER_S, TR_S)
    informed = [replace(sample, physiology=reading.columns) for sample, reading in zip(samples, readings, strict=True)]
    return stream(without, samples)[1], stream(having, informed)[1], truth


def errors(readings, truth):
    return np.array([reading.regulation - truth[reading.index] for reading in readings if reading.settled])


@pytest.mark.parametrize("locked", [False, True])
def test_the_noise_falls_and_regulation_is_not_biased(locked):
    found = {"without": [], "with": []}
    for seed in range(5):
        without, informed, truth = a_run(seed, locked)
        found["without"].append(errors(without, truth))
        found["with"].append(errors(informed, truth))
    rms = {name: np.sqrt(np.mean(np.concatenate(runs) ** 2)) for name, runs in found.items()}
    bias = {name: np.mean(np.concatenate(runs)) for name, runs in found.items()}
    print(f"locked {locked}: RMS error in percent {rms}, bias {bias}")
    assert rms["with"] < 0.55 * rms["without"]
    assert abs(bias["with"]) < 0.1


def test_physiology_invents_no_regulation():
    """Breathing locked to the task, a disturbance of 0.8 % in the difference, and nobody regulates."""
    scores = []
    for seed in range(5):
        _, informed, _ = a_run(seed, True, np.zeros(4))
        scores += list({r.score_block: r.score for r in informed if r.score_block is not None}.values())
    assert len(scores) == 20
    assert abs(np.mean(scores)) < 0.1


def test_without_physiology_the_values_are_the_same_bits():
    """Neither the samples' columns nor an empty block changes anything where the study does not ask."""
    without, _ = plans()
    rng = np.random.default_rng(3)
    samples = samples_of(LEVEL + 3 * ar1(rng, without.planned_volumes, 2, 0.3), wandering_head(rng, without.planned_volumes))
    extra = [replace(sample, physiology=tuple(rng.standard_normal(PLAN.size))) for sample in samples]
    assert stream(without, samples)[1] == stream(without, extra)[1]


def test_a_belt_that_is_off_throughout_changes_no_value_either():
    without, having = plans()
    rng = np.random.default_rng(4)
    samples = samples_of(LEVEL + 3 * ar1(rng, without.planned_volumes, 2, 0.3), wandering_head(rng, without.planned_volumes))
    off = [replace(sample, physiology=(0.0,) * PLAN.size) for sample in samples]
    for one, other in zip(stream(without, samples)[1], stream(having, off)[1], strict=True):
        assert (one.settled, one.feedback is None) == (other.settled, other.feedback is None)
        if one.regulation is not None:
            assert other.regulation == pytest.approx(one.regulation, abs=1e-9)


def test_a_belt_that_falls_off_half_way_ends_no_feedback():
    without, having = plans()
    rng = np.random.default_rng(5)
    samples = samples_of(LEVEL + 1 * ar1(rng, without.planned_volumes, 2, 0.3), wandering_head(rng, without.planned_volumes))
    half = without.planned_volumes // 2
    fallen = [replace(sample, physiology=tuple(rng.standard_normal(PLAN.size)) if sample.index < half else None) for sample in samples]
    assert sum(reading.settled for reading in stream(having, fallen)[1][half:]) > 0.5 * half
