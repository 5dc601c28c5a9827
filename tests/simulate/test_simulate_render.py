"""A rendered run against its own truth, and against itself."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage
from simulate_helpers import converted, voxels

from rtfmri.errors import StudyError
from rtfmri.simulate.motion import matrices
from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import Scenario
from rtfmri.simulate.setup import Setup, set_up
from rtfmri.simulate.truth import read_truth


@pytest.fixture(scope="module")
def told() -> list[tuple[int, int]]:
    """What the progress of ``quiet`` was told."""
    return []


@pytest.fixture(scope="module")
def quiet(quick: Scenario, told: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    """Without motion, noise and drift."""
    return render(quick, tmp_path_factory.mktemp("quiet"), lambda done, of: told.append((done, of)))


def mask(rendering: Rendering, name: str) -> np.ndarray:
    return voxels(nib.load(rendering.folder / "truth" / f"{name}.nii.gz")) > 0


def test_every_planned_volume_is_there_under_siemens_names(small_run: Rendering) -> None:
    assert [path.name for path in small_run.dicoms] == [f"001_000003_{number:06d}.dcm" for number in range(1, 65)]
    assert all(path.is_file() for path in small_run.dicoms)


def test_the_same_scenario_gives_the_same_bytes(quick: Scenario, quiet: Rendering, tmp_path: Path) -> None:
    again = render(quick, tmp_path)
    ours, theirs = ({path.relative_to(r.folder): path for path in sorted(r.folder.rglob("*")) if path.is_file()} for r in (quiet, again))
    assert ours.keys() == theirs.keys()
    for name, path in ours.items():
        if name.suffix == ".gz":  # its header holds a time stamp
            np.testing.assert_array_equal(voxels(nib.load(path)), voxels(nib.load(theirs[name])))
        else:
            assert path.read_bytes() == theirs[name].read_bytes(), name


def test_another_seed_gives_another_head(quick: Scenario) -> None:
    ours, theirs = (set_up(quick.model_copy(update={"seed": seed})).still for seed in (3, 4))
    assert 0.9 < np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] < 0.9999


def test_the_true_signal_change_is_what_the_masks_show_without_disturbance(quiet: Rendering, tmp_path: Path) -> None:
    series = voxels(converted(quiet.folder / "dicoms", tmp_path))
    truth = read_truth(quiet.folder)
    for name in ("dlpfc", "tpj"):
        seen = series[mask(quiet, f"roi_{name}")].mean(axis=0)
        percent = 100 * (seen / seen[:6].mean() - 1)  # dummies and the first rest
        np.testing.assert_allclose(percent, truth.percent[name], atol=0.05)  # stored in whole numbers around 1000
    assert truth.percent["dlpfc"].max() > 19
    np.testing.assert_allclose(truth.regulation, 0.5 * truth.percent["dlpfc"] - 0.5 * truth.percent["tpj"], atol=1e-6)


def test_the_masks_cover_the_activation(quiet: Rendering, tmp_path: Path) -> None:
    series = voxels(converted(quiet.folder / "dicoms", tmp_path))
    brain = mask(quiet, "brain")
    change = np.abs(series[..., 15] / np.maximum(series[..., 0], 1) - 1) * brain
    both = mask(quiet, "roi_dlpfc") | mask(quiet, "roi_tpj")
    assert change[both].min() > 0.03
    assert change[brain & ~ndimage.binary_dilation(both, iterations=3)].max() < 0.03


def test_the_masks_are_large_enough_grey_and_apart(small_setup: Setup) -> None:
    dlpfc, tpj = small_setup.rois["dlpfc"] > 0, small_setup.rois["tpj"] > 0
    assert min(dlpfc.sum(), tpj.sum()) >= 20
    assert not (dlpfc & tpj).any()
    assert (small_setup.brain[dlpfc | tpj] > 0).mean() > 0.9
    affine = small_setup.epi.grid.affine
    for roi, front in ((dlpfc, True), (tpj, False)):
        x, y, _ = affine[:3, :3] @ np.argwhere(roi).mean(axis=0) + affine[:3, 3]
        assert x > 20  # both lie on the right
        assert (y > 0) == front


def test_the_masks_lie_on_the_grid_of_the_files(small_run: Rendering, as_nifti: nib.Nifti1Image) -> None:
    for name in ("roi_dlpfc", "roi_tpj", "brain", "reference"):
        image = nib.load(small_run.folder / "truth" / f"{name}.nii.gz")
        assert image.shape == as_nifti.shape[:3]
        np.testing.assert_allclose(image.affine, as_nifti.affine, atol=1e-4)


def test_the_reference_image_is_the_reference_volume_without_noise(small_run: Rendering, as_nifti: nib.Nifti1Image) -> None:
    reference = voxels(nib.load(small_run.folder / "truth" / "reference.nii.gz"))
    volume = voxels(as_nifti)[..., small_run.truth.reference]
    brain = mask(small_run, "brain")
    assert np.corrcoef(reference[brain], volume[brain])[0, 1] > 0.995
    assert reference[brain].mean() == pytest.approx(900, rel=1e-3)


def test_a_rendered_run_moves_as_its_truth_says(small_run: Rendering, small: Scenario, as_nifti: nib.Nifti1Image) -> None:
    """At the cough, pulling the volume back by the truth brings it nearer to the reference than leaving it."""
    cough = small.motion.jumps[0].volume
    series, brain = voxels(as_nifti), ndimage.binary_erosion(mask(small_run, "brain"))
    to_moved = np.linalg.inv(as_nifti.affine) @ small_run.truth.motion[cough] @ as_nifti.affine
    back = ndimage.affine_transform(series[..., cough], to_moved[:3, :3], to_moved[:3, 3], order=3)
    reference = series[..., small_run.truth.reference]
    left, mended = ((image - reference)[brain].std() for image in (series[..., cough], back))
    assert mended < 0.7 * left
    np.testing.assert_array_equal(small_run.truth.motion, matrices(small, 64, 4))


def test_the_truth_is_read_back_as_it_was(small_run: Rendering) -> None:
    truth = read_truth(small_run.folder)
    np.testing.assert_array_equal(truth.motion, small_run.truth.motion)
    assert truth.reference == small_run.truth.reference == 4
    for name, percent in small_run.truth.percent.items():
        np.testing.assert_allclose(truth.percent[name], percent, atol=1e-6)
    np.testing.assert_allclose(truth.regulation, small_run.truth.regulation, atol=1e-6)


def test_spikes_and_scenario_are_written_beside_the_files(small_run: Rendering) -> None:
    spikes = (small_run.folder / "truth" / "spikes.tsv").read_text(encoding="utf-8").splitlines()
    assert spikes == ["index\tkind\tpercent", "30\tgain\t4"]
    assert json.loads((small_run.folder / "truth" / "scenario.json").read_text(encoding="utf-8"))["study"] == "small_study.toml"


def test_a_spike_is_in_its_volume(small_run: Rendering, as_nifti: nib.Nifti1Image) -> None:
    mean = voxels(as_nifti)[mask(small_run, "brain")].mean(axis=0)
    assert mean[30] / ((mean[29] + mean[31]) / 2) == pytest.approx(1.04, abs=0.005)


def test_progress_is_told_volume_by_volume(quiet: Rendering, told: list[tuple[int, int]]) -> None:
    assert told == [(number, 20) for number in range(1, 21)]


def test_a_folder_that_holds_a_run_is_refused(quick: Scenario, quiet: Rendering) -> None:
    with pytest.raises(StudyError, match="already holds files"):
        render(quick, quiet.folder)


def test_a_folder_that_cannot_be_made_is_refused_in_a_sentence(quick: Scenario, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(StudyError, match="cannot be written"):
        render(quick, tmp_path / "file")


def test_a_folder_without_truth_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="not a rendered run"):
        read_truth(tmp_path)
