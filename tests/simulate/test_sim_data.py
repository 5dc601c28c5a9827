"""The files in ``sim_data``: each loads, fits its run, and its masks are what regenerating gives."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from simulate_helpers import SIM_DATA, voxels

from rtfmri.paradigm import planned_volumes, volumes_of
from rtfmri.simulate.__main__ import main
from rtfmri.simulate.faults import FAULTS
from rtfmri.simulate.scenario import load_scenario, plan_run
from rtfmri.study import load_study

REAL = SIM_DATA.parents[1] / "shared" / "data" / "siemens_mosaic_bold"
SCENARIOS = ("demo", "small")


@pytest.mark.parametrize("name", SCENARIOS)
def test_committed_masks_are_those_that_regenerating_gives(name: str, tmp_path: Path) -> None:
    assert main([str(SIM_DATA / f"{name}_scenario.toml"), str(tmp_path)]) == 0
    for region in ("dlpfc", "tpj"):
        committed, again = (nib.load(folder / f"roi_{region}.nii.gz") for folder in (SIM_DATA / name, tmp_path))
        np.testing.assert_array_equal(voxels(committed), voxels(again))
        np.testing.assert_allclose(committed.affine, again.affine)
        assert voxels(committed).sum() >= 20


@pytest.mark.parametrize("name", ["ge", "philips", "xa", "faults"])
def test_the_small_run_as_other_scanners_write_it_differs_in_nothing_else(name: str) -> None:
    ours, small = (load_scenario(SIM_DATA / f"small{part}_scenario.toml") for part in (f"_{name}", ""))
    assert ours.model_copy(update={"flavour": "mosaic", "faults": ()}) == small
    assert (ours.flavour, ours.faults) != (small.flavour, small.faults)


def test_the_bad_day_holds_most_kinds_of_fault() -> None:
    kinds = {fault.kind for fault in load_scenario(SIM_DATA / "small_faults_scenario.toml").faults}
    assert set(FAULTS) - kinds <= {
        "slow_copy",
        "missing_slice",
        "reorder_slices",
        "restart",
        "restart_in_series",
    }  # of slices, or the run's end


def test_the_demo_is_three_minutes_with_two_blocks_that_differ() -> None:
    scenario = load_scenario(SIM_DATA / "demo_scenario.toml")
    plan = plan_run(scenario)
    assert (plan.n_volumes, plan.reference, scenario.tr_s) == (196, 10, 1.0)
    assert scenario.shape == (64, 64, 36)
    assert sum(block.role == "regulate" for block in plan.blocks) == 2
    for amplitudes in scenario.amplitudes_percent.values():
        assert amplitudes[0] != amplitudes[1]


def test_the_example_study_loads_and_its_regions_are_provisional() -> None:
    study = load_study(SIM_DATA / "example_study.toml")
    assert [roi.provisional for roi in study.roi] == [True, True]
    assert {block.role for block in study.blocks(1.0)} == {"dummy", "rest", "regulate", "other"}


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded run in ../shared/data is not here")
def test_the_study_of_the_recorded_run_plans_its_155_volumes() -> None:
    study = load_study(SIM_DATA / "siemens_mosaic_bold_study.toml")
    blocks = study.blocks(1.97)
    assert planned_volumes(blocks, 1.97) == len(list((REAL / "dicoms").glob("*.dcm"))) == 155
    regulate = [volumes_of(block, 1.97) for block in blocks if block.role == "regulate"]
    assert regulate == [range(first, first + 10) for first in range(10, 140, 20)]  # 11-20, 31-40 ... counted from one


def test_the_masks_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "SCENARIO FOLDER" in capsys.readouterr().err


def test_the_masks_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere.toml"), str(tmp_path)]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_committed_data_stays_small() -> None:
    assert sum(path.stat().st_size for path in SIM_DATA.rglob("*") if path.is_file()) < 1_000_000
