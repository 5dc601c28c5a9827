"""Scenario files: read, checked against their study, every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulate_helpers import QUICK_STUDY

from rtfmri.errors import StudyError
from rtfmri.simulate.scenario import Scenario, load_scenario, plan_run, read_scenario

GOOD = """
study = "study.toml"
seed = 1
tr_s = 1.0
shape = [32, 32, 12]
voxel_size_mm = [6, 6, 6]
amplitudes_percent = { dlpfc = [1.0], tpj = [-1.0] }
"""


def problems_of(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "study.toml").write_text(QUICK_STUDY, encoding="utf-8")
    (folder / "scenario.toml").write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as refused:
        load_scenario(folder / "scenario.toml")
    return refused.value.problems


def test_a_scenario_follows_the_blocks_of_its_study(small: Scenario) -> None:
    plan = plan_run(small)
    assert plan.n_volumes == 64
    assert plan.reference == 4
    assert [block.role for block in plan.blocks] == ["dummy", "rest", "regulate", "rest", "regulate", "rest"]


def test_every_mistake_in_a_scenario_is_reported_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("seed = 1\n", "sed = 1\n").replace("[32, 32, 12]", "[33, 32, 12]").replace("dlpfc", "dlpcf")
    problems = "\n".join(problems_of(tmp_path, text))
    for said in ("seed: this is needed", "sed: there is no such setting", "even number", "no region dlpcf"):
        assert said in problems


def test_every_disagreement_with_the_study_is_reported_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("tr_s = 1.0", "tr_s = 2.0").replace("tpj = [-1.0]", "tpj = [-1.0, 2.0]")
        + 'spikes = [{ volume = 500, kind = "gain" }]\n'
    )
    problems = "\n".join(problems_of(tmp_path, text))
    for said in ("expects a TR of 1 s", "tpj has 2 values for 1 regulation", "spike at volume 500"):
        assert said in problems


def test_mistakes_in_faults_and_flavour_are_reported_with_their_place(tmp_path: Path) -> None:
    text = GOOD + 'flavour = "hitachi"\nfaults = [{ kind = "stall", volume = 3 }, { kind = "stal", volume = -1, by_tr = 0 }]\n'
    problems = "\n".join(problems_of(tmp_path, text))
    for said in ("flavour: ", "'hitachi'", "faults.2.kind: ", "faults.2.volume: ", "faults.2.by_tr: "):
        assert said in problems


def test_a_fault_after_the_end_of_the_run_is_refused(tmp_path: Path) -> None:
    text = GOOD + 'faults = [{ kind = "stall", volume = 99 }]\n'
    assert "fault at volume 99: the run ends with volume 19" in problems_of(tmp_path, text)[0]


def test_regions_that_the_study_does_not_have_are_refused(tmp_path: Path) -> None:
    assert "regions" in problems_of(tmp_path, GOOD.replace(", tpj = [-1.0]", ""))[0]


def test_a_scenario_that_is_no_toml_is_refused_in_a_sentence(tmp_path: Path) -> None:
    assert "not valid TOML" in problems_of(tmp_path, "seed = = 1")[0]


def test_an_absent_scenario_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read"):
        load_scenario(tmp_path / "nowhere.toml")


def test_a_scenario_can_be_read_before_its_study_is_there(tmp_path: Path) -> None:
    (tmp_path / "scenario.toml").write_text(GOOD, encoding="utf-8")
    assert read_scenario(tmp_path / "scenario.toml").study == tmp_path / "study.toml"
