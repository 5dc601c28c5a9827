"""Runs of a phantom whose regulation is known, and what the pipeline makes of their volumes.

A run is six blocks of 40 s between rests of 30 s, TR 1.5 s, 64 x 64 x 36 voxels. Each block's difference is drawn from +-0.5 %, and both
regions respond alike by up to 0.3 % beside it. The head wanders and coughs twice, three volumes are too bright and one has a dark slice,
the scanner drifts, 2 % of the volumes never come. Everything is drawn from the seed, so two kinds of the same seed differ in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.engine.materials import read_materials
from rtfmri.messages import VolumeMessage
from rtfmri.pipeline import Setup, begin, step
from rtfmri.signals.rois import roi_mean
from rtfmri.simulate.render import render
from rtfmri.simulate.scenario import Jump, Scenario, Spike, load_scenario, plan_run
from rtfmri.simulate.truth import Truth
from rtfmri.study import Study, load_study
from rtfmri.study.regions import RoiRule
from rtfmri.volume import Missing, Volume

HERE = Path(__file__).parent
MISSING = 0.02
USUAL = {"thermal_tsnr": 120, "physiological_percent": 0.4, "respiratory_percent": 0.2, "cardiac_percent": 0.6}
NOD = {"task_mm": (0.0, 0.15, 0.45), "task_deg": (0.3, 0.0, 0.0)}  # together 0.5 mm and a nod
SLOW_BREATH = {"task_respiratory_hz": 0.1, "task_breathing_percent": 0.5}
KINDS: dict[str, dict[str, dict[str, Any]]] = {
    "quiet": {},
    "usual": {"noise": USUAL},
    "restless": {"motion": {"drift_mm": 2.0, "drift_deg": 1.5}},
    "head moves 0.5 mm with the task": {"motion": NOD},
    "breathing slows with the task": {"noise": SLOW_BREATH},
}


@dataclass(frozen=True, eq=False)
class Measured:
    """A run through the pipeline: its messages, and the regions' means (N, 2) where their voxels lay in the reference, NaN where none."""

    study: Study
    setup: Setup
    truth: Truth
    amplitudes: np.ndarray  # (B,) percent, of the difference
    messages: list[VolumeMessage]
    unrealigned: np.ndarray
    spikes: tuple[int, ...]
    coughs: tuple[int, ...]


def measured(kind: str, seed: int, folder: Path) -> Measured:
    """Render a run of this kind into ``folder`` (new or empty) and send it through the pipeline."""
    scenario, missing = scenario_of(kind, seed)
    rendering = render(scenario, folder)
    study = with_masks(load_study(scenario.study), folder / "truth")
    items = list(read_dicoms(folder / "dicoms", study.acquisition.series, study.acquisition, obey_missing=missing))
    volumes = [item for item in items if isinstance(item, Volume | Missing)]
    setup, messages = through_the_pipeline(study, volumes)
    dlpfc, tpj = (np.array(scenario.amplitudes_percent[name]) for name in ("dlpfc", "tpj"))
    return Measured(
        study,
        setup,
        rendering.truth,
        0.5 * (dlpfc - tpj),
        messages,
        where_the_reference_has_them(setup, volumes),
        tuple(spike.volume for spike in scenario.spikes),
        tuple(jump.volume for jump in scenario.motion.jumps),
    )


def scenario_of(kind: str, seed: int) -> tuple[Scenario, frozenset[int]]:
    """The scenario, and the volumes that will be missing."""
    base = load_scenario(HERE / "phantom_truth_scenario.toml")
    plan = plan_run(base)
    rng = np.random.default_rng(seed)
    blocks = sum(block.role == "regulate" for block in plan.blocks)
    difference, both = rng.uniform(-0.5, 0.5, blocks), rng.uniform(0.0, 0.3, blocks)
    events = rng.choice(np.arange(40, plan.n_volumes - 10), 6, replace=False).tolist()
    spikes = [Spike(volume=v, percent=3.0) for v in events[:3]] + [Spike(volume=events[3], kind="slice", percent=40.0)]
    coughs = [Jump(volume=v, trans_mm=(0.1, 0.3, 0.7), rot_deg=(0.3, 0.0, 0.1), remains=0.3) for v in events[4:]]
    missing = np.flatnonzero(rng.uniform(size=plan.n_volumes) < MISSING)
    changes = KINDS[kind]
    update = {
        "seed": seed,
        "amplitudes_percent": {"dlpfc": tuple((both + difference).tolist()), "tpj": tuple((both - difference).tolist())},
        "spikes": tuple(spikes),
        "motion": base.motion.model_copy(update={"jumps": tuple(coughs), **changes.get("motion", {})}),
        "noise": base.noise.model_copy(update=changes.get("noise", {})),
    }
    return base.model_copy(update=update), frozenset(missing.tolist())


def with_masks(study: Study, folder: Path) -> Study:
    """The study with the masks of ``folder`` for its regions."""
    rois = [RoiRule(name=roi.name, weight=roi.weight, mask=folder / f"roi_{roi.name}.nii.gz") for roi in study.roi]
    return study.model_copy(update={"roi": tuple(rois)})


def through_the_pipeline(study: Study, items: list[Volume | Missing]) -> tuple[Setup, list[VolumeMessage]]:
    first = next(item for item in items if isinstance(item, Volume))
    setup, state = begin(study, "feedback", read_materials(study), first)
    messages = []
    for item in items:
        state, message = step(setup, state, item, False, lambda: 0.0)
        messages.append(message)
    return setup, messages


def where_the_reference_has_them(setup: Setup, items: list[Volume | Missing]) -> np.ndarray:
    """(N, 2): the regions' means as they are without realignment."""
    means = np.full((setup.planned, len(setup.rois)), np.nan)
    for item in items:
        if isinstance(item, Volume):
            means[item.index] = [roi_mean(item.data[tuple(roi.voxels.T)].astype(float), roi.weights) for roi in setup.rois]
    return means
