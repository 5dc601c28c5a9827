"""Every kind of file that the simulated scanner writes, read back by dcm2niix: the same voxels, in the same place, at the same times."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from simulate_helpers import QUICK_SCENARIO, QUICK_STUDY, converted, voxels

from rtfmri.simulate.epi import make_epi
from rtfmri.simulate.flavours import WRITERS, Flavour
from rtfmri.simulate.render import render
from rtfmri.simulate.scanner import listed_files
from rtfmri.simulate.scenario import Scenario, load_scenario
from rtfmri.simulate.series import MAX_PIXEL, DicomFile, Pixels, Series
from rtfmri.simulate.slices import PHILIPS_SCALE
from rtfmri.volume import Grid

VOLUMES = 4
PER_STORED = {"philips": 1 / PHILIPS_SCALE}  # what dcm2niix gives for a stored 1


def random_pixels(grid: Grid, index: int) -> Pixels:
    return np.random.default_rng(index).integers(0, MAX_PIXEL + 1, grid.shape).astype(np.uint16)


@pytest.fixture(scope="module", params=[(18, -12.0, (6.0, 6.0, 6.0)), (5, 25.0, (5.0, 6.5, 4.2))], ids=["even", "odd"])
def series(request: pytest.FixtureRequest, quick: Scenario) -> Series:
    """A tilted grid, voxels that are cubes and that are not, slices acquired in no simple order."""
    slices, tilt_deg, size = request.param
    scenario = quick.model_copy(update={"shape": (36, 40, slices), "voxel_size_mm": size, "tilt_deg": tilt_deg})
    times_s = tuple(0.05 * float(place) for place in np.random.default_rng(slices).permutation(slices))
    return Series(make_epi(scenario).grid, 1.25, times_s, "bold_x", 12, 9, VOLUMES)


def files_of(flavour: Flavour, series: Series) -> list[DicomFile]:
    return [file for index in range(VOLUMES) for file in WRITERS[flavour](random_pixels(series.grid, index), series, index)]


def write(files: list[DicomFile], folder: Path) -> Path:
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    return folder


@pytest.mark.parametrize("flavour", WRITERS)
def test_dcm2niix_gives_back_every_voxel_and_the_affine(flavour: Flavour, series: Series, tmp_path: Path) -> None:
    image = converted(write(files_of(flavour, series), tmp_path / "dicoms"), tmp_path / "nifti")
    assert image.shape == (*series.grid.shape, VOLUMES)
    np.testing.assert_allclose(image.affine, series.grid.affine, atol=1e-4)
    for index in range(VOLUMES):
        np.testing.assert_array_equal(voxels(image)[..., index], random_pixels(series.grid, index) * PER_STORED.get(flavour, 1))
    assert image.header.get_zooms()[3] == pytest.approx(series.tr_s)


@pytest.mark.parametrize("flavour", ["mosaic", "xa_enhanced"])
def test_dcm2niix_gives_back_the_slice_times_that_siemens_writes(flavour: Flavour, series: Series, tmp_path: Path) -> None:
    converted(write(files_of(flavour, series), tmp_path / "dicoms"), tmp_path / "nifti")
    said = json.loads((tmp_path / "nifti" / "run.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose(said["SliceTiming"], series.slice_times_s, atol=1e-3)


@pytest.mark.parametrize(("flavour", "per_volume"), [("mosaic", 1), ("xa_enhanced", 1), ("ge", 18), ("philips", 18)])
def test_a_volume_is_one_file_or_one_for_each_slice(flavour: Flavour, per_volume: int, quick: Scenario) -> None:
    series = Series(make_epi(quick).grid, 1.25, (0.0,) * 18, "bold_x", 12, 9, VOLUMES)
    files = files_of(flavour, series)
    assert [file.volume for file in files] == [index for index in range(VOLUMES) for _ in range(per_volume)]
    assert len({file.name for file in files}) == len(files)
    instances = [_read(file) for file in files]
    assert len({ds.SOPInstanceUID for ds in instances}) == len(files)
    assert len({ds.InstanceNumber for ds in instances}) == len(files)
    assert len({ds.SeriesInstanceUID for ds in instances}) == 1


def test_an_enhanced_file_says_nothing_of_position_and_tr_at_its_top(series: Series) -> None:
    ds = _read(files_of("xa_enhanced", series)[0])
    absent = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RepetitionTime", "AcquisitionTime")
    assert not any(keyword in ds for keyword in absent)
    assert float(ds.SharedFunctionalGroupsSequence[0].MRTimingAndRelatedParametersSequence[0].RepetitionTime) == 1250
    assert len(ds.PerFrameFunctionalGroupsSequence) == ds.NumberOfFrames == series.grid.shape[2]


def test_ge_slices_come_in_no_order_under_ge_names(series: Series) -> None:
    files = files_of("ge", series)
    places = [_read(file).InStackPositionNumber for file in files[: series.grid.shape[2]]]
    assert places != sorted(places)
    assert sorted(places) == list(range(1, series.grid.shape[2] + 1))
    for file in files:
        patient, exam, scan, image = file.name.split("/")
        assert (patient[0], exam[0], scan) == ("p", "e", "s12")
        assert image == f"i{100000 + _read(file).InstanceNumber}.MRDC.{_read(file).InstanceNumber}"


def test_philips_numbers_run_through_time_before_space(series: Series) -> None:
    first, second = (_read(file) for file in files_of("philips", series)[:2])
    assert (first.InstanceNumber, second.InstanceNumber) == (1, 1 + VOLUMES)
    assert first.TemporalPositionIdentifier == second.TemporalPositionIdentifier == 1


@pytest.mark.parametrize("flavour", WRITERS)
def test_nobody_is_named(flavour: Flavour, series: Series) -> None:
    header = _read(files_of(flavour, series)[0])
    assert str(header.PatientName) == header.PatientID == "PHANTOM"
    assert not header.PatientBirthDate
    assert not any(keyword in header for keyword in ("InstitutionName", "ReferringPhysicianName", "OperatorsName", "AccessionNumber"))


def test_a_scenario_is_rendered_in_its_flavour(tmp_path: Path) -> None:
    """The same head, whoever's scanner: only the files differ."""
    images = {}
    (tmp_path / "study.toml").write_text(QUICK_STUDY.replace("s = 10", "s = 2"), encoding="utf-8")
    for flavour in ("mosaic", "ge"):
        small = QUICK_SCENARIO.replace("seed = 3", f'seed = 3\nflavour = "{flavour}"')
        (tmp_path / "scenario.toml").write_text(small, encoding="utf-8")
        rendering = render(load_scenario(tmp_path / "scenario.toml"), tmp_path / flavour)
        assert [path.relative_to(rendering.folder / "dicoms").as_posix() for path in rendering.dicoms] == [
            name for _, name in listed_files(rendering.folder)
        ]
        images[flavour] = voxels(converted(rendering.folder / "dicoms", tmp_path / f"{flavour}_nifti"))
    np.testing.assert_array_equal(images["mosaic"], images["ge"])


def _read(file: DicomFile) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(file.content), stop_before_pixels=True)
