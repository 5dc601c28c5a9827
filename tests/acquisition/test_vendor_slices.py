"""One file for each slice, whatever the vendor: against dcm2niix on every real series, and the rules of each vendor one by one."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from acquisition_files import SHARED, dataset_of, needs_shared, scan_of, to_bytes
from oracle import assert_same, converted
from pydicom.dataset import Dataset

from rtfmri.acquisition.files import read
from rtfmri.acquisition.ge import decode_slice, ge_mark, slice_time_s, slices_of
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.layout import layout_of
from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.acquisition.series import is_other_sequence
from rtfmri.acquisition.slices import Slice
from rtfmri.acquisition.survey import survey
from rtfmri.acquisition.uih import decode_grid
from rtfmri.acquisition.vendors import decode, mark_of
from rtfmri.errors import VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import EndOfSource, Missing, SourceFault, SourceItem, Volume

INGEST = SHARED / "ingest"
REAL = {  # the series' number
    "ge_dv26_epi": 4,
    "ge_dv24_epirt": 2,
    "noisepix_ge_fmri_implicitvr": 13,
    "philips_r511_classic_bold12": 401,
    "philips_r511_classic_phantom": 201,
    "siemens_xa30_classic": 7001,
    "canon_v60_classic_dti_3vol": 9000,
    "uih_r002_vframe_grid": 12,
}
FLOAT32_CLOCK_S = 1 / 64  # dcm2niix holds UIH's HHMMSS.ffffff in single precision


def recorded(folder: Path, rule: SeriesRule, **options: Any) -> list[SourceItem]:
    return list(read_dicoms(folder, rule, Acquisition(series=rule), **options))


def volumes(items: list[SourceItem]) -> list[Volume]:
    return [item for item in items if isinstance(item, Volume)]


def shuffled(files: list[Path]) -> list[Path]:
    return random.Random(1).sample(files, len(files))


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_series_agree_with_dcm2niix(name: str, tmp_path: Path) -> None:
    ((image, sidecar),) = converted(INGEST / name, tmp_path / "out")
    found = volumes(recorded(INGEST / name, SeriesRule(number=REAL[name]), order=shuffled))
    if name.startswith("uih"):
        times_s = sidecar.pop("SliceTiming")
        assert all(np.abs(np.array(volume.slice_times_s) - times_s).max() < FLOAT32_CLOCK_S for volume in found)
    assert_same(found, image, sidecar)


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("name", [name for name in REAL if "dti" not in name and "uih" not in name])
def test_a_rule_that_asks_nothing_finds_every_functional_series(name: str) -> None:
    items = recorded(INGEST / name, SeriesRule())
    assert volumes(items)
    assert [item.code for item in items if isinstance(item, SourceFault)] in ([], ["unusable_file"])
    assert not [item for item in items if isinstance(item, Missing)]
    assert items[-1] == EndOfSource("all files are read")


@needs_shared
@pytest.mark.real_data
def test_random_pixels_are_those_of_the_publishers_own_nifti() -> None:
    truth = nibabel.load(INGEST / "noisepix_ge_fmri_implicitvr" / "truth" / "001_implicit_ground_truth.nii.gz")
    expected = np.asarray(truth.dataobj, dtype=np.float32)[:, ::-1]  # it keeps DICOM's order of rows
    found = volumes(recorded(INGEST / "noisepix_ge_fmri_implicitvr", SeriesRule()))
    assert np.array_equal(np.stack([volume.data for volume in found], axis=3), expected)


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize(("name", "slices"), [("ge_dv26_epi", 15), ("philips_r511_classic_bold12", 35), ("siemens_xa30_classic", 33)])
def test_a_volume_without_some_slices_is_missing_and_says_how_many_came(name: str, slices: int, tmp_path: Path) -> None:
    entries = [entry for entry in survey(INGEST / name) if entry.header]
    marks = {entry.path: mark_of(entry.header) for entry in entries if entry.header}
    layout = layout_of([mark for mark in marks.values() if mark])
    of_first = [path for path, mark in marks.items() if mark and layout.index_of(mark) == 0]
    for number, path in enumerate(path for path in marks if path not in of_first[:2]):
        (tmp_path / f"{number}.dcm").symlink_to(path)
    missing, *rest = [item for item in recorded(tmp_path, SeriesRule(), order=shuffled) if isinstance(item, Volume | Missing)]
    assert missing == Missing(0, f"volume 1 is not whole: {slices - 2} of {slices} slices came")
    assert rest
    assert all(isinstance(item, Volume) for item in rest)


@needs_shared
@pytest.mark.real_data
def test_times_of_volumes_follow_the_scanners_clock() -> None:
    for name, tr_s in [("ge_dv26_epi", 5.0), ("philips_r511_classic_bold12", 2.0), ("siemens_xa30_classic", 1.0)]:
        times = [volume.acquired_s for volume in volumes(recorded(INGEST / name, SeriesRule()))]
        assert np.allclose(np.diff(np.array(times, dtype=float)), tr_s, atol=1e-3)


def header_of(**changes: Any) -> Header:
    return replace(read(to_bytes(dataset_of(scan_of(1)))).header, **changes)


@pytest.mark.parametrize(
    ("said", "images", "slices"),
    [
        ({"ge_locations": 15.0}, 15, 15),
        ({"ge_locations": 15.0, "ge_slices": 15.0}, 150, 15),  # ImagesInAcquisition of all volumes
        ({"ge_first_location_mm": -20.0, "ge_last_location_mm": 36.0, "ge_locations": 8.0}, 15, 15),  # multiband: 8 excited
        ({"ge_slices": 0.0}, None, None),
        ({}, None, None),
    ],
)
def test_how_many_slices_a_ge_volume_has_is_what_most_elements_say(said: dict[str, float], images: int | None, slices: int | None) -> None:
    assert slices_of(header_of(private=said, images_in_acquisition=images, slice_spacing_mm=4.0)) == slices


def test_ge_numbers_count_through_slices_and_echoes() -> None:
    header = header_of(private={"ge_slices": 10.0, "ge_echoes": 3.0}, instance_number=61)
    assert (ge_mark(header).index, ge_mark(header).slices) == (2, 10)
    assert ge_mark(replace(header, private={})).index is None


def times_of(slices: int, bands: int, interleaved: bool, release: tuple[int, int]) -> list[float | None]:
    return [slice_time_s(number, slices, 1.0, bands, interleaved, release) for number in range(slices)]


def test_ge_slice_times_by_order_multiband_and_release() -> None:
    assert times_of(4, 1, False, (26, 1)) == [0.0, 0.25, 0.5, 0.75]
    assert times_of(5, 1, True, (26, 1)) == [0.0, 0.6, 0.2, 0.8, 0.4]
    assert times_of(4, 1, True, (26, 1)) == [0.0, 0.5, 0.25, 0.75]
    assert times_of(8, 2, False, (29, 1)) == [0.0, 0.25, 0.5, 0.75] * 2
    assert times_of(8, 2, True, (27, 3)) == [0.0, 0.75, 0.25, 0.5] * 2  # the last two of the second half change places
    assert times_of(8, 2, False, (26, 1)) == [0.0, 0.2, 0.4, 0.6, 0.8, 0.0, 0.2, 0.4]  # an odd number of excitations
    assert times_of(8, 2, True, (25, 9)) == [None] * 8


def slice_dataset(number: int, z: int) -> Dataset:
    dataset = dataset_of(scan_of(number, image_type=("ORIGINAL", "PRIMARY", "M")))
    del dataset[0x00290010], dataset[0x00291010]
    dataset.ImagePositionPatient = [-50, -40, -30 + 4 * z]
    return dataset


@pytest.mark.parametrize(
    ("timer", "release", "time_s"), [("0.75", "DV24.0_R01", 0.75), ("7500", "14.0_M5", 0.75), ("0", "DV24.0_R01", None)]
)
def test_the_ge_timer_is_in_seconds_or_before_dv24_in_ticks(timer: str, release: str, time_s: float | None) -> None:
    dataset = slice_dataset(1, 0)
    dataset.Manufacturer, dataset.SoftwareVersions, dataset.ImagesInAcquisition = "GE MEDICAL SYSTEMS", release, 4
    dataset.private_block(0x21, "GEMS_RELA_01", create=True).add_new(0x5E, "DS", timer)
    assert decode_slice(read(to_bytes(dataset)))[0].time_s == time_s


@pytest.mark.parametrize("block", [b"", b"\x08\0\0\0nonsense", (99).to_bytes(4, "little") + gzip.compress(b'SLICEORDER "1"\n' * 9)[:-9]])
def test_a_ge_protocol_block_that_is_damaged_is_left_aside(block: bytes) -> None:
    dataset = slice_dataset(1, 0)
    dataset.Manufacturer, dataset.ImagesInAcquisition = "GE MEDICAL SYSTEMS", 4
    dataset.private_block(0x25, "GEMS_SERS_01", create=True).add_new(0x1B, "OB", block)
    assert decode_slice(read(to_bytes(dataset)))[0].time_s in (None, 0.0)


def test_the_pause_after_each_volume_is_part_of_the_tr_of_epirt() -> None:
    dataset = slice_dataset(1, 0)
    dataset.Manufacturer, dataset.ImagesInAcquisition = "GE MEDICAL SYSTEMS", 4
    dataset.private_block(0x19, "GEMS_ACQU_01", create=True).add_new(0x9C, "LO", "epiRT")
    dataset.private_block(0x43, "GEMS_PARM_01", create=True).add_new(0x7C, "FL", 0.5)
    assert decode_slice(read(to_bytes(dataset)))[0].tr_s == 1.5


@pytest.mark.parametrize(
    ("slope", "intercept", "scale", "factor", "offset"),
    [
        ("2.0", "0", 0.5, 2.0, 0.0),  # floating-point values: stored / scale slope
        ("2.0", "-8", 0.5, 2.0, -8.0),  # and intercept / (slope x scale slope)
        ("2.0", "-8", None, 2.0, -8.0),  # what the console displays
        ("4.0", "-8", None, 4.0, -8.0),
        ("4.0", "-8", 0.0, 4.0, -8.0),
        ("4.0", "0", 0.25, 4.0, 0.0),
    ],
)
def test_philips_values_are_the_floating_point_ones(slope: str, intercept: str, scale: float | None, factor: float, offset: float) -> None:
    dataset = slice_dataset(1, 0)
    dataset.Manufacturer, dataset.RescaleSlope, dataset.RescaleIntercept = "Philips Medical Systems", slope, intercept
    dataset.TemporalPositionIdentifier = 3
    if scale is not None:
        dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True).add_new(0x0E, "FL", scale)
    (piece,) = decode(read(to_bytes(dataset)))
    assert isinstance(piece, Slice)
    assert piece.mark.index == 2
    stored = read(to_bytes(dataset)).pixels().astype(np.float32)[::-1].T
    assert np.array_equal(piece.data, stored * np.float32(factor) + np.float32(offset))


def test_philips_says_that_it_is_echo_planar_by_its_factor_only() -> None:
    assert is_other_sequence(header_of(scanning=("GR",), private={}, vendor="Philips")) is False
    assert is_other_sequence(header_of(scanning=("GR",), private={"philips_epi_factor": 1.0}))


@pytest.mark.parametrize(
    ("vendor", "tags", "words"),
    [
        ("GE MEDICAL SYSTEMS", {"ImageOrientationPatient": None}, "how it lies in space"),
        ("Philips Medical Systems", {"PixelSpacing": None}, "voxel size"),
        ("SIEMENS", {"RepetitionTime": None}, "repetition time"),
        ("CANON_MEC", {"InstanceNumber": None}, "volume number"),
        ("SIEMENS", {"AcquisitionNumber": 0}, "volume number"),
        ("ACME", {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "right angle"),
    ],
)
def test_a_slice_that_lacks_what_is_needed_is_refused_with_the_reason(vendor: str, tags: dict[str, Any], words: str) -> None:
    dataset = slice_dataset(1, 0)
    dataset.Manufacturer = vendor
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    with pytest.raises(VolumeError, match=words):
        decode(read(to_bytes(dataset)))


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize(("change", "words"), [("count", "describes 20 slices of 21"), ("none", "a grid"), ("matrix", "cannot hold 20")])
def test_a_grid_that_contradicts_itself_is_refused(change: str, words: str) -> None:
    image = read((INGEST / "uih_r002_vframe_grid" / "0001.dcm").read_bytes())
    private = {**image.header.private, "uih_slices": 21.0} if change == "count" else image.header.private
    header = replace(image.header, private=private, columns=image.header.columns - (change == "matrix"))
    elements = type(image.elements)() if change == "none" else image.elements
    with pytest.raises(VolumeError, match=words):
        decode_grid(replace(image, header=header, elements=elements))


ORDERS = {"upwards": [0, 1, 2, 3, 4, 5, 6, 7], "downwards": [7, 6, 5, 4, 3, 2, 1, 0], "mixed": [3, 0, 7, 1, 5, 2, 6, 4]}


@needs_shared
@pytest.mark.real_data
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("off_at", [None, 0, 1, 6, 7])
def test_slices_however_numbered_and_rounded_lie_where_dcm2niix_puts_them(order: str, off_at: int | None, tmp_path: Path) -> None:
    source = tmp_path / "dicoms"
    source.mkdir()
    for path in sorted((INGEST / "ge_dv24_epirt").iterdir()):
        dataset = pydicom.dcmread(path)
        place = ORDERS[order][(dataset.InstanceNumber - 1) % 8]
        x, y, _ = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, f"{-9.6872 + 3.3 * place + 0.004 * (place == off_at):.8g}"]
        dataset.save_as(source / path.name)
    ((image, sidecar),) = converted(source, tmp_path / "out")
    if order == "mixed":  # its slice times go by place; GE never numbers so
        sidecar.pop("SliceTiming")
    assert_same(volumes(recorded(source, SeriesRule(), order=shuffled)), image, sidecar)
