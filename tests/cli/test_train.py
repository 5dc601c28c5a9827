"""`rtfmri train`, and the decoder in a run that it has never seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from localize_runs import SIM_DATA, Learned, learned_run, recorded_with

from rtfmri.cli.training import Wish, train_decoder
from rtfmri.errors import StudyError
from rtfmri.messages import VolumeMessage
from rtfmri.preparation import training
from rtfmri.record.journal import read_journal
from rtfmri.record.references import load_image
from rtfmri.simulate.render import Rendering

pytest.importorskip("sklearn", reason="decoders are trained with scikit-learn (rtfmri[train])")
Cli = Any


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    return learned_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def decoder(cli: Cli, learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A decoder within dlPFC, as a user trains it; and what was printed."""
    out = tmp_path_factory.mktemp("decoder") / "dlpfc.nii.gz"
    done = cli("train", learned.dataset, "--out", out, "--mask", "dlpfc")
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_decoder_lies_within_its_mask_and_says_how_well_it_does(decoder: tuple[Path, str], learned: Learned) -> None:
    weights, _ = load_image(decoder[0])
    wide = load_image(learned.study.parent / "roi_dlpfc.nii.gz")[0] > 0
    assert (weights != 0).any()
    assert not (weights != 0)[~wide].any()
    assert weights[learned.active["dlpfc"]].mean() > 3 * weights[wide & ~learned.active["dlpfc"]].mean()
    plain = json.loads(decoder[0].with_name("dlpfc.json").read_text())
    assert plain["classes"] == ["rest", "self_compassion"]
    assert plain["trained_on"] == ["sub-07_ses-01_task-learn_run-01"]
    assert plain["cross_validation"]["balanced_accuracy"] > 0.65
    assert plain["cross_validation"]["pairs"] == 4
    assert "4 pairs cannot give less than 0.12: record more" in decoder[1], "an accuracy of few blocks is not sold as a finding"
    assert "Do not test it on the runs that it was trained on." in decoder[1]


def test_in_another_run_the_decision_value_follows_the_truth(decoder: tuple[Path, str], small_run: Rendering, tmp_path: Path) -> None:
    study = tmp_path / "decoding.toml"
    text = (SIM_DATA / "small_study.toml").read_text().replace('"small/', f'"{SIM_DATA}/small/')
    study.write_text(text + f'\n[signal.measure]\nkind = "decoder"\nweights = "{decoder[0]}"\nsettled_se = 5.0\n')
    out = recorded_with(small_run, study, tmp_path / "decoded")
    (journal,) = out.rglob("*_journal.jsonl")
    told = [e.message for e in read_journal(journal) if isinstance(e.message, VolumeMessage) and e.message.validity == "ok"]
    pairs = np.array([(m.value, small_run.truth.percent["dlpfc"][m.index]) for m in told])
    assert len(pairs) > 15
    assert np.corrcoef(pairs.T)[0, 1] > 0.6
    assert np.abs(pairs[:, 0]).max() < 8, "in standard deviations of the training's decisions"


def test_two_runs_are_trained_on_together(learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second record is of another session: its head is found in the first's image once."""
    monkeypatch.setattr(training, "RANDOM", 9)
    again = recorded_with(learned.rendering, learned.study, tmp_path / "again")
    out = tmp_path / "two.nii.gz"
    assert train_decoder((learned.dataset, again), out, Wish(None, "rest", "tpj", 500)) == 0
    plain = json.loads(out.with_name("two.json").read_text())
    assert plain["trained_on"] == ["sub-07_ses-01_task-learn_run-01", "sub-07_ses-02_task-learn_run-01"]
    assert plain["cross_validation"]["pairs"] == 8


def test_mistakes_are_said_in_words(learned: Learned, tmp_path: Path) -> None:
    for out, wish, words in (
        ("x.nii.gz", Wish(None, "rest", "nowhere.nii.gz", 500), r"neither brain, nor a region of the study \(dlpfc, tpj\), nor a file"),
        ("x.nii.gz", Wish("jump", "rest", "tpj", 500), "no block 'jump'; their blocks are rest, self_compassion"),
        ("x.mat", Wish(None, "rest", "tpj", 500), r"give a name that ends in \.nii\.gz"),
    ):
        with pytest.raises(StudyError, match=words):
            train_decoder((learned.dataset,), tmp_path / out, wish)
    assert not any(tmp_path.iterdir())
