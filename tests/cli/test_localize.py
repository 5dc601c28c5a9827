"""`rtfmri localize` on a recorded run whose active voxels are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from localize_runs import Learned, learned_run
from PIL import Image as Pillow

from rtfmri.cli.localize_outputs import Choosing
from rtfmri.cli.localizing import localize
from rtfmri.errors import StudyError
from rtfmri.messages import VolumeMessage
from rtfmri.preparation.localizer import Localized, load_localizer
from rtfmri.record.journal import read_journal
from rtfmri.record.references import load_image

Cli = Any
EVERY = (None, (), ())
LABEL = "sub-07_ses-01_task-learn_run-01"


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    return learned_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def localized(cli: Cli, learned: Learned, tmp_path_factory: pytest.TempPathFactory) -> tuple[Localized, str]:
    """dlPFC, as a user localizes it, in a dataset of its own; and what was printed."""
    out = tmp_path_factory.mktemp("localized")
    done = cli("localize", learned.dataset, "--roi", "dlpfc", "--top", "20", "--contiguous", "--out", out)
    assert done.returncode == 0, done.stderr
    return load_localizer(out, "07", "01"), done.stdout


def test_the_chosen_voxels_are_those_that_are_active(localized: tuple[Localized, str], learned: Learned) -> None:
    mask, grid = load_image(localized[0].masks["dlpfc"])
    chosen, active = mask > 0, learned.active["dlpfc"]
    wide, wide_grid = load_image(learned.study.parent / "roi_dlpfc.nii.gz")
    region = localized[0].regions["dlpfc"]
    assert chosen.sum() == region.voxels == round(0.2 * region.of_voxels)
    assert 0.8 * (wide > 0).sum() < region.of_voxels < (wide > 0).sum(), "what lies outside the head has no data"
    assert not (chosen & ~(wide > 0)).any()
    assert 2 * (chosen & active).sum() / (chosen.sum() + active.sum()) > 0.75, "Dice; a random fifth of the region would have .2"
    assert grid.difference_mm(wide_grid) < 1e-3


def test_reference_map_and_picture_lie_beside_the_masks(localized: tuple[Localized, str], learned: Learned) -> None:
    found, folder = localized[0], localized[0].folder
    assert {path.name.removeprefix(f"{LABEL}_desc-") for path in folder.iterdir()} == {
        "dlpfcLocalized_mask.nii.gz",
        "localizer_boldref.nii.gz",
        "localizer_regions.json",
        "localizer_picture.png",
        "regulateLocalizer_stat-t_statmap.nii.gz",
    }
    reference, _ = load_image(found.reference_path)
    assert np.array_equal(reference, load_image(learned.folder / f"{LABEL}_desc-reference_boldref.nii.gz")[0])
    t = np.asarray(nibabel.load(next(folder.glob("*statmap.nii.gz"))).dataobj)
    assert t[load_image(found.masks["dlpfc"])[0] > 0].min() == pytest.approx(found.regions["dlpfc"].threshold_t)
    picture = np.asarray(Pillow.open(next(folder.glob("*picture.png"))).convert("RGB"), dtype=int)
    filled = (picture[..., 0] > 200) & (picture[..., 2] < 140)
    assert filled.sum() > 500, "the chosen voxels are coloured"
    assert (picture == (0, 220, 140)).all(axis=2).sum() > 100, "the region is outlined"


def test_the_json_says_what_was_done_and_warns_of_double_dipping(localized: tuple[Localized, str]) -> None:
    found, printed = localized
    plain = json.loads(next(found.folder.glob("*regions.json")).read_text())
    assert plain["warning"].startswith("This run chose the voxels. Do not use it to test the effect in them")
    assert "do not use it to test the effect" in printed
    assert found.contrast == "self_compassion - rest"
    assert found.settings == {
        "top_percent": 20.0,
        "contiguous": True,
        "smooth_fwhm_mm": 4.0,
        "volumes_used": 104,
        "volumes_flagged": 4,
        "volumes_planned": 112,
    }
    region = found.regions["dlpfc"]
    assert region.share == pytest.approx(0.2, abs=0.01)
    assert region.threshold_t < region.mean_t < region.peak_t


def test_the_effect_comes_from_blocks_that_did_not_choose_and_is_the_truth(localized: tuple[Localized, str], learned: Learned) -> None:
    truth = learned.rendering.truth.percent["dlpfc"]
    onsets = [16 + 24 * block for block in range(4)]
    expected = np.mean([truth[onset + 6 : onset + 18].mean() - truth[onset - 8 : onset + 3].mean() for onset in onsets])
    region = localized[0].regions["dlpfc"]
    assert region.effect_percent == pytest.approx(expected, abs=3 * region.effect_se_percent)


def test_the_range_is_near_the_truths_own_quartile(localized: tuple[Localized, str], learned: Learned) -> None:
    found, truth = localized[0].range, learned.rendering.truth.regulation
    assert (found.unit, found.measure) == ("percent", "difference")
    above = np.concatenate([truth[onset + 6 : onset + 18] for onset in (16 + 24 * block for block in range(4))])
    assert found.full == pytest.approx(np.quantile(above, 0.75), rel=0.5), "the voxels are others, and the head was measured in noise"
    assert found.full == found.quartile


def test_a_region_that_goes_down_is_refused_until_the_comparison_is_turned_round(learned: Learned, tmp_path: Path) -> None:
    choosing = Choosing(20.0, False, 4.0)
    with pytest.raises(
        StudyError, match=r"^tpj: no effect of self_compassion - rest was found, [+-]0\.\d\d %.*turn --plus and --minus round"
    ):
        localize(learned.dataset, ("tpj",), EVERY, choosing, tmp_path, again=False)
    with pytest.raises(StudyError, match=r"^tpj: around its peak only \d+ responding voxels hang together.*mean t of the region -"):
        localize(learned.dataset, ("tpj",), EVERY, Choosing(20.0, True, 4.0), tmp_path, again=False)
    assert not any(tmp_path.rglob("*")), "what is refused leaves nothing behind"
    assert localize(learned.dataset, ("tpj",), (None, ("rest",), ()), choosing, tmp_path, again=False) == 0
    found = load_localizer(tmp_path, "07", "01")
    assert found.contrast == "rest - self_compassion"
    chosen = load_image(found.masks["tpj"])[0] > 0
    assert (chosen & learned.active["tpj"]).sum() > 0.8 * chosen.sum()
    with pytest.raises(StudyError, match="localized already"):
        localize(learned.dataset, ("tpj",), EVERY, choosing, tmp_path, again=False)


def test_a_region_that_the_study_has_not_is_refused(learned: Learned) -> None:
    with pytest.raises(StudyError, match="--roi amygdala: the study has no such region; its regions are dlpfc, tpj"):
        localize(learned.dataset, ("amygdala",), EVERY, Choosing(20.0, False, 4.0), None, again=False)


def test_a_run_with_too_much_motion_is_refused(learned: Learned, tmp_path: Path) -> None:
    """Every third volume is a spike: flagged when the record is gone over again."""
    spoiled = tmp_path / "spoiled"
    shutil.copytree(learned.dataset, spoiled)
    (bold,) = spoiled.rglob("*_bold.nii.gz")
    image = nibabel.load(bold)
    voxels = np.asarray(image.dataobj, dtype=np.float32).copy()
    voxels[..., 20::3] *= 1.25
    write_voxels(bold, voxels)
    with pytest.raises(StudyError, match="volumes are flagged for motion or spikes"):
        localize(spoiled, ("dlpfc",), EVERY, Choosing(20.0, False, 4.0), tmp_path / "out", again=False)


def write_voxels(bold: Path, voxels: np.ndarray) -> None:
    """Other voxels behind the record's own header."""
    import gzip

    content = gzip.decompress(bold.read_bytes())
    bold.write_bytes(gzip.compress(content[: len(content) - 4 * voxels.size] + voxels.astype("<f4").tobytes(order="F"), compresslevel=1))


def test_the_localized_region_serves_the_next_run(localized: tuple[Localized, str], learned: Learned, tmp_path: Path) -> None:
    """Mask and reference go into a study as any other, and its value is that of the active voxels."""
    from localize_runs import recorded_with

    found = localized[0]
    study = tmp_path / "next.toml"
    text = learned.study.read_text().replace('mask = "roi_dlpfc.nii.gz"', f'mask = "{found.masks["dlpfc"]}"')
    text = text.replace('mask = "roi_tpj.nii.gz"', f'mask = "{learned.study.parent}/roi_tpj.nii.gz"')
    study.write_text(text + f'\n[registration]\nreference = "{found.reference_path}"\n')
    out = recorded_with(learned.rendering, study, tmp_path / "next")
    (journal,) = out.rglob("*_journal.jsonl")
    told = [e.message for e in read_journal(journal) if isinstance(e.message, VolumeMessage) and e.message.validity == "ok"]
    values = np.array([(m.rois["dlpfc"].psc, learned.rendering.truth.percent["dlpfc"][m.index]) for m in told])
    assert len(values) > 30
    assert np.corrcoef(values.T)[0, 1] > 0.8
