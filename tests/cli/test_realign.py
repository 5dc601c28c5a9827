"""`rtfmri realign`: the numbers of a live run, matrices that mean what they say, mistakes told in sentences."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.messages import VolumeMessage
from rtfmri.record.journal import read_journal
from rtfmri.rigid import RigidTransform
from rtfmri.simulate.render import Rendering

Cli = Any
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
DUMMIES = 4
PARAMETERS = ("trans_x", "trans_y", "trans_z", "rot_x", "rot_y", "rot_z")


def table_of(path: Path) -> dict[str, list[float]]:
    names, *rows = (line.split("\t") for line in path.read_text().splitlines())
    return {name: [np.nan if row[i] == "n/a" else float(row[i]) for row in rows] for i, name in enumerate(names)}


def displacement_mm(one: np.ndarray, other: np.ndarray) -> float:
    points = np.random.default_rng(0).normal(size=(100, 3))
    points *= 50.0 / np.linalg.norm(points, axis=1, keepdims=True)
    apart = one - other
    return float(np.linalg.norm(points @ apart[:3, :3].T + apart[:3, 3], axis=1).mean())


@pytest.fixture(scope="module")
def realigned(cli: Cli, small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small run against its first volume after the dummies: matrices, confounds, and what was printed."""
    out = tmp_path_factory.mktemp("realigned")
    outputs = ("--out", out / "m.npy", "--confounds", out / "c.tsv", "--resliced", out / "r.nii.gz")
    done = cli("realign", small_run.folder / "dicoms", *outputs, "--reference", DUMMIES)
    assert done.returncode == 0, done.stderr
    (out / "said.txt").write_text(done.stdout)
    return out


@pytest.fixture(scope="module")
def series(cli: Cli, small_run: Rendering, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "bold.nii"
    assert cli("inspect", small_run.folder / "dicoms", "--nifti", path).returncode == 0
    return path


def test_the_estimates_are_those_of_a_run_bit_for_bit(realigned: Path, cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    assert cli("replay", small_run.folder / "dicoms", "--study", SMALL, "--out", tmp_path).returncode == 0
    (journal,) = tmp_path.rglob("*_journal.jsonl")
    live = [e.message for e in read_journal(journal) if isinstance(e.message, VolumeMessage) and e.message.index >= DUMMIES]
    table = table_of(realigned / "c.tsv")
    assert len(live) == 60
    for volume in live:
        assert volume.motion is not None
        assert [table[name][volume.index] for name in PARAMETERS] == [*volume.motion.trans_mm, *volume.motion.rot_rad]


def test_matrices_and_table_say_the_same(realigned: Path) -> None:
    matrices, table = np.load(realigned / "m.npy"), table_of(realigned / "c.tsv")
    assert matrices.shape == (64, 4, 4)
    assert matrices.dtype == np.float64
    np.testing.assert_allclose(matrices[DUMMIES], np.eye(4), atol=1e-5)
    turned = [RigidTransform(rot_rad=tuple(table[name][9] for name in PARAMETERS[3:])).matrix[:3, :3], matrices[9, :3, :3]]
    np.testing.assert_allclose(turned[0], turned[1], atol=1e-12)
    assert np.isnan(table["framewise_displacement"][0])
    assert (np.array(table["framewise_displacement"][1:]) >= 0).all()
    assert len(table["rmsd"]) == 64


def test_what_it_cost_and_how_the_head_moved_are_printed(realigned: Path) -> None:
    said = (realigned / "said.txt").read_text()
    assert "64 volumes against volume 4" in said
    for words in ("CPU ms per volume", "estimate, prefilter included", "reslice", "framewise displacement mean", "Flagged: "):
        assert words in said


def test_a_nifti_and_any_number_of_threads_give_the_same_matrices(realigned: Path, cli: Cli, series: Path, tmp_path: Path) -> None:
    found = []
    for threads in ("1", "2"):
        environment = {"NUMBA_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        options = ("--reference", DUMMIES, "--threads", threads)
        assert cli("realign", series, "--out", tmp_path / "m.npy", *options, **environment).returncode == 0
        found.append((tmp_path / "m.npy").read_bytes())
    assert found[0] == found[1]
    np.testing.assert_allclose(np.load(tmp_path / "m.npy"), np.load(realigned / "m.npy"), atol=1e-4)


def test_the_resliced_series_is_stiller_than_the_measured_one(realigned: Path, series: Path) -> None:
    resliced, measured = (nibabel.load(path) for path in (realigned / "r.nii.gz", series))
    assert resliced.shape == measured.shape
    assert resliced.header["pixdim"][4] == measured.header["pixdim"][4]
    np.testing.assert_allclose(resliced.affine, measured.affine, atol=1e-4)
    still, moved = np.asarray(resliced.dataobj), np.asarray(measured.dataobj)
    np.testing.assert_allclose(still[..., DUMMIES], moved[..., DUMMIES], rtol=1e-3, atol=0.5)
    edge = np.abs(np.gradient(moved[..., DUMMIES].astype(float))[0]) > 100
    edge &= (still > 0).all(axis=-1)
    assert np.median(still[edge].std(axis=-1)) < np.median(moved[edge].std(axis=-1))


def test_a_mean_as_reference_lies_in_the_frame_of_the_first_volume(cli: Cli, series: Path, tmp_path: Path) -> None:
    for reference in ("0", "mean:6"):
        done = cli("realign", series, "--out", tmp_path / f"{reference}.npy", "--reference", reference)
        assert done.returncode == 0, done.stderr
    assert "the mean of 6 volumes" in done.stdout
    one, mean = np.load(tmp_path / "0.npy"), np.load(tmp_path / "mean:6.npy")
    assert max(displacement_mm(a, b) for a, b in zip(one, mean, strict=True)) < 0.05
    assert not np.array_equal(one, mean)


def test_a_file_as_reference_is_found_in_the_run(cli: Cli, series: Path, tmp_path: Path) -> None:
    image = nibabel.load(series)
    turned = image.affine @ np.diag([2.0, 2.0, 1.0, 1.0])  # another grid: every second column and row of volume 30
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj[::2, ::2, :, 30], dtype=np.float32), turned), tmp_path / "earlier.nii.gz")
    options = ("--reference", tmp_path / "earlier.nii.gz", "--resliced", tmp_path / "r.nii")
    done = cli("realign", series, "--out", tmp_path / "m.npy", *options)
    assert done.returncode == 0, done.stderr
    assert "degrees away, sure to" in done.stdout
    assert displacement_mm(np.load(tmp_path / "m.npy")[30], np.eye(4)) < 0.1
    assert nibabel.load(tmp_path / "r.nii").shape[:3] == nibabel.load(tmp_path / "earlier.nii.gz").shape


def test_a_missing_volume_is_not_a_number_and_is_told(cli: Cli, small_run: Rendering, tmp_path: Path) -> None:
    some = tmp_path / "dicoms"
    shutil.copytree(small_run.folder / "dicoms", some)
    sorted(some.iterdir())[10].unlink()
    outputs = ("--out", tmp_path / "m.npy", "--confounds", tmp_path / "c.tsv")
    done = cli("realign", some, *outputs)
    assert done.returncode == 0, done.stderr
    matrices = np.load(tmp_path / "m.npy")
    assert [index for index in range(64) if np.isnan(matrices[index]).any()] == [10]
    assert "10 (missing" in done.stdout
    assert np.isnan(table_of(tmp_path / "c.tsv")["trans_x"][10])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--reference", "99"), "its volumes are 0 to 63, counted from 0"),
        (("--reference", "mean:1"), "a mean takes 2 to 50 volumes"),
        (("--reference", "nobody.nii"), "there is no file nobody.nii"),
        (("--reference", "mean"), "a volume number from 0, mean:N such as mean:10, or a NIfTI file"),
        (("--out", "{series}/m.npy"), "cannot be written"),
        (("--out", "{folder}"), "is a folder"),
        (("--resliced", "r.img"), ".nii or .nii.gz"),
    ],
)
def test_a_mistake_is_one_sentence(cli: Cli, series: Path, tmp_path: Path, options: tuple[str, str], words: str) -> None:
    name, value = options
    value = value.format(series=series, folder=tmp_path)
    out = () if name == "--out" else ("--out", tmp_path / "m.npy")
    done = cli("realign", series, *out, name, value, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "m.npy").exists()


def test_files_without_a_repetition_time_are_realigned_all_the_same(cli: Cli, series: Path, tmp_path: Path) -> None:
    image = nibabel.load(series)
    (tmp_path / "volumes").mkdir()
    for number in range(1, 5):
        one = nibabel.Nifti1Image(np.asarray(image.dataobj[..., number], dtype=np.float32), image.affine)
        nibabel.save(one, tmp_path / "volumes" / f"vol_{number:04d}.nii.gz")
    done = cli("realign", tmp_path / "volumes", "--out", tmp_path / "m.npy")
    assert done.returncode == 0, done.stderr
    assert np.isfinite(np.load(tmp_path / "m.npy")).all()
    assert len(np.load(tmp_path / "m.npy")) == 4


def test_what_is_no_run_is_refused(cli: Cli, series: Path, tmp_path: Path) -> None:
    image = nibabel.load(series)
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj[..., 0]), image.affine), tmp_path / "one.nii")
    (tmp_path / "empty").mkdir()
    for source, words in (("one.nii", "no 4D NIfTI"), ("empty", "empty"), ("absent.nii", "is not there")):
        done = cli("realign", tmp_path / source, "--out", tmp_path / "m.npy")
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert words in done.stderr
