"""Runs at signal level whose regulation is known: what reaches the two regions' means, and how it is judged.

A run is 5 dummies, six cycles of rest 30 s / regulate 40 s / rate 10 s and a last rest. Each block's difference has an amplitude of its
own, uniform in +-0.5 % PSC; both regions respond alike beside it. Noise of each region, scaled to the SD asked for: AR(1) of which half
the variance is shared by the regions, and a fifth of it physiological (breathing near 0.28 Hz and heart near 1.1 Hz as they alias, and a
slow wave near 0.03 Hz), shared too but for 20 %. On top drift and what realignment leaves of the head's motion. Nothing of the judged
code is used but the plan's task regressors, whose shape is the truth's by definition of PSC amplitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from rtfmri.paradigm import planned_volumes
from rtfmri.signals.inputs import SignalInputs
from rtfmri.signals.measures.decoder import Decoder
from rtfmri.signals.measures.function import Ask
from rtfmri.signals.plan import SignalPlan, plan_signal
from rtfmri.signals.stream import Reading, Sample, start, update
from rtfmri.study import parse_study

LEVEL = 1000.0
CYCLES = 6
LEAK_PERCENT_PER_MM = 0.5  # what realigned data still follow the head by, each direction drawn from +- this
UNREALIGNED = 6.0  # times as much without realignment
TISSUE_VOXELS = 80
REGIONS = [
    {"name": "dlpfc", "sphere_mni_mm": [42, 36, 28], "weight": 0.5},
    {"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": -0.5},
]


@dataclass(frozen=True)
class Conditions:
    """What a run holds. Percent of the level for ``noise`` (SD of a region) and ``breathing`` (locked to the task)."""

    noise_percent: float = 0.2
    rho: float = 0.3
    regulates: bool = True
    physiological: float = 0.2  # part of the noise's variance
    task_motion_mm: float = 0.0  # the head moves up by this in every block, and one region brightens where the other darkens
    breathing_percent: float = 0.0  # slow breathing in every block moves the whole brain by this, the regions 20 % apart
    realigned: bool = True
    restless: float = 1.0  # times as much motion
    late_s: float = 0.0  # the response comes so much later than the model says
    missing: float = 0.0  # part of the volumes that never come
    spikes: float = 0.0  # part of the volumes that jump by 3 % either way, flagged as motion is


@dataclass(frozen=True)
class Course:
    """One run: percent (N, 2), motion (N, 6), tissue voxels (N, V), physiology (N, 4), the blocks' true amplitudes (B,)."""

    percent: np.ndarray
    motion: np.ndarray
    tissue: np.ndarray
    physiology: np.ndarray
    amplitudes: np.ndarray
    truth: np.ndarray  # (N,) percent: the difference of the regions' responses, half of it each
    missing: frozenset[int] = frozenset()
    flagged: frozenset[int] = frozenset()


def plan_of(tr_s: float = 2.0, **signal: Any) -> SignalPlan:
    """The plan of the benchmark's paradigm with these settings of [signal]."""
    cycle = [{"block": "rest", "s": 30}, {"block": "try", "s": 40}, {"block": "rate", "s": 10}]
    plain = {
        "study": {"name": "bench"},
        "acquisition": {"dummies": 5},
        "roi": REGIONS,
        "paradigm": {"cycle": cycle, "repeat": CYCLES, "final_rest_s": 30},
        "signal": signal,
        **({"physiology": {}} if "physiology" in signal.get("nuisance", ()) else {}),
    }
    study = parse_study(plain, Path(__file__).parent)
    decoded = study.signal.measure.kind == "decoder"
    blocks = study.blocks(tr_s)
    decoder = Decoder(np.zeros((2, 3), dtype=np.intp), np.array([0.5, -0.5]), 0.0, 0.0, 0.5) if decoded else None
    inputs = SignalInputs(physiology_columns=4, decoder=decoder)
    return plan_signal(study, blocks, tr_s, planned_volumes(blocks, tr_s), inputs)


def ar1(rng: np.random.Generator, shape: tuple[int, int], rho: float) -> np.ndarray:
    white = rng.standard_normal((shape[0] + 200, shape[1]))
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], white, axis=0)[200:]


def course_of(plan: SignalPlan, seed: int, conditions: Conditions) -> Course:
    rng = np.random.default_rng(seed)
    volumes, tr_s = plan.planned_volumes, plan.tr_s
    tasks = plan.design[plan.tasks].T
    amplitudes = rng.uniform(-0.5, 0.5, tasks.shape[1]) * conditions.regulates
    shared_response = rng.uniform(0.0, 0.5, tasks.shape[1]) * conditions.regulates
    waves = physiology_of(rng, volumes, tr_s)
    body = waves @ rng.standard_normal(waves.shape[1])
    body /= body.std()
    percent = conditions.noise_percent * noise_of(rng, body, conditions)
    response = np.roll(tasks, round(conditions.late_s / tr_s), axis=0)
    percent += response @ np.outer(amplitudes, [1.0, -1.0]) + (response @ shared_response)[:, None]
    x = np.linspace(-1, 1, volumes)
    percent += np.outer(x, rng.uniform(-1, 1, 2)) + np.outer(x**2, rng.uniform(-0.5, 0.5, 2)) + np.outer(x**3, rng.uniform(-0.3, 0.3, 2))
    motion = conditions.restless * head_of(rng, volumes, tasks, conditions.task_motion_mm)
    leak = LEAK_PERCENT_PER_MM * (1.0 if conditions.realigned else UNREALIGNED)
    mm = motion * np.array([1, 1, 1, 50, 50, 50])
    follows = rng.uniform(-leak, leak, (6, 2))
    if conditions.task_motion_mm:
        follows[2] = leak, -leak
    percent += mm @ follows
    breath = breath_of(plan, rng) * conditions.breathing_percent
    percent += np.outer(breath, [1.1, 0.9])
    tissue = tissue_of(rng, body * conditions.noise_percent * np.sqrt(conditions.physiological), breath, mm)
    gone = frozenset(np.flatnonzero(rng.uniform(size=volumes) < conditions.missing).tolist())
    spikes = np.flatnonzero(rng.uniform(size=volumes) < conditions.spikes)
    percent[spikes] += rng.choice([-3.0, 3.0], size=(len(spikes), 2))
    return Course(percent, motion, tissue, waves[:, :4], amplitudes, response @ amplitudes, gone, frozenset(spikes.tolist()))


def noise_of(rng: np.random.Generator, body: np.ndarray, conditions: Conditions) -> np.ndarray:
    """(N, 2) of unit variance."""
    own = ar1(rng, (len(body), 3), conditions.rho)
    thermal = np.sqrt(0.5) * own[:, :2] + np.sqrt(0.5) * own[:, 2:]
    part = conditions.physiological
    gains = 1.0 + rng.uniform(-0.2, 0.2, 2)
    return np.sqrt(1 - part) * thermal + np.sqrt(part) * np.outer(body, gains)


def physiology_of(rng: np.random.Generator, volumes: int, tr_s: float) -> np.ndarray:
    """(N, 6): sine and cosine of breathing, heart and a slow wave, each with a wandering rate."""
    columns = []
    for hertz in (0.28, 1.1, 0.03):
        rate = hertz * (1 + 0.05 * ar1(rng, (volumes, 1), 0.95)[:, 0])
        phase = 2 * np.pi * (rng.uniform() + np.cumsum(rate) * tr_s)
        columns += [np.sin(phase), np.cos(phase)]
    return np.array(columns).T


def head_of(rng: np.random.Generator, volumes: int, tasks: np.ndarray, nod_mm: float) -> np.ndarray:
    """(N, 6) in mm and rad: a slow walk with jitter, and with each block a move along z with a pitch of half as much at 50 mm."""
    scale = np.array([0.01, 0.01, 0.02, 2e-4, 2e-4, 2e-4])
    motion = (np.cumsum(rng.standard_normal((volumes, 6)), axis=0) + rng.standard_normal((volumes, 6))) * scale
    nod = nod_mm * (np.abs(tasks) > 0.5).any(axis=1) * (1 + 0.2 * rng.standard_normal(volumes))
    motion[:, 2] += nod
    motion[:, 3] += 0.5 * nod / 50
    return motion


def breath_of(plan: SignalPlan, rng: np.random.Generator) -> np.ndarray:
    """(N,): follows the task by some seconds and differs from block to block by 30 %."""
    tasks = plan.design[plan.tasks]
    late = round(4.0 / plan.tr_s)
    depth = 1.0 + 0.3 * rng.standard_normal(len(tasks))
    return np.roll(depth @ tasks, late)


def tissue_of(rng: np.random.Generator, body: np.ndarray, breath: np.ndarray, mm: np.ndarray) -> np.ndarray:
    """(N, V) scanner units: body, breath, motion at each voxel's own gain, and a voxel's own noise of 1 %."""
    gains = rng.uniform(0.5, 1.5, (3, TISSUE_VOXELS))
    percent = np.outer(body, gains[0]) + np.outer(breath, gains[1]) + mm @ rng.uniform(-0.5, 0.5, (6, TISSUE_VOXELS))
    return LEVEL * (1 + (percent + rng.standard_normal(percent.shape)) / 100)


def streamed(plan: SignalPlan, course: Course, ask: Ask | None = None) -> list[Reading]:
    """The readings of a run."""
    raw = LEVEL * (1 + course.percent / 100)
    state, readings = start(plan), []
    for index in range(plan.planned_volumes):
        sample = Sample(
            index,
            None if index in course.missing else tuple(raw[index].tolist()),
            None if index in course.missing else tuple(course.motion[index].tolist()),
            flagged=index in course.flagged,
            tissue={"white_matter": course.tissue[index]},
            physiology=tuple(course.physiology[index].tolist()),
            decoder=float(100 * (raw[index] / LEVEL) @ [0.5, -0.5]),
        )
        state, reading = update(plan, state, sample, ask)
        readings.append(reading)
    return readings


def true_scores(plan: SignalPlan, course: Course) -> list[float]:
    """What each block's score would be without noise."""
    truth = course.truth
    return [float(truth[list(score.volumes)].mean() - truth[list(score.baseline)].mean()) for score in plan.scores]


def offline_scores(plan: SignalPlan, course: Course) -> np.ndarray:
    """(B,): the blocks' coefficients in numpy's least-squares fit of the whole run: same columns, all volumes that came unflagged."""
    design = plan.design.T.copy()
    design[:, plan.motion] = course.motion
    left_out = course.missing | course.flagged | set(range(plan.dummies))
    good = [t for t in range(len(design)) if t not in left_out]
    return np.linalg.lstsq(design[good], course.percent[good] @ [0.5, -0.5], rcond=None)[0][plan.tasks]


def block_scores(plan: SignalPlan, readings: list[Reading]) -> list[Reading]:
    """The first reading with each block's score, in order of the blocks."""
    found: dict[int, Reading] = {}
    for reading in readings:
        if reading.score_block is not None:
            found.setdefault(reading.score_block, reading)
    return [found[number] for number in plan.task_blocks if number in found]
