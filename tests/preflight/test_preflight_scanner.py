"""What is said of the scanner's folder and of the series in it, on real folders and files."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from rtfmri.preflight.scanner import FRESH_S, Folder, read_folder, scanner_checks
from rtfmri.preflight.series import MOST_NEWEST, OTHERS, Series, read_series, sample_of, series_check
from rtfmri.simulate.render import Rendering
from rtfmri.study import SeriesRule, Study
from rtfmri.volume import SeriesSummary


@pytest.fixture
def export(small_run: Rendering, tmp_path: Path) -> Path:
    """A few volumes that have just come."""
    folder = tmp_path / "export"
    folder.mkdir()
    for path in sorted((small_run.folder / "dicoms").rglob("*.dcm"))[:6]:
        shutil.copyfile(path, folder / path.name)
    return folder


def states(folder: Folder) -> list[tuple[str, str]]:
    return [(check.name, check.state) for check in scanner_checks(folder, None)]


def test_a_folder_with_fresh_files_is_ok_and_old_ones_are_told_of(export: Path) -> None:
    now_s = time.time()
    assert states(read_folder(export, now_s)) == [("scanner folder", "ok"), ("fresh files", "ok")]
    old = read_folder(export, now_s + FRESH_S + 60)
    assert states(old) == [("scanner folder", "ok"), ("fresh files", "warning")]
    assert "31 min old" in scanner_checks(old, None)[1].text


def test_an_empty_folder_cannot_be_judged_and_an_absent_one_fails(tmp_path: Path) -> None:
    assert states(read_folder(tmp_path, time.time())) == [("scanner folder", "ok"), ("fresh files", "unknown")]
    assert states(read_folder(tmp_path / "none", time.time())) == [("scanner folder", "failed")]
    file = tmp_path / "file"
    file.touch()
    assert "is no folder" in scanner_checks(read_folder(file, time.time()), None)[0].text


def test_files_from_the_future_tell_of_clocks_that_differ(export: Path) -> None:
    (check,) = scanner_checks(read_folder(export, time.time() - 600), None)[1:]
    assert check.state == "warning"
    assert "clocks" in check.advice


def test_without_a_folder_or_a_port_nothing_can_come() -> None:
    assert scanner_checks(None, None)[0].state == "failed"
    assert scanner_checks(None, 11112)[0].state == "unknown"


def test_a_share_and_a_slow_listing_are_noticed() -> None:
    share = Folder(Path("/mnt/scanner"), kind="cifs", paths=((Path("a"), 1.0),), listing_s=2.0)
    check = scanner_checks(share, None)[0]
    assert check.state == "warning"
    assert "network share (cifs)" in check.text
    assert "2.0 s" in check.text


def test_the_series_that_fits_is_named_with_a_whole_volume_of_it(export: Path, small_study: Study) -> None:
    series = read_series(read_folder(export, time.time()), small_study.acquisition.series)
    check = series_check(series, small_study.acquisition.series, small_study.acquisition.tr_s)
    assert check.state == "ok"
    assert "bold_nf_small" in check.text
    assert series.volume is not None
    assert series.volume.grid.shape == (44, 44, 24)


def test_another_tr_than_the_study_expects_fails(export: Path) -> None:
    rule = SeriesRule(protocol="bold_nf*")
    check = series_check(read_series(read_folder(export, time.time()), rule), rule, 2.0)
    assert check.state == "failed"
    assert "TR is 1 s and the study expects 2 s" in check.text


def test_a_number_that_lies_there_already_is_told_of(export: Path) -> None:
    rule = SeriesRule(number=3)
    assert series_check(read_series(read_folder(export, time.time()), rule), rule, 1.0).state == "warning"


def test_other_series_say_why_they_are_not_the_run() -> None:
    def summary(number: int, protocol: str, volumes: int, reason: str) -> SeriesSummary:
        return SeriesSummary(number, protocol, "Siemens", "mosaic", (64, 64, 36), 1.0, volumes, volumes, extra={"rule": reason})

    rule = SeriesRule(protocol="bold_nf*")
    other = summary(5, "bold_rest", 200, "it is not the one that the study names")
    check = series_check(Series((other,), 200, 200), rule, 1.0)
    assert check.state == "warning"
    assert "5 bold_rest: it is not the one that the study names" in check.text
    anatomy = summary(2, "t1", 1, "it is not echo-planar")
    assert series_check(Series((anatomy,), 1, 1), rule, 1.0).state == "unknown"
    assert series_check(Series(), rule, 1.0).state == "unknown"


def test_a_large_folder_is_sampled_newest_first(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number:05d}" for number in range(4000)]
    sample = sample_of(paths)
    assert sample[:MOST_NEWEST] == paths[:MOST_NEWEST]
    assert MOST_NEWEST < len(sample) <= MOST_NEWEST + 2 * OTHERS
    assert sample_of([]) == []


def test_a_file_that_goes_away_meanwhile_is_no_trouble(export: Path, small_study: Study) -> None:
    folder = read_folder(export, time.time())
    os.unlink(folder.paths[0][0])
    assert read_series(folder, small_study.acquisition.series).fitting is not None
