"""Whatever the scanner's files go through: every volume number once, in order, with the pixels that were written, in time."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from fault_plans import MISSING_AFTER_TR, TIMES_TR, Case, Told, cases, complaints, files_of, tilted_grid
from hypothesis import HealthCheck, example, given, settings
from virtual_scan import carried_out

from rtfmri.acquisition.intake import Intake
from rtfmri.acquisition.live import LiveRun
from rtfmri.acquisition.watched import WatchedFolder
from rtfmri.errors import IncompleteError
from rtfmri.simulate.faults import FAULTS, Fault, Kind
from rtfmri.simulate.flavours import WRITERS, Flavour
from rtfmri.simulate.scanner import play, write_list
from rtfmri.simulate.series import START_S, Series
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Missing, SourceFault, Volume


@settings(max_examples=500, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(cases())
@example(Case("mosaic", 7, (Fault(kind="preallocated", volume=6, by_tr=1.7),), events=False))  # it stopped in the middle of a slice
@example(Case("xa_enhanced", 8, (Fault(kind="restart", volume=1), Fault(kind="late_volume", volume=0, by_tr=2.5)), events=False))
def test_every_volume_comes_once_in_order_with_its_pixels_and_in_time(case: Case) -> None:
    assert complaints(case, carried_out(case)) == []


@pytest.mark.parametrize("flavour", WRITERS)
@pytest.mark.parametrize("events", [True, False], ids=["told by events", "found by looking"])
def test_without_faults_every_volume_comes(flavour: Flavour, events: bool) -> None:
    case = Case(flavour, 6, events=events)
    told = carried_out(case)
    assert complaints(case, told) == []
    volumes = [item for _, item in told if isinstance(item, Volume)]
    assert [volume.index for volume in volumes] == list(range(6))
    assert len(told) == 6
    for volume in volumes:
        assert volume.grid.difference_mm(tilted_grid()) < 1e-3
        assert volume.tr_s == case.tr_s
        assert volume.acquired_s == pytest.approx(START_S + volume.index * case.tr_s)
        assert volume.slice_times_s in (None, pytest.approx(TIMES_TR))  # GE and Philips do not say


@pytest.mark.parametrize("flavour", ["mosaic", "xa_enhanced"])
def test_siemens_tells_when_each_slice_was_acquired(flavour: Flavour) -> None:
    [(_, volume)] = carried_out(Case(flavour, 1))
    assert isinstance(volume, Volume)
    assert volume.slice_times_s == pytest.approx(TIMES_TR)


@pytest.mark.parametrize("flavour", WRITERS)
@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_alone_costs_its_volume_or_nothing(flavour: Flavour, kind: Kind) -> None:
    case = Case(flavour, 7, (Fault(kind=kind, volume=3, by_tr=0.4),))
    told = carried_out(case)
    assert complaints(case, told) == []
    lost = {item.index for _, item in told if isinstance(item, Missing)}
    assert lost == ({3} if kind in ("missing_slice", "missing_volume", "zero_length", "truncated") else set())


@pytest.mark.parametrize("flavour", WRITERS)
@pytest.mark.parametrize(
    ("kind", "by_tr", "code"),
    [
        ("duplicate", 0.4, "duplicate"),
        ("duplicate_differs", 0.4, "duplicate_differs"),
        ("late_volume", 2.2, "straggler"),
        ("other_series", 1.0, "other_series"),
        ("restart", 1.0, "restarted"),
        ("restart_in_series", 1.0, "restarted"),
    ],
)
def test_the_operator_is_told_once(flavour: Flavour, kind: Kind, by_tr: float, code: str) -> None:
    told = carried_out(Case(flavour, 7, (Fault(kind=kind, volume=3, by_tr=by_tr),)))
    assert [item.code for _, item in told if isinstance(item, SourceFault)] == [code]


@pytest.mark.parametrize("flavour", WRITERS)
def test_zero_rows_that_a_series_always_has_are_waited_for_once(flavour: Flavour) -> None:
    """A scanner that blanks the background ends its slices with zeros, as a preallocated file does."""
    rule = SeriesRule(protocol="bold_nf*")
    intake = Intake(rule, Acquisition(series=rule))
    series = Series(tilted_grid(), 1.0, TIMES_TR, "bold_nf1", 7, 4, 3)
    blanked = np.full(series.grid.shape, 500, np.uint16)
    blanked[:, :6] = 0
    first, second, third = (WRITERS[flavour](blanked, series, index)[0].content for index in range(3))
    with pytest.raises(IncompleteError):
        intake.open(first, settled=False)
    assert intake.open(first, settled=True).pieces
    assert intake.open(second, settled=False).pieces
    blanked[:, :7] = 0
    with pytest.raises(IncompleteError):
        intake.open(WRITERS[flavour](blanked, series, 2)[0].content, settled=False)
    assert intake.open(third, settled=False).pieces


REAL = {
    "ge": (("slow_write", 1), ("reorder_slices", 2), ("duplicate_differs", 3), ("missing_slice", 4)),
    "mosaic": (("preallocated", 1), ("rename", 2), ("missing_volume", 3), ("other_series", 4), ("late_volume", 6)),
    "philips": (("zero_length", 1), ("stall", 3), ("duplicate", 5)),
    "xa_enhanced": (("slow_copy", 1), ("reorder_volumes", 2), ("corrupt_pixels", 4), ("restart", 6)),
}


@pytest.mark.parametrize("flavour", WRITERS)
def test_the_same_holds_in_a_real_folder_with_the_real_clock(flavour: Flavour, tmp_path: Path) -> None:
    faults = tuple(Fault(kind=kind, volume=volume, by_tr=0.4) for kind, volume in REAL[flavour])
    case = Case(flavour, 8, faults, tr_s=0.25)
    (tmp_path / "export").mkdir()
    told: Told = []
    start_s = time.time() + 0.2
    rule = SeriesRule(protocol="bold_nf*")
    taken = LiveRun(
        rule,
        Acquisition(series=rule, missing_after_tr=MISSING_AFTER_TR),
        [WatchedFolder(tmp_path / "export")],
        lambda item: told.append((time.time() - start_s, item)),
    )
    with taken:
        write_run(case, tmp_path / "rendered")
        play(tmp_path / "rendered", tmp_path / "export", case.tr_s, faults=faults, seed=case.seed, start_at_unix_s=start_s)
        time.sleep(2 * case.tr_s)
    assert complaints(case, told, slack_s=0.5) == []  # of a busy machine
    assert sum(isinstance(item, Volume) for _, item in told) >= 4


def write_run(case: Case, folder: Path) -> None:
    """As ``render`` leaves it."""
    for file in files_of(case).values():
        path = folder / "dicoms" / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
    write_list(folder, ((file.volume, file.name) for file in files_of(case).values()))
