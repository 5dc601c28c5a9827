"""A decoder's examples, its weights, and above all its figure: good where there is something, chance where there is nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from rtfmri.errors import StudyError
from rtfmri.paradigm import planned_volumes
from rtfmri.preparation import training
from rtfmri.preparation.training import balanced_accuracy, sidecar_of, train
from rtfmri.preparation.training_examples import Examples, VoxelRun, clean, examples_of
from rtfmri.signals.measures.decoder import decoder_from_map
from rtfmri.signals.plan import plan_signal
from rtfmri.study import Study, parse_study
from rtfmri.volume import Grid

pytest.importorskip("sklearn", reason="decoders are trained with scikit-learn (rtfmri[train])")

VOXELS = 120
ACTIVE = slice(10, 30)


def a_study(repeat: int) -> Study:
    cycle = [{"block": "rest", "s": 30}, {"block": "kind", "s": 30}]
    roi = [{"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": 1.0}]
    plain = {"study": {"name": "x"}, "roi": roi, "paradigm": {"cycle": cycle, "repeat": repeat, "final_rest_s": 30.0}}
    return parse_study(plain, Path("."))


def a_run(seed: int, effect_percent: float, repeat: int = 6, tr_s: float = 2.0, name: str = "run") -> VoxelRun:
    """Voxels in AR(1) noise of 1 %, with drift and motion of a size that would drown the effect, some volumes flagged."""
    study = a_study(repeat)
    blocks = study.blocks(tr_s)
    volumes = planned_volumes(blocks, tr_s)
    plan = plan_signal(study, blocks, tr_s, volumes)
    rng = np.random.default_rng(seed)
    design = plan.design.copy()
    design[plan.motion] = np.cumsum(0.02 * rng.standard_normal((6, volumes)), axis=1)
    noise = np.zeros((volumes, VOXELS))
    for index in range(1, volumes):
        noise[index] = 0.4 * noise[index - 1] + np.sqrt(1 - 0.16) * rng.standard_normal(VOXELS)
    nuisance = design[plan.nuisance].T @ rng.normal(0.0, 4.0, (int(plan.nuisance.sum()), VOXELS))
    percent = 100.0 + noise + nuisance
    percent[:, ACTIVE] += effect_percent * design[plan.tasks].sum(axis=0)[:, None]
    indices = np.flatnonzero(rng.random(volumes) > 0.05)
    return VoxelRun(name, plan, blocks, design, indices, percent[indices].astype(np.float32))


def test_cleaning_takes_the_nuisance_and_keeps_level_and_task() -> None:
    """With the truth at hand: what is left of drift and motion many times larger than the effect is small beside it."""
    run = a_run(1, 2.0)
    stretches = tuple(range(15 * k + 3, 15 * k + 18) for k in range(13))
    cleaned = clean(run, stretches).astype(float)
    assert run.percent[:, 40:].std(axis=0).mean() > 2.0 * cleaned[:, 40:].std(axis=0).mean()
    np.testing.assert_allclose(cleaned.mean(axis=0), run.percent.mean(axis=0), atol=1e-3)
    task = run.design[run.plan.tasks].sum(axis=0)[run.indices]
    assert np.polyfit(task, cleaned[:, ACTIVE].mean(axis=1), 1)[0] == pytest.approx(2.0, abs=0.3)


def test_a_block_goes_with_the_rests_around_it_and_all_have_the_baseline_before_it() -> None:
    run = a_run(2, 0.0, repeat=3)
    steps = np.zeros(len(run.indices))
    for number, block in enumerate(run.blocks):
        steps[run.indices * 2.0 >= block.onset_s + 6.0] = number  # a voxel that counts blocks, six seconds late
    flat = VoxelRun(run.name, run.plan, run.blocks, np.where(run.plan.nuisance[:, None], 0.0, run.design), run.indices, run.percent)
    counted = np.tile(steps[:, None], (1, VOXELS)).astype(np.float32)
    examples = examples_of((VoxelRun(flat.name, flat.plan, flat.blocks, flat.design, flat.indices, counted),), "kind", "rest")
    assert examples.count == 3
    assert set(np.unique(examples.changes[examples.labels])) == {1.0}, "a regulation block is one block after its baseline's rest"
    assert set(np.unique(examples.changes[~examples.labels])) == {0.0, 2.0}, "the rest before it and the rest after it"
    for pair in range(3):
        of_pair = examples.pairs == pair
        levels = examples.changes[of_pair & ~examples.labels][:, 0]
        assert (levels == 0.0).sum() == pytest.approx((levels == 2.0).sum(), abs=3), "as much before as after"
    turned = examples_of((VoxelRun(flat.name, flat.plan, flat.blocks, flat.design, flat.indices, counted),), "rest", "kind")
    assert set(np.unique(turned.changes[turned.labels])) == {0.0, 2.0}


def test_a_pair_with_too_few_usable_volumes_is_left_out() -> None:
    run = a_run(3, 0.0, repeat=3)
    kept = (run.indices < 15) | (run.indices > 35)  # the first regulation block is lost
    gappy = VoxelRun(run.name, run.plan, run.blocks, run.design, run.indices[kept], run.percent[kept])
    assert examples_of((gappy,), "kind", "rest").count == 2


def test_blocks_that_cannot_be_told_apart_are_refused_in_words() -> None:
    run = a_run(4, 0.0, repeat=2)
    for plus, minus, words in (("jump", "rest", "no block 'jump'; their blocks are kind, rest"), ("rest", "rest", "both 'rest'")):
        with pytest.raises(StudyError, match=words):
            examples_of((run,), plus, minus)
    single = a_run(4, 0.0, repeat=1)
    with pytest.raises(StudyError, match="One pair of blocks cannot judge itself"):
        train(examples_of((single,), "kind", "rest"), 50)


def test_a_decoder_of_an_effect_is_better_than_chance_on_blocks_it_has_not_seen_and_on_another_run() -> None:
    trained = train(examples_of((a_run(5, 1.0, repeat=3), a_run(6, 1.0, repeat=3)), "kind", "rest"), 40)
    assert trained.accuracy > 0.75
    assert trained.p == trained.smallest_p == 1 / 32, "31 exchanges, none as good"
    assert "p = 0.031 (permutation of blocks)" in trained.verdict
    active = np.zeros(VOXELS, dtype=bool)
    active[ACTIVE] = True
    assert np.abs(trained.weights[active]).sum() > 3 * np.abs(trained.weights[~active]).sum() * active.sum() / (~active).sum()
    other = examples_of((a_run(7, 1.0),), "kind", "rest")
    decisions = other.changes @ trained.weights + trained.intercept
    assert balanced_accuracy(decisions, other.labels) > 0.85
    assert trained.spread == pytest.approx(decisions.std(), rel=0.25), "left-out decisions are as wide as a new run's"


def test_on_pure_noise_the_accuracy_is_chance_and_it_is_said() -> None:
    """Voxels are chosen within the folds, or this would be far above one half."""
    found = [train(examples_of((a_run(100 + seed, 0.0, repeat=4),), "kind", "rest"), 30) for seed in range(12)]
    assert np.mean([trained.accuracy for trained in found]) == pytest.approx(0.5, abs=0.07)
    assert sum(trained.p <= 1 / 8 for trained in found) <= 5
    six = train(examples_of((a_run(31, 0.0, repeat=6),), "kind", "rest"), 30)
    assert six.p > 0.05
    assert "no better than chance. Do not use it for feedback." in six.verdict


def test_with_many_pairs_random_exchanges_stand_for_all_and_are_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "RANDOM", 9)
    examples = examples_of((a_run(8, 1.0, repeat=8),), "kind", "rest")
    first, second = train(examples, 20), train(examples, 20)
    assert first.p == second.p == first.smallest_p == 0.1


def test_few_pairs_do_not_pretend_to_know() -> None:
    trained = train(examples_of((a_run(9, 2.0, repeat=3),), "kind", "rest"), 40)
    assert trained.accuracy > 0.65
    assert trained.smallest_p == 0.25
    assert "3 pairs cannot give less than 0.25: record more" in trained.verdict


def test_the_same_volumes_give_the_same_decoder() -> None:
    examples = examples_of((a_run(10, 0.5, repeat=4),), "kind", "rest")
    first, second = train(examples, 40), train(examples, 40)
    assert np.array_equal(first.weights, second.weights)
    assert (first.intercept, first.spread, first.p) == (second.intercept, second.spread, second.p)


def test_the_weights_in_percent_give_the_decisions_of_the_machine() -> None:
    """The voxels' units are folded in: a separable problem is parted at zero by weights and intercept alone."""
    examples = examples_of((a_run(11, 6.0, repeat=4),), "kind", "rest")
    trained = train(examples, VOXELS)
    assert balanced_accuracy(examples.changes @ trained.weights + trained.intercept, examples.labels) == 1.0


def test_the_json_keeps_the_contract_of_the_stream() -> None:
    examples = examples_of((a_run(12, 1.0, repeat=3),), "kind", "rest")
    trained = train(examples, 40)
    sidecar = sidecar_of(trained, ("rest", "kind"), ("sub-07_ses-01_task-x_run-01",), ("drift", "motion6"))
    grid = Grid((VOXELS, 1, 1), np.eye(4))
    decoder = decoder_from_map("x", trained.weights.reshape(grid.shape), grid, grid, sidecar, ("motion6", "drift"))
    assert len(decoder.voxels) == 40
    assert (decoder.intercept, decoder.spread, decoder.mean) == (trained.intercept, trained.spread, 0.0)
    with pytest.raises(StudyError, match="trained with nuisance drift, motion6"):
        decoder_from_map("x", trained.weights.reshape(grid.shape), grid, grid, sidecar, ("drift",))


def test_without_scikit_learn_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = Examples(np.zeros((4, 2), dtype=np.float32), np.array([True, False, True, False]), np.array([0, 0, 1, 1]))
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    with pytest.raises(StudyError, match=r"pip install 'rtfmri\[train\]'"):
        train(examples, 2)
