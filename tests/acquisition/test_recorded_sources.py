"""Recorded runs: the same volumes as live, in order, whatever the names and the order of the files."""

from __future__ import annotations

import gzip
import random
import shutil
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from acquisition_files import SHARED, dataset_of, mosaic_bytes, needs_shared, scan_of, to_bytes

from rtfmri.acquisition.files import read
from rtfmri.acquisition.recorded import read_dicoms, read_nifti
from rtfmri.acquisition.siemens import decode_mosaic
from rtfmri.errors import StudyError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import EndOfSource, Missing, SourceFault, SourceItem, Volume

RULE = SeriesRule(protocol="bold_nf*")


def recorded(folder: Path, rule: SeriesRule = RULE, **options: Any) -> list[SourceItem]:
    return list(read_dicoms(folder, rule, Acquisition(series=rule), **options))


def numbered(items: list[SourceItem]) -> list[tuple[type, int]]:
    return [(type(item), item.index) for item in items if isinstance(item, Volume | Missing)]


def codes(items: list[SourceItem]) -> list[str]:
    return [item.code for item in items if isinstance(item, SourceFault)]


def fill(folder: Path, numbers: list[int], **changes: Any) -> None:
    for number in numbers:
        (folder / f"{random.Random(number).random()}.dcm").write_bytes(mosaic_bytes(number, **changes))


def test_volumes_come_in_order_whatever_the_names(tmp_path: Path) -> None:
    fill(tmp_path, list(range(1, 13)))
    items = recorded(tmp_path)
    assert numbered(items) == [(Volume, index) for index in range(12)]
    assert items[-1] == EndOfSource("all files are read")
    for item in items[:-1]:
        assert isinstance(item, Volume)
        assert np.array_equal(item.data, decode_mosaic(read(mosaic_bytes(item.index + 1))).data)
        assert item.arrival is None


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_arrivals_give_the_same(tmp_path: Path, seed: int) -> None:
    fill(tmp_path, [1, 2, 3, 5, 6, 9])
    (tmp_path / "zz_copy.dcm").write_bytes(mosaic_bytes(3))
    bad = dataset_of(scan_of(7))
    del bad[0x00291010]
    (tmp_path / "bad.dcm").write_bytes(to_bytes(bad))

    def shuffled(files: list[Path]) -> list[Path]:
        return random.Random(seed).sample(files, len(files))

    expected, found = (
        [item for item in recorded(tmp_path, order=order, obey_missing=frozenset({4})) if isinstance(item, Volume | Missing)]
        for order in (None, shuffled)
    )
    assert numbered(found) == [(Missing if index in (3, 4, 6, 7) else Volume, index) for index in range(9)]
    for one, other in zip(expected, found, strict=True):
        if isinstance(one, Volume):
            assert isinstance(other, Volume)
            assert np.array_equal(one.data, other.data)
        else:
            assert one == other


def test_a_gap_holds_nothing_back(tmp_path: Path) -> None:
    fill(tmp_path, [1, 2, 5, 6])
    source = read_dicoms(tmp_path, RULE, Acquisition())
    assert numbered([next(source) for _ in range(6)]) == [
        (kind, i) for i, kind in enumerate([Volume, Volume, Missing, Missing, Volume, Volume])
    ]


def test_a_truncated_file_is_told_of_and_its_number_is_missing(tmp_path: Path) -> None:
    fill(tmp_path, [1, 3])
    (tmp_path / "cut.dcm").write_bytes(mosaic_bytes(2)[:-50])
    (tmp_path / "note.txt").write_text("a note " * 40)
    items = recorded(tmp_path)
    assert sorted(codes(items)) == ["truncated", "unusable_file"]
    assert numbered(items) == [(Volume, 0), (Missing, 1), (Volume, 2)]


def test_a_file_that_vanishes_after_the_survey_is_missing(tmp_path: Path) -> None:
    fill(tmp_path, [1, 3])
    (tmp_path / "gone.dcm").write_bytes(mosaic_bytes(2))
    source = read_dicoms(tmp_path, RULE, Acquisition())
    (tmp_path / "gone.dcm").unlink()
    items = list(source)
    assert codes(items) == ["unreadable"]
    assert numbered(items) == [(Volume, 0), (Missing, 1), (Volume, 2)]


def test_an_absurd_number_does_not_make_the_run_endless(tmp_path: Path) -> None:
    fill(tmp_path, [1, 2, 999_999_999])
    items = recorded(tmp_path)
    assert numbered(items) == [(Volume, 0), (Volume, 1)]
    assert codes(items) == ["absurd_number"]


def test_of_several_series_that_fit_the_lowest_number_is_the_run(tmp_path: Path) -> None:
    fill(tmp_path, [1, 2], series=9, uid="1.9")
    (tmp_path / "a.dcm").write_bytes(mosaic_bytes(1, series=8, uid="1.8"))
    items = recorded(tmp_path)
    assert numbered(items) == [(Volume, 0)]
    assert codes(items) == ["second_series"]


@pytest.mark.parametrize("make", [False, True])
def test_an_absent_or_empty_folder_is_refused_at_once(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "dicoms"
    if make:
        folder.mkdir()
    with pytest.raises(StudyError, match="empty" if make else "not there"):
        read_dicoms(folder, RULE, Acquisition())


def test_a_folder_without_the_run_is_refused_and_says_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path, [1], protocol="localizer", description="localizer")
    with pytest.raises(StudyError, match="localizer"):
        read_dicoms(tmp_path, RULE, Acquisition())


@needs_shared
@pytest.mark.real_data
def test_a_stray_copy_that_sorts_first_does_no_harm() -> None:
    items = recorded(SHARED / "ingest" / "siemens_ve11_mosaic_rtcloud", SeriesRule())
    assert numbered(items) == [(Volume, index) for index in range(10)]
    assert codes(items) == ["duplicate"]


@needs_shared
@pytest.mark.real_data
def test_all_155_volumes_of_the_recorded_run_come_in_order() -> None:
    items = recorded(SHARED / "siemens_mosaic_bold" / "dicoms", SeriesRule(number=7))
    assert numbered(items) == [(Volume, index) for index in range(155)]
    assert codes(items) == []
    times = [item.acquired_s for item in items if isinstance(item, Volume)]
    assert np.allclose(np.diff(np.array(times, dtype=float)), 1.97, atol=0.02)


def save(path: Path, shape: tuple[int, ...] = (3, 4, 5, 6), tr: float = 2.2, unit: str = "sec", slope: float | None = None) -> Any:
    stored = np.random.default_rng(1).integers(0, 4000, size=shape).astype(np.int16)
    image = nibabel.Nifti1Image(stored, np.diag([-3.0, 3.0, 3.5, 1.0]))
    if len(shape) == 4:
        image.header.set_zooms((3.0, 3.0, 3.5, tr))
    image.header.set_xyzt_units("mm", unit)
    if slope is not None:
        image.header.set_slope_inter(slope, 5.0)
    nibabel.save(image, path)
    return nibabel.load(path)


@pytest.mark.parametrize("name", ["run.nii", "run.nii.gz"])
@pytest.mark.parametrize("slope", [None, 0.25])
def test_a_4d_nifti_gives_a_volume_for_each_time_point(tmp_path: Path, name: str, slope: float | None) -> None:
    expected = np.asarray(save(tmp_path / name, slope=slope).dataobj, dtype=np.float32)
    items = list(read_nifti(tmp_path / name, obey_missing=frozenset({2})))
    assert numbered(items) == [(Missing if index == 2 else Volume, index) for index in range(6)]
    assert items[-1] == EndOfSource("all time points are read")
    for item in items:
        if isinstance(item, Volume):
            assert np.array_equal(item.data, expected[..., item.index])
            assert item.tr_s == 2.2
            assert item.grid.voxel_size_mm == (3.0, 3.0, 3.5)


@pytest.mark.parametrize(("tr", "unit"), [(2200.0, "msec"), (2_200_000.0, "usec"), (2.2, "sec")])
def test_the_unit_of_the_tr_is_minded(tmp_path: Path, tr: float, unit: str) -> None:
    save(tmp_path / "run.nii", tr=tr, unit=unit)
    (first, *_) = read_nifti(tmp_path / "run.nii")
    assert isinstance(first, Volume)
    assert first.tr_s == pytest.approx(2.2)


def test_a_given_tr_counts_more_than_the_headers(tmp_path: Path) -> None:
    save(tmp_path / "run.nii", tr=0.0)
    with pytest.raises(StudyError, match="repetition time"):
        read_nifti(tmp_path / "run.nii")
    (first, *_) = read_nifti(tmp_path / "run.nii", 1.5)
    assert isinstance(first, Volume)
    assert first.tr_s == 1.5


def test_what_is_no_4d_nifti_is_refused_in_a_sentence(tmp_path: Path) -> None:
    save(tmp_path / "one.nii", shape=(3, 4, 5))
    (tmp_path / "text.nii").write_text("not an image")
    save(tmp_path / "run.nii")
    (tmp_path / "cut.nii.gz").write_bytes(gzip.compress((tmp_path / "run.nii").read_bytes())[:300])
    for name, words in [
        ("one.nii", "no 4D"),
        ("text.nii", "cannot be read"),
        ("nowhere.nii", "not there"),
        ("cut.nii.gz", "cannot be read"),
    ]:
        with pytest.raises(StudyError, match=words):
            read_nifti(tmp_path / name)
    shutil.copy(tmp_path / "run.nii", tmp_path / "short.nii")
    with open(tmp_path / "short.nii", "r+b") as file:
        file.truncate(500)
    with pytest.raises(StudyError, match="shorter"):
        read_nifti(tmp_path / "short.nii")
