"""What all tests share: a small run with known truth, rendered once; the real scanner data where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.pipeline import warm_up
from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import load_scenario
from rtfmri.study import Study, load_study
from rtfmri.volume import Volume

if TYPE_CHECKING:
    from playwright.sync_api import Browser

settings.register_profile("rtfmri", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
settings.load_profile("rtfmri")

ROOT = Path(__file__).parents[1]
SIM_DATA = ROOT / "sim_data"
REAL_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One chromium for all pages that are looked at."""
    from chromium_browser import chromium  # playwright, for those that need it

    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    """A minute of a phantom: DICOMs and truth."""
    return render(load_scenario(SIM_DATA / "small_scenario.toml"), tmp_path_factory.mktemp("small") / "scanner")


@pytest.fixture(scope="session")
def small_study() -> Study:
    return load_study(SIM_DATA / "small_study.toml")


@pytest.fixture(scope="session")
def small_volumes(small_run: Rendering, small_study: Study) -> tuple[Volume, ...]:
    """The volumes of the small run, as the scanner's files give them."""
    warm_up()
    items = read_dicoms(small_run.folder / "dicoms", small_study.acquisition.series, small_study.acquisition)
    return tuple(item for item in items if isinstance(item, Volume))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """../shared/data; a test that asks for it is skipped where it is absent."""
    if not REAL_DATA.is_dir():
        pytest.skip("the real scanner data (../shared/data) is not here")
    return REAL_DATA
