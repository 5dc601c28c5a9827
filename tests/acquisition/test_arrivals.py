"""When a file is complete: by its own length, by two looks that agree, never by a sleep. Time is passed in; the files are real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rtfmri.acquisition.arrivals import Arrivals, Spoilt, Whole
from rtfmri.acquisition.watch import Hint
from rtfmri.errors import IncompleteError, VolumeError

FULL = b"0123456789"
SETTLE_S, STALLED_S = 0.01, 5.0


def open_file(data: bytes, settled: bool) -> bytes:
    """A format whose files are ten bytes long; a zero at the end may be preallocated."""
    if data.startswith(b"bad"):
        raise VolumeError("it is bad")
    if len(data) < len(FULL) or (data.endswith(b"\0") and not settled):
        raise IncompleteError("it is short")
    return data


@pytest.fixture
def arrivals() -> Arrivals[bytes]:
    return Arrivals(open_file, settle_s=SETTLE_S, stalled_s=STALLED_S)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.dcm"


def hint(path: Path, at_s: float, settled: bool = True) -> Hint:
    return Hint(str(path), settled, at_s, 1e9 + at_s)


def put(path: Path, data: bytes, tick: int) -> None:
    """Write, and give the file its own time of change."""
    path.write_bytes(data)
    os.utime(path, ns=(tick, tick))


def taken(arrivals: Arrivals[bytes], now_s: float) -> list[bytes]:
    return [found.content for found in arrivals.due(now_s) if isinstance(found, Whole)]


def test_a_closed_file_is_taken_at_once_with_the_time_of_its_event(arrivals: Arrivals[bytes], path: Path) -> None:
    path.write_bytes(FULL)
    arrivals.hint(hint(path, 3.0))
    assert list(arrivals.due(3.001)) == [Whole(str(path), FULL, 3.0, 1e9 + 3.0)]
    assert arrivals.deadline() is None


def test_a_file_that_nobody_closed_is_taken_after_two_looks_that_agree(arrivals: Arrivals[bytes], path: Path) -> None:
    path.write_bytes(FULL)
    arrivals.rescan([str(path)], 0.0)
    assert taken(arrivals, 0.0) == []
    assert arrivals.deadline() == SETTLE_S
    assert taken(arrivals, SETTLE_S) == [FULL]


def test_a_file_that_grows_between_looks_is_looked_at_again(arrivals: Arrivals[bytes], path: Path) -> None:
    put(path, FULL, 1)
    arrivals.rescan([str(path)], 0.0)
    assert taken(arrivals, 0.0) == []
    put(path, b"abcdefghij", 2)
    assert taken(arrivals, 0.01) == []
    assert taken(arrivals, 0.02) == [b"abcdefghij"]


def test_a_file_written_in_pieces_is_taken_when_the_last_is_there(arrivals: Arrivals[bytes], path: Path) -> None:
    for tick, end in enumerate((0, 3, 9)):
        put(path, FULL[:end], tick)
        arrivals.hint(hint(path, float(tick)))
        assert taken(arrivals, float(tick)) == []
    put(path, FULL, 3)
    arrivals.hint(hint(path, 3.0))
    assert taken(arrivals, 3.0) == [FULL]


@pytest.mark.parametrize("data", [b"", FULL[:4]])
def test_a_file_that_never_becomes_whole_is_given_up_once(arrivals: Arrivals[bytes], path: Path, data: bytes) -> None:
    path.write_bytes(data)
    arrivals.hint(hint(path, 0.0))
    found, now_s = list(arrivals.due(0.0)), 0.0
    while (deadline := arrivals.deadline()) is not None:
        assert found == []
        now_s = deadline
        found += arrivals.due(now_s)
        arrivals.rescan([str(path)], now_s)
    assert found == [Spoilt(str(path), "it is short", True)]
    assert now_s == pytest.approx(STALLED_S)


def test_growth_puts_the_deadline_off(arrivals: Arrivals[bytes], path: Path) -> None:
    put(path, FULL[:2], 1)
    arrivals.hint(hint(path, 0.0))
    assert list(arrivals.due(0.0)) == []
    put(path, FULL[:4], 2)
    assert list(arrivals.due(4.0)) == []
    assert list(arrivals.due(6.0)) == []
    put(path, FULL, 3)
    assert taken(arrivals, 8.0) == []
    assert taken(arrivals, 8.1) == [FULL]


def test_an_incomplete_file_is_not_read_over_and_over(path: Path) -> None:
    reads: list[int] = []

    def counting(data: bytes, settled: bool) -> bytes:
        reads.append(len(data))
        return open_file(data, settled)

    arrivals = Arrivals(counting, settle_s=SETTLE_S, stalled_s=STALLED_S)
    path.write_bytes(FULL[:4])
    arrivals.hint(hint(path, 0.0))
    for step in range(400):
        assert list(arrivals.due(step / 100)) == []
    assert reads == [4]


def test_what_may_be_preallocated_waits_for_its_writer_or_the_deadline(arrivals: Arrivals[bytes], path: Path) -> None:
    path.write_bytes(FULL[:9] + b"\0")
    arrivals.rescan([str(path)], 0.0)
    assert taken(arrivals, 0.0) + taken(arrivals, 0.01) == []
    assert taken(arrivals, STALLED_S) == [FULL[:9] + b"\0"]


def test_a_file_that_changes_while_it_is_read_is_read_again(path: Path) -> None:
    def meddling(data: bytes, settled: bool) -> bytes:
        if data == FULL:
            put(path, b"abcdefghij", 2)
        return open_file(data, settled)

    arrivals = Arrivals(meddling, settle_s=SETTLE_S, stalled_s=STALLED_S)
    put(path, FULL, 1)
    arrivals.hint(hint(path, 0.0))
    assert taken(arrivals, 0.0) == []
    assert taken(arrivals, 0.01) + taken(arrivals, 0.02) == [b"abcdefghij"]


def test_a_renamed_or_linked_file_is_the_same_file(arrivals: Arrivals[bytes], path: Path) -> None:
    path.write_bytes(FULL)
    arrivals.hint(hint(path, 0.0))
    assert taken(arrivals, 0.0) == [FULL]
    linked, renamed = path.with_name("linked"), path.with_name("renamed")
    os.link(path, linked)
    path.rename(renamed)
    arrivals.hint(hint(renamed, 1.0))
    arrivals.rescan([str(linked), str(renamed)], 1.0)
    assert taken(arrivals, 1.0) + taken(arrivals, 2.0) == []


def test_a_taken_file_that_is_written_anew_is_a_new_file(arrivals: Arrivals[bytes], path: Path) -> None:
    put(path, FULL, 1)
    arrivals.hint(hint(path, 0.0))
    assert taken(arrivals, 0.0) == [FULL]
    put(path, b"abcdefghij", 2)
    arrivals.rescan([str(path)], 1.0)
    assert taken(arrivals, 1.0) + taken(arrivals, 1.1) == [b"abcdefghij"]


def test_a_spoilt_file_that_is_completed_later_is_taken(arrivals: Arrivals[bytes], path: Path) -> None:
    put(path, b"bad", 1)
    arrivals.hint(hint(path, 0.0))
    assert list(arrivals.due(0.0)) == [Spoilt(str(path), "it is bad", False)]
    put(path, FULL, 2)
    arrivals.hint(hint(path, 1.0))
    assert taken(arrivals, 1.0) == [FULL]


def test_files_from_before_are_ignored_until_they_change(arrivals: Arrivals[bytes], path: Path) -> None:
    put(path, FULL, 1)
    newer = path.with_name("newer")
    put(newer, b"abcdefghij", 10_000_000_000)
    arrivals.ignore([str(path), str(newer)], before_unix_s=5.0)
    arrivals.rescan([str(newer), str(path)], 0.0)
    assert taken(arrivals, 0.0) + taken(arrivals, 0.1) == [b"abcdefghij"]


def test_a_file_that_vanishes_is_forgotten(arrivals: Arrivals[bytes], path: Path) -> None:
    path.write_bytes(FULL[:3])
    arrivals.hint(hint(path, 0.0))
    assert list(arrivals.due(0.0)) == []
    path.unlink()
    assert list(arrivals.due(1.0)) == []
    assert arrivals.deadline() is None


def test_a_file_that_cannot_be_read_is_tried_again_and_then_told_of(arrivals: Arrivals[bytes], path: Path) -> None:
    path.mkdir()  # to read a folder fails, for root too
    arrivals.hint(hint(path, 0.0))
    assert list(arrivals.due(0.0)) == []
    (spoilt,) = arrivals.due(STALLED_S)
    assert isinstance(spoilt, Spoilt)
    assert "cannot be read" in spoilt.reason
