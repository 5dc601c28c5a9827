"""Benchmarks run on request (`make bench`), print what they measured, and fail where the figure asked for is missed."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import load_scenario


@pytest.fixture(scope="session")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    """320 mosaics of 64x64x36."""
    scenario = load_scenario(Path(__file__).parent / "latency_scenario.toml")
    return render(scenario, tmp_path_factory.mktemp("latency") / "scanner")
