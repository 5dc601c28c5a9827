"""A study file, and what a bad one says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.study import load_study, parse_study

GOOD: dict[str, Any] = {
    "study": {"name": "self-compassion"},
    "roi": [
        {"name": "dlpfc", "sphere_mni_mm": [42, 36, 28], "weight": 0.5},
        {"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": -0.5},
    ],
    "paradigm": {"cycle": [{"block": "rest", "s": 30}, {"block": "self_compassion", "s": 40}, {"block": "show", "s": 6}], "repeat": 2},
}


def with_(**sections: Any) -> dict[str, Any]:
    return {**GOOD, **sections}


def problems_of(plain: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(StudyError) as caught:
        parse_study(plain, Path())
    return caught.value.problems


def test_blocks_know_what_the_analysis_makes_of_them() -> None:
    study = parse_study(GOOD, Path())
    assert [block.role for block in study.blocks(1.0)] == ["rest", "regulate", "other"] * 2


def test_every_mistake_is_reported_at_once_with_its_place() -> None:
    bad = with_(
        study={"name": ""},
        acquisition={"dummies": -1, "sereis": {}},
        roi=[{"name": "a b", "weight": "x", "mask": "m.nii"}],
        paradigm={"cycle": [{"block": "rest", "s": -3}]},
    )
    places = [problem.split(":")[0] for problem in problems_of(bad)]
    assert sorted(places) == sorted(
        ["study.name", "acquisition.dummies", "acquisition.sereis", "roi.1.name", "roi.1.weight", "paradigm.cycle.1.s"]
    )


def test_an_unknown_setting_is_a_spelling_mistake() -> None:
    assert problems_of(with_(signal={"smooth_volume": 3})) == ("signal.smooth_volume: there is no such setting; check the spelling.",)


def test_short_rests_ask_for_their_own_window() -> None:
    short = {"cycle": [{"block": "rest", "s": 19.7}, {"block": "up", "s": 19.7}]}
    assert "19.7 s" in problems_of(with_(paradigm=short))[0]
    assert parse_study(with_(paradigm=short, signal={"baseline": {"onset_s": 8, "last_s": 12}}), Path())


def test_a_cycle_without_rest_is_refused() -> None:
    assert "no rest block" in problems_of(with_(paradigm={"cycle": [{"block": "up", "s": 40}]}))[0]


def test_a_mask_that_is_not_there_is_named() -> None:
    problem = problems_of(with_(roi=[{"name": "tpj", "mask": "nowhere.nii.gz", "weight": 1.0}]))[0]
    assert "roi tpj" in problem
    assert "nowhere.nii.gz" in problem


def test_a_region_has_one_source() -> None:
    assert "either mask" in problems_of(with_(roi=[{"name": "tpj", "weight": 1.0}]))[0]


def test_two_regions_of_one_name_are_refused() -> None:
    assert "same name" in problems_of(with_(roi=[GOOD["roi"][0], GOOD["roi"][0]]))[0]


@pytest.mark.parametrize(("text", "said"), [("[study\n", "not valid TOML"), (None, "cannot be read")])
def test_an_unreadable_file_is_one_sentence(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "study.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StudyError, match=said):
        load_study(path)


def test_a_binary_file_is_no_study(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xff\xfe\x00DICM")
    with pytest.raises(StudyError, match="not a text file"):
        load_study(path)


def test_the_last_run_plan_serves_all_that_follow() -> None:
    study = parse_study(with_(run=[{"kind": "no_feedback"}, {"kind": "feedback"}]), Path())
    kinds = [study.plan(Entities(sub="01", run=run)).kind for run in (1, 2, 3)]
    assert kinds == ["no_feedback", "feedback", "feedback"]


def test_the_resolved_study_reads_back_as_the_same_study() -> None:
    study = parse_study(GOOD, Path())
    assert parse_study(study.resolved(), Path()) == study


def test_the_task_label_is_bids() -> None:
    assert parse_study(GOOD, Path()).task == "selfcompassion"


@pytest.mark.parametrize(
    "signal", [{"filter": "ema"}, {"filter": "kalman"}, {"measure": {"kind": "correlation", "rois": ["dlpfc", "tpj"]}}]
)
def test_what_was_resolved_can_be_read_again(signal: dict[str, Any]) -> None:
    study = parse_study(with_(signal=signal), Path())
    assert parse_study(study.resolved(), Path()).resolved() == study.resolved()
