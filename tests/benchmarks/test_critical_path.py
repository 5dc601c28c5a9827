"""CPU time of the critical path, stage by stage: everything between a decoded volume and its message."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from bench_runs import LongRun

from rtfmri.acquisition.recorded import read_recording
from rtfmri.engine.materials import read_materials
from rtfmri.pipeline import begin, step, warm_up
from rtfmri.study import load_study
from rtfmri.volume import Volume

VOLUMES = 100
STAGES = (("realign",), ("sample", "signal"))
LIMITS_MS = {"64x64x36": (5.0, 1.0), "104x104x72": (15.0, 2.0)}  # estimate with its prefilter; sampling, GLM and feedback


@pytest.mark.parametrize("size", LIMITS_MS)
def test_cpu_of_the_critical_path(long_run: Callable[[str], LongRun], size: str) -> None:
    run = long_run(size)
    study = load_study(run.study)
    volumes = [item for item in read_recording(run.rendering.folder / "dicoms", study.acquisition) if isinstance(item, Volume)]
    warm_up()
    setup, state = begin(study, "feedback", read_materials(study), volumes[0])
    stages = []
    for volume in volumes[:VOLUMES]:
        state, message = step(setup, state, volume, False, time.thread_time)
        if "realign" in message.timing.latency_ms:
            stages.append(message.timing.latency_ms)
    estimate, after = (np.median([sum(laps.get(name, 0.0) for name in names) for laps in stages]) for names in STAGES)
    print(
        f"\n{size}: estimate with prefilter {estimate:.2f} ms, sampling + quality + GLM + feedback {after:.2f} ms, "
        f"the reference once {stages[0].get('prepare', 0.0):.0f} ms (CPU, medians of {len(stages)} volumes)"
    )
    estimate_ms, after_ms = LIMITS_MS[size]
    assert estimate <= estimate_ms
    assert after <= after_ms
