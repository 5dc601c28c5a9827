"""The simulated belt and pulse: of the same body as the images, and found again by the regressors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rtfmri.record.physio import read_physio
from rtfmri.signals.physiology.feed import as_if_live, begin_feed, up_to, volume_columns
from rtfmri.signals.physiology.plan import mid_volume, plan_physiology
from rtfmri.simulate.noise import wandering_rad
from rtfmri.simulate.physio import BEFORE_S, NAME
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scenario import load_scenario, plan_run
from rtfmri.study.physiology import Physiology

SCENARIO = Path(__file__).parents[2] / "sim_data" / "small_scenario.toml"


def test_the_scanners_pulses_stand_at_each_volumes_start(small_run: Rendering) -> None:
    record = read_physio(small_run.folder / NAME)
    high = record.column("trigger") > 0.5
    rises = np.flatnonzero(high[1:] & ~high[:-1]) + 1
    np.testing.assert_allclose(rises / record.rate_hz + record.start_s, np.arange(64) * small_run.tr_s, atol=0.5 / record.rate_hz)
    assert record.start_s == -BEFORE_S


@pytest.mark.parametrize(("signal", "first"), [("cardiac", 0), ("respiratory", 4)])
def test_the_regressors_find_the_phase_that_disturbs_the_images(small_run: Rendering, signal: str, first: int) -> None:
    """Up to a constant, which the model's coefficients take up."""
    scenario = load_scenario(SCENARIO)
    record, rule = read_physio(small_run.folder / NAME), Physiology()
    plan = plan_physiology(rule, record.rate_hz, record.columns)
    feed, found, signals = begin_feed(plan), [], [record.column(name) for name in (rule.cardiac, rule.respiratory)]
    for index in range(64):
        used = as_if_live(plan, record.start_s, (index + 1) * small_run.tr_s + 0.3, len(record.samples))
        feed = up_to(plan, feed, used, *signals)
        feed, reading = volume_columns(plan, feed, used, index * small_run.tr_s, mid_volume(small_run.tr_s))
        found.append(np.arctan2(reading.columns[first + 1], reading.columns[first]))
    wander = wandering_rad(scenario, 64, plan_run(scenario).blocks)[:, 0 if signal == "respiratory" else 1]
    true = 2 * np.pi * getattr(scenario.noise, f"{signal}_hz") * (np.arange(64) + 0.5) * small_run.tr_s + wander
    agreement = abs(np.exp(1j * (np.array(found) - true)).mean())
    print(f"{signal}: agreement {agreement:.3f}")
    assert agreement > 0.85
