"""From bytes to a run: slices stacked, echoes chosen or combined, a restarted scan recognised, what is lacking said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from acquisition_files import dataset_of, mosaic_bytes, scan_of, to_bytes
from pydantic import ValidationError

from rtfmri.acquisition.echoes import EchoCombiner
from rtfmri.acquisition.files import read
from rtfmri.acquisition.intake import Intake
from rtfmri.acquisition.restart import RestartGuard
from rtfmri.acquisition.siemens import decode_mosaic
from rtfmri.errors import VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Arrival, Missing, SourceFault, SourceItem, Volume

SLICES, TR_S, WAIT_TR = 4, 1.0, 0.5


def intake(rule: SeriesRule | None = None, **options: Any) -> Intake:
    rule = rule or SeriesRule()
    return Intake(rule, Acquisition(series=rule, missing_after_tr=WAIT_TR), **options)


def given(run: Intake, files: list[bytes], now_s: float = 0.0) -> list[SourceItem]:
    return [item for data in files for item in run.take(run.open(data, settled=True), now_s)]


def slice_bytes(number: int, z: int, *, uid: str = "1.2.3.7", later_s: float = 0.0, value: int | None = None) -> bytes:
    """Slice ``z`` of volume ``number`` as Philips writes it."""
    dataset = dataset_of(scan_of(number, image_type=("ORIGINAL", "PRIMARY", "M"), uid=uid))
    del dataset[0x00290010], dataset[0x00291010]
    dataset.Manufacturer, dataset.TemporalPositionIdentifier = "Philips Medical Systems", number
    dataset.InstanceNumber, dataset.ImagePositionPatient = z * 100 + number, [-50, -40, -30 + 4 * z]
    dataset.Rows, dataset.Columns = 3, 2
    dataset.PixelData = np.full((3, 2), 10 * number + z if value is None else value, dtype=np.uint16).tobytes()
    seconds = round(3600 + number * TR_S + later_s)
    dataset.AcquisitionTime = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}.000000"
    dataset.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(0x18, "SL", SLICES)
    return to_bytes(dataset)


def numbers(items: list[SourceItem]) -> list[tuple[type, int]]:
    return [(type(item), item.index) for item in items if isinstance(item, Volume | Missing)]


def codes(items: list[SourceItem]) -> list[str]:
    return [item.code for item in items if isinstance(item, SourceFault)]


def test_the_last_slice_of_a_volume_gives_it_its_arrival() -> None:
    run, stamp = intake(), Arrival(1000.0, 5.0, 0.001)
    for z in (2, 0, 3):
        assert given(run, [slice_bytes(1, z)]) == []
    (volume,) = run.take(run.open(slice_bytes(1, 1), settled=True), 0.0, stamp)
    assert isinstance(volume, Volume)
    assert volume.arrival == stamp
    assert volume.data[0, 0].tolist() == [10, 11, 12, 13]


def test_a_volume_that_lacks_slices_when_a_later_one_is_whole_is_missing_in_half_a_tr() -> None:
    run = intake()
    given(run, [slice_bytes(1, z) for z in (0, 1, 3)])
    assert given(run, [slice_bytes(2, z) for z in range(SLICES)], now_s=2.0) == []
    assert run.deadline() == 2.5
    missing, volume = run.tick(2.5)
    assert missing == Missing(0, "volume 1 is not whole: 3 of 4 slices came")
    assert isinstance(volume, Volume)
    assert codes(given(run, [slice_bytes(1, 2)])) == ["straggler"]


def test_a_last_volume_that_is_not_whole_ends_as_missing() -> None:
    run = intake()
    out = given(run, [slice_bytes(1, z) for z in range(SLICES)] + [slice_bytes(2, z) for z in (0, 1)])
    assert numbers(out) == [(Volume, 0)]
    assert run.finish(9.0) == [Missing(1, "volume 2 is not whole: 2 of 4 slices came")]


def test_a_slice_that_cannot_be_decoded_makes_its_volume_missing() -> None:
    bad = dataset_of(scan_of(1))
    whole = [slice_bytes(1, z) for z in range(SLICES - 1)]
    bad = read(slice_bytes(1, 3)).header
    run = intake()
    out = given(run, whole) + run.take(run.refused(bad, "a file of the run is refused: damaged"), 0.0)
    assert codes(out) == ["unreadable"]
    assert numbers(out) == [(Missing, 0)]


def test_slices_before_the_first_wanted_volume_are_ignored() -> None:
    run = intake(first_index=1)
    out = given(run, [slice_bytes(number, z) for number in (1, 2) for z in range(SLICES)])
    assert numbers(out) == [(Volume, 1)]
    assert codes(out) == []


@pytest.mark.parametrize("uid", ["1.2.3.7", "1.2.3.8"])
def test_a_scan_that_is_started_again_is_told_of_once_and_not_slid_in(uid: str) -> None:
    run = intake()
    first = [slice_bytes(number, z) for number in (1, 2) for z in range(SLICES)]
    again = [slice_bytes(number, z, uid=uid, later_s=60.0, value=99) for number in (1, 2, 3, 4) for z in range(SLICES)]
    out = given(run, first + again) + run.finish(9.0)
    assert numbers(out) == [(Volume, 0), (Volume, 1)]
    assert codes(out) == ["restarted"]


def test_a_late_volume_is_no_restart_and_midnight_is_none_either() -> None:
    guard = RestartGuard()
    for index, acquired_s in [(0, 86398.0), (2, 86400.0 - 0.1), (1, 86399.0), (3, 0.9), (4, 1.9), (2, 86400.0 - 0.1)]:
        assert guard.judge(index, acquired_s, 1.0) == (True, None)


def echo_bytes(number: int, echo: int, **changes: Any) -> bytes:
    scan = scan_of(number, echo=echo, **changes)
    return mosaic_bytes(number, echo=echo, data=scan.data + np.uint16(10 * echo), **changes)


def echo_of(number: int, echo: int) -> np.ndarray:
    return decode_mosaic(read(echo_bytes(number, echo))).data


def test_one_echo_can_be_the_run() -> None:
    out = given(intake(SeriesRule(echo=2)), [echo_bytes(number, echo) for number in (1, 2) for echo in (1, 2, 3)])
    assert numbers(out) == [(Volume, 0), (Volume, 1)]
    assert codes(out) == ["other_series"] * 2
    assert all(isinstance(item, SourceFault) or np.array_equal(item.data, echo_of(item.index + 1, 2)) for item in out)  # type: ignore[union-attr]


def test_echoes_are_combined_by_weights() -> None:
    rule = SeriesRule(echo_weights=(1.0, 0.0, 3.0))
    out = given(intake(rule), [echo_bytes(number, echo) for number in (1, 2) for echo in (3, 2, 1)])
    assert numbers(out) == [(Volume, 0), (Volume, 1)]
    for item in out:
        if isinstance(item, Volume):
            expected = 0.25 * echo_of(item.index + 1, 1) + 0.75 * echo_of(item.index + 1, 3)
            assert np.allclose(item.data, expected, rtol=1e-6)


def test_a_volume_that_lacks_an_echo_is_missing_and_says_which() -> None:
    run = intake(SeriesRule(echo_weights=(1.0, 1.0)))
    given(run, [echo_bytes(1, 1), echo_bytes(2, 1), echo_bytes(2, 2)], now_s=1.0)
    assert run.tick(1.5)[0] == Missing(0, "volume 1 is not whole: echo 2 did not come")


def test_echoes_on_different_grids_are_not_combined() -> None:
    combiner = EchoCombiner({1: 1.0, 2: 1.0})
    combiner.add(1, decode_mosaic(read(echo_bytes(1, 1))))
    with pytest.raises(VolumeError, match="one grid"):
        combiner.add(2, decode_mosaic(read(echo_bytes(1, 2, corner_mm=(0.0, 0.0, 0.0)))))


@pytest.mark.parametrize(
    "rule", [{"echo": 1, "echo_weights": (1.0,)}, {"echo": 0}, {"echo_weights": (0.0,)}, {"echo_weights": (-1.0, 2.0)}]
)
def test_a_rule_about_echoes_that_makes_no_sense_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SeriesRule(**rule)


def test_one_damaged_number_costs_one_file_and_not_the_run() -> None:
    guard = RestartGuard()
    pieces = [(0, 100.0), (1, 101.0), (2, 102.0), (0, 103.0), (4, 104.0), (5, 105.0)]
    assert [guard.judge(index, acquired_s, 1.0)[0] for index, acquired_s in pieces] == [True, True, True, False, True, True]
