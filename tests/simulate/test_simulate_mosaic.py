"""The DICOM files, read back by tools that know nothing of ours: dcm2niix, nibabel, pydicom."""

from __future__ import annotations

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from simulate_helpers import converted, voxels

from rtfmri.simulate.epi import make_epi
from rtfmri.simulate.mosaic import mosaic_files, mosaic_name
from rtfmri.simulate.noise import slice_times_s
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scenario import Scenario
from rtfmri.simulate.series import MAX_PIXEL, Pixels, Series, decimal, dicom_time

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # nibabel calls its DICOM readers experimental when they are imported
    from nibabel.nicom import csareader, dicomwrappers


def random_pixels(shape: tuple[int, int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, MAX_PIXEL + 1, shape).astype(np.uint16)


@pytest.fixture(scope="module", params=[(18, (6.0, 6.0, 6.0)), (16, (5.0, 6.5, 4.2)), (4, (6.0, 6.0, 9.0))])
def oblique(request: pytest.FixtureRequest, quick: Scenario, tmp_path_factory: pytest.TempPathFactory) -> tuple[Series, Path]:
    """Two volumes of random pixels on a tilted grid, with tiles left over and without, cubic voxels and not."""
    slices, size = request.param
    scenario = quick.model_copy(update={"shape": (36, 40, slices), "voxel_size_mm": size})
    grid = make_epi(scenario).grid
    series = Series(grid, 1.25, slice_times_s(slices, 1.25, 1), "bold_x", 12, 9, 2)
    folder = tmp_path_factory.mktemp("oblique")
    for index in range(2):
        [file] = mosaic_files(random_pixels(grid.shape, index), series, index)
        (folder / file.name).write_bytes(file.content)
    return series, folder


def test_dcm2niix_gives_back_every_voxel_and_the_affine(oblique: tuple[Series, Path], tmp_path: Path) -> None:
    series, folder = oblique
    image = converted(folder, tmp_path)
    np.testing.assert_allclose(image.affine, series.grid.affine, atol=1e-4)
    for index in range(2):
        np.testing.assert_array_equal(voxels(image)[..., index], random_pixels(series.grid.shape, index))
    assert image.header.get_zooms()[3] == pytest.approx(1.25)


def test_nibabel_gives_back_every_voxel_and_the_affine(oblique: tuple[Series, Path]) -> None:
    series, folder = oblique
    wrapper = dicomwrappers.wrapper_from_file(folder / "001_000012_000001.dcm")
    rows_first = wrapper.get_unscaled_data()  # (row, column, slice)
    np.testing.assert_array_equal(rows_first[::-1].transpose(1, 0, 2), random_pixels(series.grid.shape, 0))
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    ours_to_rows = np.array([[0, -1, 0, series.grid.shape[1] - 1], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    np.testing.assert_allclose(to_ras @ wrapper.affine @ ours_to_rows, series.grid.affine, atol=1e-4)


def test_the_header_says_what_a_mosaic_needs(oblique: tuple[Series, Path]) -> None:
    series, folder = oblique
    first, second = (pydicom.dcmread(folder / mosaic_name(12, number)) for number in (1, 2))
    assert "MOSAIC" in first.ImageType
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 2)
    assert float(second.AcquisitionTime) - float(first.AcquisitionTime) == pytest.approx(1.25)
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (first.ProtocolName, first.SeriesNumber) == ("bold_x", 12)
    csa = csareader.get_csa_header(first, "image")["tags"]
    assert csa["NumberOfImagesInMosaic"]["items"] == [series.grid.shape[2]]
    np.testing.assert_allclose(np.array(csa["MosaicRefAcqTimes"]["items"]) / 1000, series.slice_times_s)


def test_nobody_is_named(small_run: Rendering) -> None:
    header = pydicom.dcmread(small_run.dicoms[0], stop_before_pixels=True)
    assert str(header.PatientName) == header.PatientID == "PHANTOM"
    assert not header.PatientBirthDate
    assert not any(keyword in header for keyword in ("InstitutionName", "ReferringPhysicianName", "OperatorsName", "AccessionNumber"))


def test_times_go_on_after_a_full_minute() -> None:
    assert dicom_time(10 * 3600 + 61.97) == "100101.970000"


def test_numbers_fit_a_dicom_decimal_string() -> None:
    for value in (-123.456789012345, 1e-12, -0.9999999999, 3.5):
        assert len(decimal(value)) <= 16
        assert float(decimal(value)) == pytest.approx(value, abs=1e-7)


def test_the_whole_run_is_one_series(as_nifti: nib.Nifti1Image, small_run: Rendering) -> None:
    assert as_nifti.shape == (44, 44, 24, 64)
    np.testing.assert_allclose(as_nifti.affine, small_run.grid.affine, atol=1e-4)
