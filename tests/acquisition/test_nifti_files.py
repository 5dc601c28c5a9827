"""3D NIfTI files that came one for each volume; one 4D file is tested with the recorded sources."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.acquisition.live import LiveRun
from rtfmri.acquisition.nifti_files import index_in, number_in, read_nifti
from rtfmri.acquisition.nifti_volume import volume_of_file
from rtfmri.acquisition.watched import WatchedFolder
from rtfmri.errors import IncompleteError, StudyError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import EndOfSource, Missing, SourceFault, SourceItem, Volume

AFFINE = np.array([[-3.0, 0, 0.2, 90], [0, 3.0, 0.1, -126], [0.1, 0, 3.5, -72], [0, 0, 0, 1]])


def values(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(1, 4000, size=(4, 5, 6)).astype(np.int16)


def image_of(number: int, *, tr_s: float = 2.2, unit: str = "sec", **changes: Any) -> nibabel.Nifti1Image:
    image = nibabel.Nifti1Image(changes.get("data", values(number)), changes.get("affine", AFFINE))
    image.header["pixdim"][4] = tr_s
    image.header.set_xyzt_units("mm", unit)
    return image


def read_all(folder: Path, **options: Any) -> list[SourceItem]:
    return list(read_nifti(folder, **options))


def fill(folder: Path, numbers: list[int], suffix: str = ".nii", **changes: Any) -> None:
    for number in numbers:
        nibabel.save(image_of(number, **changes), folder / f"sub-01_run-2_vol_{number:04d}{suffix}")


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_the_number_in_the_name_is_the_volume_number(tmp_path: Path, suffix: str) -> None:
    fill(tmp_path, [3, 1, 2], suffix)
    *volumes, end = read_all(tmp_path)
    assert [volume.index for volume in volumes] == [0, 1, 2]
    assert isinstance(end, EndOfSource)
    for volume in volumes:
        assert np.array_equal(volume.data, values(volume.index + 1).astype(np.float32))
        assert np.abs(volume.grid.affine - AFFINE).max() < 1e-5
        assert volume.tr_s == 2.2


def test_a_folder_with_a_number_0_counts_from_0(tmp_path: Path) -> None:
    fill(tmp_path, [0, 1])
    assert [item.index for item in read_all(tmp_path) if isinstance(item, Volume)] == [0, 1]


def test_a_number_that_is_not_there_is_missing(tmp_path: Path) -> None:
    fill(tmp_path, [2, 4])
    kinds = [(type(item), item.index) for item in read_all(tmp_path) if isinstance(item, Volume | Missing)]
    assert kinds == [(Missing, 0), (Volume, 1), (Missing, 2), (Volume, 3)]


def test_what_the_live_run_gave_up_stays_missing(tmp_path: Path) -> None:
    fill(tmp_path, [1, 2, 3])
    kinds = [type(item) for item in read_all(tmp_path, obey_missing=frozenset({1}))]
    assert kinds == [Volume, Missing, Volume, EndOfSource]


def test_a_damaged_file_and_one_of_another_grid_are_said_to_be_missing(tmp_path: Path) -> None:
    fill(tmp_path, [1, 2, 3])
    fill(tmp_path, [4], affine=np.diag([3.0, 3.0, 3.0, 1.0]))
    (path,) = tmp_path.glob("*0002.nii")
    path.write_bytes(path.read_bytes()[:-1])
    items = read_all(tmp_path)
    assert [type(item) for item in items if isinstance(item, Volume | Missing)] == [Volume, Missing, Volume, Missing]
    assert [item.code for item in items if isinstance(item, SourceFault)] == ["unreadable", "grid_changed"]


@pytest.mark.parametrize(
    ("names", "words"), [((), "no NIfTI files"), (("a.nii",), "no NIfTI files"), (("a_1.nii", "b_1.nii"), "number of their own")]
)
def test_a_folder_that_is_no_run_is_refused_in_a_sentence(tmp_path: Path, names: tuple[str, ...], words: str) -> None:
    for name in names:
        nibabel.save(image_of(1), tmp_path / name)
    with pytest.raises(StudyError, match=words):
        read_nifti(tmp_path)


@pytest.mark.parametrize(
    ("name", "number"), [("vol_0012.nii.gz", 12), ("sub-01_run-2_0003.nii", 3), ("9.NII", 9), ("mean.nii.gz", None), ("v2.1_7.nii", 7)]
)
def test_the_last_number_of_a_name_counts(name: str, number: int | None) -> None:
    assert number_in(name) == number


@given(end=st.integers(0, 352 + 240 - 1), packed=st.booleans())
@settings(max_examples=200)
def test_a_file_cut_anywhere_is_incomplete(end: int, packed: bool) -> None:
    whole = image_of(1).to_bytes()
    data = gzip.compress(whole)[: max(2, end * len(gzip.compress(whole)) // len(whole))] if packed else whole[:end]
    with pytest.raises(IncompleteError):
        volume_of_file(data, 0)


@pytest.mark.parametrize(("unit", "given", "tr_s"), [("msec", 2200.0, 2.2), ("usec", 2.2e6, 2.2), ("unknown", 2.2, 2.2)])
def test_the_tr_is_the_headers_in_its_unit(unit: str, given: float, tr_s: float) -> None:
    assert volume_of_file(image_of(1, tr_s=given, unit=unit).to_bytes(), 0).tr_s == pytest.approx(tr_s)


def test_a_tr_that_is_given_counts_more() -> None:
    assert volume_of_file(image_of(1).to_bytes(), 4, 1.5).tr_s == 1.5
    with pytest.raises(VolumeError, match="repetition time"):
        volume_of_file(image_of(1, tr_s=0.0).to_bytes(), 0)


def test_the_scale_of_the_header_is_applied() -> None:
    image = image_of(1)
    image.header.set_slope_inter(0.5, -3.0)
    image = nibabel.Nifti1Image.from_bytes(_scaled(image))
    assert np.array_equal(volume_of_file(_scaled(image_of(1)), 0).data, np.asarray(image.dataobj).astype(np.float32))


def _scaled(image: nibabel.Nifti1Image) -> bytes:
    data = bytearray(image.to_bytes())
    data[112:120] = np.array([0.5, -3.0], "<f4").tobytes()
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no image at all, but a note " * 20, "no NIfTI"),
        (image_of(1, data=np.zeros((2, 3, 4, 5), np.int16)).to_bytes(), "3D"),
        (image_of(1, data=np.zeros((2, 3), np.int16)).to_bytes(), "3D"),
        (image_of(1).to_bytes()[:280] + bytes(48) + image_of(1).to_bytes()[328:], "where its voxels lie"),  # no affine
        (image_of(1, data=np.full((2, 3, 4), np.nan, np.float32)).to_bytes(), "no numbers"),
    ],
)
def test_what_is_no_volume_is_refused_with_the_reason(data: bytes, words: str) -> None:
    with pytest.raises(VolumeError, match=words):
        volume_of_file(data, 0)


def test_files_that_arrive_are_numbered_by_their_names(tmp_path: Path) -> None:
    rule = SeriesRule(protocol="sub-01*")
    delivered: list[SourceItem] = []
    with LiveRun(rule, Acquisition(series=rule), [WatchedFolder(tmp_path)], delivered.append):
        for number, suffix in ((2, ".nii"), (1, ".nii.gz"), (3, ".nii")):
            fill(tmp_path, [number], suffix)
        nibabel.save(image_of(9), tmp_path / "other_0009.nii")
        wait_for(lambda: len([item for item in delivered if isinstance(item, Volume)]) == 3)
        wait_for(lambda: any(isinstance(item, SourceFault) and "other_0009.nii" in item.text for item in delivered))
    volumes = [item for item in delivered if isinstance(item, Volume)]
    assert [volume.index for volume in volumes] == [0, 1, 2]
    assert all(np.array_equal(volume.data, values(volume.index + 1).astype(np.float32)) for volume in volumes)
    assert all(volume.arrival is not None for volume in volumes)


def wait_for(condition: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("name", "rule", "index"),
    [("bold_nf1_0007.nii", {"protocol": "bold_nf*"}, 6), ("BOLD_NF1_7.nii.gz", {"protocol": "bold_nf1"}, 6), ("7.nii", {}, 6)],
)
def test_the_rules_pattern_goes_for_the_files_name(name: str, rule: dict[str, Any], index: int) -> None:
    assert index_in(name, SeriesRule(**rule)) == index


@pytest.mark.parametrize(
    ("name", "rule", "words"),
    [
        ("t1_0007.nii", {"protocol": "bold_nf*"}, "names"),
        ("bold_0007.nii", {"number": 7}, "names"),
        ("bold_0000.nii", {}, "no volume number"),
        ("mean.nii", {}, "no volume number"),
    ],
)
def test_a_file_that_the_rule_does_not_take_is_refused_with_the_reason(name: str, rule: dict[str, Any], words: str) -> None:
    with pytest.raises(VolumeError, match=words):
        index_in(name, SeriesRule(**rule))
