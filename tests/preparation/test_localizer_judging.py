"""Contrast, halves, effect and range of a localizer, on series whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rtfmri.errors import StudyError
from rtfmri.messages import VolumeMessage
from rtfmri.paradigm import planned_volumes
from rtfmri.preparation.localizer import ENDING, Localized, Range, Region, load_localizer
from rtfmri.preparation.localizer_contrast import asked_contrast, blocks_in, contrast_and_halves
from rtfmri.preparation.localizer_effect import Effect, effect_of, mean_effect, refuse_without_effect, unusable
from rtfmri.preparation.localizer_range import Values, adaptive_range, localizer_range, values_in_blocks
from rtfmri.signals import glm
from rtfmri.signals.compare import model
from rtfmri.signals.plan import SignalPlan, plan_signal
from rtfmri.study import Study, parse_study

CYCLE = [{"block": "rest", "s": 30}, {"block": "kind", "s": 30}, {"block": "rest", "s": 30}, {"block": "hard", "s": 30}]
ROIS = [{"name": "dlpfc", "sphere_mni_mm": [42, 36, 28], "weight": 0.5}, {"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": -0.5}]


def a_study(repeat: int = 3, **more) -> Study:
    plain = {"study": {"name": "x"}, "roi": ROIS, "paradigm": {"cycle": CYCLE, "repeat": repeat, "final_rest_s": 30.0}}
    return parse_study({**plain, "signal": {"nuisance": ["drift"]}, **more}, Path("."))


def plan_of(study: Study) -> SignalPlan:
    blocks = study.blocks(1.0)
    return plan_signal(study, blocks, 1.0, planned_volumes(blocks, 1.0))


def absorbed(plan: SignalPlan, percent: tuple[np.ndarray, np.ndarray], sd_percent: float, seed: int) -> glm.Observations:
    """A run whose two regions follow ``percent`` (blocks,) of their own plateau, in white noise."""
    rng = np.random.default_rng(seed)
    clean = np.array([1000.0 * (1.0 + amplitudes @ plan.design[plan.tasks] / 100.0) for amplitudes in percent])
    values = clean + 10.0 * sd_percent * rng.standard_normal(clean.shape)
    observations = glm.room_for(len(plan.design), 2, plan.planned_volumes)
    for index in range(plan.planned_volumes):
        glm.note(observations, index, plan.design[:, index], values[:, index])
        glm.absorb(observations, index)
    return observations


@pytest.mark.parametrize(
    ("name", "plus", "minus", "words", "weights"),
    [
        (None, (), (), "kind and hard - rest", [1, 1, 1, 1, 1, 1]),
        (None, ("kind",), ("hard",), "kind - hard", [2, -2, 2, -2, 2, -2]),
        (None, ("rest",), ("hard",), "rest - hard", [0, -2, 0, -2, 0, -2]),
        (None, ("rest",), (), "rest - kind and hard", [-1, -1, -1, -1, -1, -1]),
        (None, ("kind",), ("rest",), "kind - rest", [2, 0, 2, 0, 2, 0]),
        ("own", (), (), "hard - kind", [-2, 2, -2, 2, -2, 2]),
    ],
)
def test_a_comparison_weighs_its_blocks_and_its_halves_share_none(name, plus, minus, words, weights) -> None:
    study = a_study(contrast=[{"name": "own", "plus": ["hard"], "minus": ["kind"]}])
    plan = plan_of(study)
    asked = asked_contrast(study, name, plus, minus)
    whole, halves = contrast_and_halves(plan, study.blocks(1.0), asked)
    assert asked.words == words
    np.testing.assert_allclose(whole[plan.tasks], np.array(weights) / 6)
    assert not (blocks_in(plan, halves[0]) & blocks_in(plan, halves[1]))
    assert blocks_in(plan, halves[0]) | blocks_in(plan, halves[1]) == blocks_in(plan, whole)
    for half in halves:
        for sign in (1, -1):
            assert half[sign * half > 0].sum() == pytest.approx(whole[sign * whole > 0].sum()), "a half is in the whole's unit"


def test_comparisons_that_mean_nothing_are_refused() -> None:
    study = a_study()
    for arguments, words in (
        (("nope", (), ()), "no contrast nope; its contrasts are: none"),
        (("x", ("kind",), ()), "either --contrast"),
        ((None, ("rest",), ("rest",)), "at least one of them names a regulation block"),
    ):
        with pytest.raises(StudyError, match=words):
            asked_contrast(study, *arguments)
    with pytest.raises(StudyError, match="no regulation block 'jump'"):
        contrast_and_halves(plan_of(study), study.blocks(1.0), asked_contrast(study, None, ("jump",), ()))
    once = a_study(repeat=1)
    with pytest.raises(StudyError, match="only one block of a kind; two are needed"):
        contrast_and_halves(plan_of(once), once.blocks(1.0), asked_contrast(once, None, ("kind",), ("hard",)))


def test_the_effect_is_the_amplitude_of_the_blocks_asked_and_its_error_is_honest() -> None:
    study = a_study()
    plan = plan_of(study)
    whole, _ = contrast_and_halves(plan, study.blocks(1.0), asked_contrast(study, None, ("kind",), ("hard",)))
    amplitudes = np.array([0.9, 0.1, 0.6, 0.2, 0.6, 0.3]), np.zeros(6)
    mean_response = np.mean([plan.design[plan.tasks][0][list(plan.scores[0].volumes)]])  # a window's mean, of a plateau of 1
    found = [effect_of(plan, model(plan, absorbed(plan, amplitudes, 0.4, seed), plan.planned_volumes), whole, 0) for seed in range(40)]
    percent = np.array([effect.percent for effect in found])
    assert percent.mean() == pytest.approx(0.5 * mean_response, abs=0.03)
    assert np.mean([effect.se for effect in found]) == pytest.approx(percent.std(), rel=0.3)


def test_noise_is_refused_as_no_effect_about_as_often_as_promised() -> None:
    study = a_study()
    plan = plan_of(study)
    whole, _ = contrast_and_halves(plan, study.blocks(1.0), asked_contrast(study, None, (), ()))
    zeros = np.zeros(6), np.zeros(6)
    found = [effect_of(plan, model(plan, absorbed(plan, zeros, 0.4, seed), plan.planned_volumes), whole, 1).found for seed in range(150)]
    assert np.mean(found) < 0.12, "one-sided 5 % and its sampling error"


def test_what_has_no_effect_or_a_negative_one_is_refused_in_these_words() -> None:
    for effect, words in (
        (Effect(-0.4, 0.1), "the effect of a - b is negative, -0.40 %"),
        (Effect(0.1, 0.1), "no effect of a - b was found"),
        (Effect(0.1, None), "cannot be measured"),
        (None, "cannot be measured"),
    ):
        with pytest.raises(StudyError, match=f"tpj: .*{words}"):
            refuse_without_effect("tpj", "a - b", effect)
    assert refuse_without_effect("tpj", "a - b", Effect(0.4, 0.1)) == Effect(0.4, 0.1)
    assert mean_effect(Effect(1.0, 0.3), Effect(0.0, 0.4)) == Effect(0.5, 0.25)


def test_a_run_with_much_motion_or_few_volumes_is_refused_with_every_reason() -> None:
    study = a_study()
    plan = plan_of(study)
    whole, _ = contrast_and_halves(plan, study.blocks(1.0), asked_contrast(study, None, (), ()))
    used = np.ones(plan.planned_volumes, dtype=bool)
    assert unusable(plan, used, 10, len(used), whole) == []
    assert "the head moved too much" in unusable(plan, used, 200, len(used), whole)[0]
    used[40:60] = False
    (said,) = unusable(plan, used, 10, len(used), whole)
    assert said.startswith("Fewer than half of the volumes of block 2,")
    few = np.zeros_like(used)
    few[:20] = True
    assert any("20 volumes are usable for a model of" in reason for reason in unusable(plan, few, 0, 20, whole))


def message(index: int, value: float | None, validity: str = "ok", se: float = 0.1) -> VolumeMessage:
    return VolumeMessage(index=index, condition=None, block=None, validity=validity, value=value, value_se=se)


def test_only_settled_values_of_regulation_windows_count_for_the_range() -> None:
    plan = plan_of(a_study())
    inside, outside = plan.scores[0].volumes, plan.scores[0].baseline
    messages = [message(index, 1.0) for index in inside] + [message(index, 50.0) for index in outside]
    messages[3] = replace_validity(messages[3], "held")
    messages[4] = replace_validity(messages[4], "settling")
    messages[5] = messages[5].model_copy(update={"value": None, "validity": "missing"})
    values = values_in_blocks(plan.signal, plan.scores, messages)
    assert values.above.tolist() == [1.0] * (len(inside) - 3)
    assert len(values_in_blocks(plan.signal, plan.scores, messages, blocks=frozenset({3})).above) == 0


def replace_validity(told: VolumeMessage, validity: str) -> VolumeMessage:
    return told.model_copy(update={"validity": validity})


def test_the_range_is_the_upper_quartile_within_its_limits() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0.5, 0.4, 200)
    errors = np.full(200, 0.2)
    found = localizer_range(Values(values, errors), 1.0)
    assert found.full == pytest.approx(np.quantile(values, 0.75))
    assert localizer_range(Values(values * 100, errors), 1.0).full == 4.0
    assert localizer_range(Values(values / 10, errors / 100), 1.0).full == 0.25


@pytest.mark.parametrize(
    ("values", "why"),
    [(np.full(9, 2.0), "only 9 settled values"), (np.linspace(-1, 0.1, 50), "not above the values' own"), (-np.ones(50), "not above")],
)
def test_without_a_usable_quartile_the_studys_range_is_kept_and_it_is_said_why(values: np.ndarray, why: str) -> None:
    found = localizer_range(Values(values, np.full(len(values), 0.3)), 1.2)
    assert found.full == 1.2
    assert why in found.why
    assert found.why.endswith("the study's own range is kept")


@pytest.mark.parametrize(
    ("level", "last", "expected"), [(0.8, 1.0, 0.8), (3.0, 1.0, 1.5), (0.3, 1.0, 1 / 1.5), (9.0, 3.5, 4.0), (-1.0, 0.7, 0.7)]
)
def test_an_adaptive_range_follows_the_last_run_by_a_bounded_step(level: float, last: float, expected: float) -> None:
    study = a_study()
    told = [message(index, level) for score in plan_of(study).scores for index in score.volumes]
    assert adaptive_range(study, 1.0, told, last, 1.0).full == pytest.approx(expected)


def test_a_blind_run_does_not_change_the_range() -> None:
    study = a_study()
    told = [message(index, None) for score in plan_of(study).scores for index in score.volumes]
    assert adaptive_range(study, 1.0, told, 0.9, 1.0).full == 0.9


def a_result(folder: Path, run: int = 1) -> Localized:
    folder.mkdir(parents=True, exist_ok=True)
    label = f"sub-07_ses-01_task-x_run-{run:02d}"
    region = Region(f"{label}_desc-tpjLocalized_mask.nii.gz", 30, 100, 0.3, 2.0, 3.0, 5.0, (1.0, 2.0, 3.0), 0.4, 0.1)
    found = Localized(
        folder,
        label,
        "a - b",
        f"{label}_ref.nii.gz",
        {"top_percent": 30},
        {"tpj": region},
        Range(0.7, "percent", "difference", 0.7, 40, "x"),
    )
    for path in (*found.masks.values(), found.reference_path):
        path.write_bytes(b"")
    (folder / f"{label}{ENDING}").write_text(json.dumps(found.as_json()))
    return found


def test_what_was_localized_is_read_again_and_the_latest_run_counts(tmp_path: Path) -> None:
    folder = tmp_path / "derivatives/rtfmri/sub-07/ses-01/func"
    a_result(folder, 2)
    latest = a_result(folder, 10)
    found = load_localizer(tmp_path, "07", "01")
    assert found == latest
    assert found.masks == {"tpj": folder / "sub-07_ses-01_task-x_run-10_desc-tpjLocalized_mask.nii.gz"}
    assert found.range_for(a_study().signal) == 0.7
    other = a_study(signal={"nuisance": ["drift"], "measure": {"kind": "z"}})
    with pytest.raises(StudyError, match="measured difference, the study now asks for z"):
        found.range_for(other.signal)
    with pytest.raises(StudyError, match="no localizer of sub-08 ses-01"):
        load_localizer(tmp_path, "08", "01")


def test_a_spoiled_or_incomplete_localizer_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "derivatives/rtfmri/sub-07/ses-01/func"
    result = a_result(folder)
    path = folder / f"{result.run}{ENDING}"
    whole = path.read_text()
    for spoiled in (
        "{",
        "[]",
        whole.replace('"version": 1', '"version": 9'),
        whole.replace('"full": 0.7', '"full": -1'),
        whole.replace("peak_t", "peak"),
    ):
        path.write_text(spoiled)
        with pytest.raises(StudyError, match="run `rtfmri localize` again"):
            load_localizer(tmp_path, "07", "01")
    path.write_text(whole)
    result.masks["tpj"].unlink()
    with pytest.raises(StudyError, match=r"tpjLocalized_mask\.nii\.gz is not beside"):
        load_localizer(tmp_path, "07", "01")
