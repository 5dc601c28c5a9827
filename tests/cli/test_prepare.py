"""``rtfmri prepare`` as its users meet it: a short EPI of a head with known truth, the page, the decision, a second session."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("ants", reason="antspyx is not installed")
sys.path.insert(0, str(Path(__file__).parents[1] / "preparation"))

from known_heads import PEOPLE, KnownHead, known_head

from rtfmri.cli.preparing import Decision, From, prepare_session
from rtfmri.errors import StudyError
from rtfmri.preparation.prepared import load_prepared, prepared_path
from rtfmri.rigid import RigidTransform

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
STUDY = """
[study]
name = "compassion"
[[roi]]
name = "dlpfc"
sphere_mni_mm = [42, 36, 28]
radius_mm = 12
weight = 0.5
[[roi]]
name = "tpj"
sphere_mni_mm = [{x}, -40, 22]
radius_mm = 12
weight = -0.5
[paradigm]
cycle = [{{ block = "rest", s = 30 }}, {{ block = "regulate", s = 40 }}]
"""
UNDECIDED = Decision(None, reject=False)


def study_file(folder: Path, x: float = 60) -> Path:
    path = folder / f"study{x:g}.toml"
    path.write_text(STUDY.format(x=x), encoding="utf-8")
    return path


def save_epi(path: Path, head: KnownHead, affine: np.ndarray, volumes: int = 4) -> Path:
    rng = np.random.default_rng(5)
    series = head.epi[..., None] + rng.normal(0, 8, (*head.epi.shape, volumes)).astype(np.float32)
    image = nib.Nifti1Image(series, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header["pixdim"][4] = 2.0
    nib.save(image, path)
    return path


def source(reference: Path | None = None, from_session: str | None = None) -> From:
    return From(reference, 3, None, None, from_session, fast=True)


@pytest.fixture(scope="module")
def head() -> KnownHead:
    return known_head(PEOPLE[0], (48, 50, 27), (4.5, 4.5, 4.5))


@pytest.fixture(scope="module")
def first(head: KnownHead, cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A dataset with session 01 prepared by the real command, undecided; and what it said."""
    folder = tmp_path_factory.mktemp("prepare")
    epi = save_epi(folder / "short.nii.gz", head, head.grid.affine)
    said = cli("prepare", study_file(folder), "--sub", "07", "--reference", epi, "--volumes", 3, "--fast", "--out", folder / "out")
    assert said.returncode == 0, said.stderr
    return folder, said


def test_a_short_epi_becomes_regions_to_be_looked_at(first: tuple[Path, subprocess.CompletedProcess[str]], head: KnownHead) -> None:
    folder, said = first
    prepared = load_prepared(prepared_path(folder / "out", "07", "01"))
    assert (prepared.accepted_by, prepared.rejected, prepared.usable) == (None, False, False)
    assert prepared.provisional == ("dlpfc", "tpj")
    assert "PROVISIONAL" in said.stdout
    assert "--accept-by NAME" in said.stdout
    assert "mean of 3 volumes" in said.stdout
    for name, path in prepared.rois.items():
        mask = nib.load(path)
        assert mask.shape == head.grid.shape
        assert np.allclose(mask.affine, head.grid.affine, atol=1e-4)
        assert int(np.asarray(mask.dataobj).sum()) == prepared.plain["rois"][name]["voxels"] >= 20
    page = prepared.path.with_suffix(".html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert "PROVISIONAL" in page
    assert 'src="http' not in page


def test_the_prepared_anatomy_is_that_of_the_head(first: tuple[Path, subprocess.CompletedProcess[str]], head: KnownHead) -> None:
    prepared = load_prepared(prepared_path(first[0] / "out", "07", "01"))
    brain = np.asarray(nib.load(prepared.brain_mask).dataobj) > 0
    assert 2 * (brain & head.brain).sum() / (brain.sum() + head.brain.sum()) > 0.9
    at = np.asarray(nib.load(prepared.path.parent / prepared.plain["transform"]).dataobj)[:, :, :, 0]
    assert np.median(np.linalg.norm(at - head.mni_mm, axis=-1)[head.brain]) < 6  # affine only
    for path in (prepared.white_matter, prepared.csf):
        assert np.asarray(nib.load(path).dataobj).sum() >= 20


def test_the_decision_is_kept_without_computing_again(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, path = first[0], prepared_path(first[0] / "out", "07", "01")
    masks = {file: file.stat().st_mtime_ns for file in path.parent.glob("*.nii.gz")}
    for decision, usable in ((Decision(None, reject=True), False), (Decision("A. Operator", reject=False), True)):
        assert prepare_session(study_file(folder), source(), folder / "out", "07", "01", decision) == 0
        assert load_prepared(path).usable is usable
    assert load_prepared(path).accepted_by == "A. Operator"
    assert load_prepared(path).accepted_at is not None
    assert {file: file.stat().st_mtime_ns for file in path.parent.glob("*.nii.gz")} == masks


def test_a_second_session_takes_over_the_regions_where_the_head_lies_now(
    first: tuple[Path, subprocess.CompletedProcess[str]], head: KnownHead, tmp_path: Path
) -> None:
    """The head lies elsewhere: the same voxels under a turned affine, which is what the scanner would say."""
    folder = first[0]
    prepare_session(study_file(folder), source(), folder / "out", "07", "01", Decision("A. Operator", reject=False))
    moved = RigidTransform((6.0, -4.0, 5.0), (0.06, -0.03, 0.05), (0.0, 0.0, 0.0)).matrix
    epi = save_epi(tmp_path / "second.nii.gz", head, moved @ head.grid.affine)
    assert prepare_session(study_file(folder), source(epi, "01"), folder / "out", "07", "02", UNDECIDED) == 0
    old, new = (load_prepared(prepared_path(folder / "out", "07", ses)) for ses in ("01", "02"))
    assert np.allclose(np.array(new.plain["from_reference"]), moved, atol=0.05)
    for name, path in new.rois.items():
        a, b = (np.asarray(nib.load(file).dataobj) > 0 for file in (path, old.rois[name]))
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.95
    assert new.accepted_by is None


def test_a_region_that_misses_the_brain_is_refused_and_shown(
    first: tuple[Path, subprocess.CompletedProcess[str]], head: KnownHead, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    epi = save_epi(tmp_path / "epi.nii.gz", head, head.grid.affine, volumes=1)
    study = study_file(tmp_path, x=92)
    with pytest.raises(StudyError, match="roi tpj: it misses the brain"):
        prepare_session(study, source(epi), out, "07", "01", Decision("A. Operator", reject=False))
    prepared = load_prepared(prepared_path(out, "07", "01"))
    assert (prepared.usable, set(prepared.rois)) == (False, {"dlpfc"})
    assert "REFUSED" in prepared.path.with_suffix(".html").read_text(encoding="utf-8")
    with pytest.raises(StudyError, match="cannot be accepted"):
        prepare_session(study, source(), out, "07", "01", Decision("A. Operator", reject=False))


@pytest.mark.parametrize(
    ("asked", "decision", "said"),
    [
        (source(), UNDECIDED, "Give --reference"),
        (source(), Decision("A", reject=True), "not both"),
        (source(), Decision("A", reject=False), "There is no preparation"),
        (source(Path("nowhere.nii.gz")), UNDECIDED, "not there"),
        (source(Path("nowhere.nii.gz"), "01"), UNDECIDED, "There is no preparation"),
    ],
)
def test_what_cannot_be_done_is_said(tmp_path: Path, asked: From, decision: Decision, said: str) -> None:
    with pytest.raises(StudyError, match=said):
        prepare_session(study_file(tmp_path), asked, tmp_path / "out", "07", "01", decision)


def test_a_damaged_preparation_is_refused(tmp_path: Path) -> None:
    path = prepared_path(tmp_path, "07", "01")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"format": "other"}), encoding="utf-8")
    with pytest.raises(StudyError, match="cannot be used"):
        load_prepared(path)
