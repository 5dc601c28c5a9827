"""The small scenario, set up once (and rendered once for the whole suite), and a quicker one without disturbances."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import pytest
from simulate_helpers import QUICK_SCENARIO, QUICK_STUDY, SIM_DATA, converted

from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scenario import Scenario, load_scenario
from rtfmri.simulate.setup import Setup, set_up


@pytest.fixture(scope="session")
def small() -> Scenario:
    return load_scenario(SIM_DATA / "small_scenario.toml")


@pytest.fixture(scope="session")
def small_setup(small: Scenario) -> Setup:
    return set_up(small)


@pytest.fixture(scope="session")
def quick_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty volumes of 36 x 40 x 18; no motion, no noise but the rounding to whole numbers."""
    folder = tmp_path_factory.mktemp("quick")
    (folder / "study.toml").write_text(QUICK_STUDY, encoding="utf-8")
    (folder / "scenario.toml").write_text(QUICK_SCENARIO, encoding="utf-8")
    return folder / "scenario.toml"


@pytest.fixture(scope="session")
def quick(quick_file: Path) -> Scenario:
    return load_scenario(quick_file)


@pytest.fixture(scope="session")
def as_nifti(small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> nib.Nifti1Image:
    """The small run as dcm2niix reads it."""
    return converted(small_run.folder / "dicoms", tmp_path_factory.mktemp("nifti"))
