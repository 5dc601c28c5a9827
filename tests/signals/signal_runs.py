"""Runs for the tests of the signal path: studies without files, autocorrelated noise, and the offline fit that judges the stream."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from rtfmri.paradigm import Block, planned_volumes
from rtfmri.signals.plan import SignalPlan, plan_signal
from rtfmri.signals.stream import Reading, Sample, SignalState, start, update
from rtfmri.study import Study, parse_study
from rtfmri.volume import Array

CYCLE = ({"block": "rest", "s": 30}, {"block": "self_compassion", "s": 40}, {"block": "rate", "s": 10})
LEVEL = 1000.0
PLAIN = {"prior": {"enabled": False}, "score": "window"}  # plain least squares, which numpy's judges; not the defaults


def a_study(cycle=CYCLE, repeat: int = 3, final_rest_s: float = 30.0, dummies: int = 5, **signal) -> Study:
    rois = [
        {"name": "dlpfc", "sphere_mni_mm": [42, 36, 28], "weight": 0.5},
        {"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": -0.5},
    ]
    return parse_study(
        {
            "study": {"name": "test"},
            "acquisition": {"dummies": dummies},
            "roi": rois,
            "paradigm": {"cycle": list(cycle), "repeat": repeat, "final_rest_s": final_rest_s},
            "signal": PLAIN | signal,
            **({"physiology": {}} if "physiology" in signal.get("nuisance", ()) else {}),
        },
        Path("."),
    )


def a_plan(study: Study, tr_s: float = 1.0) -> tuple[SignalPlan, tuple[Block, ...]]:
    blocks = study.blocks(tr_s)
    return plan_signal(study, blocks, tr_s, planned_volumes(blocks, tr_s)), blocks


def ar1(rng: np.random.Generator, volumes: int, series: int, rho: float) -> Array:
    """(volumes, series) of unit variance."""
    white = rng.standard_normal((volumes + 200, series))
    return lfilter([np.sqrt(1 - rho**2)], [1, -rho], white, axis=0)[200:]


def wandering_head(rng: np.random.Generator, volumes: int) -> Array:
    """(volumes, 6): a slow walk with jitter, in mm and rad."""
    scale = np.array([0.02, 0.02, 0.02, 3e-4, 3e-4, 3e-4])
    return (np.cumsum(rng.standard_normal((volumes, 6)), axis=0) + rng.standard_normal((volumes, 6))) * scale


def samples_of(raw: Array, motion: Array | None = None, flagged=(), missing=(), paused=()) -> list[Sample]:
    return [
        Sample(
            index=i,
            raw=None if i in missing else tuple(float(value) for value in raw[i]),
            motion=None if motion is None or i in missing else tuple(float(value) for value in motion[i]),
            flagged=i in flagged,
            paused=i in paused,
        )
        for i in range(len(raw))
    ]


def stream(plan: SignalPlan, samples: list[Sample]) -> tuple[SignalState, list[Reading]]:
    state, readings = start(plan), []
    for sample in samples:
        state, reading = update(plan, state, sample)
        readings.append(reading)
    return state, readings


@dataclass(frozen=True)
class Offline:
    """The same model fitted offline, by numpy, to the used volumes up to one volume."""

    design: Array  # (n, P), rows of all volumes up to the last, active columns that are not empty
    nuisance: Array  # (P,)
    used: Array  # (n,) of bool
    values: Array  # (n, K)
    coefficients: Array  # (P, K)
    full_rank: bool

    @property
    def cleaned(self) -> Array:
        centred = self.design - self.design[self.used].mean(axis=0)
        return self.values - (centred * self.nuisance) @ self.coefficients

    @property
    def residuals(self) -> Array:
        return np.where(self.used[:, None], self.values - self.design @ self.coefficients, 0.0)


def usable(plan: SignalPlan, samples: list[Sample]) -> Array:
    return np.array([s.raw is not None and not s.flagged and not s.paused and s.index >= plan.dummies for s in samples])


def fit_offline(plan: SignalPlan, samples: list[Sample]) -> Offline:
    """The oracle after the last of ``samples``."""
    n = len(samples)
    design = plan.design[:, :n].T.copy()
    for sample in samples:
        design[sample.index, plan.motion] = sample.motion or 0.0
    used = usable(plan, samples)
    there = (plan.active_from < n) & (design[used] != 0).any(axis=0)
    values = np.array([sample.raw or (0.0,) * len(plan.roi_names) for sample in samples])
    coefficients, _, rank, _ = np.linalg.lstsq(design[used][:, there], values[used], rcond=None)
    return Offline(design[:, there], plan.nuisance[there], used, values, coefficients, bool(rank == there.sum()))


def with_raw(sample: Sample, raw: tuple[float, ...]) -> Sample:
    return replace(sample, raw=raw)
