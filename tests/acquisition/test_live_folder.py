"""A real folder, real files and a real thread: every way in which a scanner, a share or a colleague may put files there."""

from __future__ import annotations

import os
import queue
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from acquisition_files import SHARED, dataset_of, mosaic_bytes, needs_shared, scan_of, to_bytes

from rtfmri.acquisition import intake
from rtfmri.acquisition.live import LiveRun
from rtfmri.acquisition.watched import WatchedFolder
from rtfmri.errors import StudyError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import EndOfSource, Missing, SourceFault, SourceItem, Volume

DEADLINE_S = 10.0
RULE = SeriesRule(protocol="bold_nf*")


class Heard:
    """What was delivered; waits for it with a deadline."""

    def __init__(self) -> None:
        self.items: list[SourceItem] = []
        self._queue: queue.SimpleQueue[SourceItem] = queue.SimpleQueue()
        self.deliver: Callable[[SourceItem], None] = self._queue.put

    def until(self, enough: Callable[[list[SourceItem]], bool]) -> list[SourceItem]:
        end_s = time.monotonic() + DEADLINE_S
        while not enough(self.items):
            try:
                self.items.append(self._queue.get(timeout=max(0.0, end_s - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"nothing more came; so far: {self.items}")
        return self.items

    def rest(self) -> list[SourceItem]:
        while not self._queue.empty():
            self.items.append(self._queue.get())
        return self.items

    def volumes(self, count: int) -> list[Volume]:
        self.until(lambda items: sum(isinstance(item, Volume) for item in items) >= count)
        return [item for item in self.items if isinstance(item, Volume)]

    def fault(self, code: str) -> SourceFault:
        self.until(lambda items: any(isinstance(item, SourceFault) and item.code == code for item in items))
        return next(item for item in self.items if isinstance(item, SourceFault) and item.code == code)


Watch = Callable[..., Heard]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "export"
    made.mkdir()
    return made


@pytest.fixture
def watched(folder: Path) -> Iterator[Watch]:
    """Starts to watch ``folder``; at the end no thread may be left."""
    before = set(threading.enumerate())
    with ExitStack() as stack:

        def start(rule: SeriesRule = RULE, missing_after_tr: float = 5.0, first_index: int = 0, **settings: Any) -> Heard:
            heard = Heard()
            acquisition = Acquisition(series=rule, missing_after_tr=missing_after_tr)
            stack.enter_context(LiveRun(rule, acquisition, [WatchedFolder(folder, **settings)], heard.deliver, first_index=first_index))
            return heard

        yield start
    assert set(threading.enumerate()) <= before


def numbers(items: list[SourceItem]) -> list[int]:
    return [item.index for item in items if isinstance(item, Volume | Missing)]


def codes(items: list[SourceItem]) -> list[str]:
    return [item.code for item in items if isinstance(item, SourceFault)]


def test_files_come_out_as_volumes_in_order_with_their_arrival(watched: Watch, folder: Path) -> None:
    heard = watched()
    before_s, before_unix_s = time.perf_counter(), time.time()
    for number in (1, 2, 3):
        (folder / f"{number}.dcm").write_bytes(mosaic_bytes(number))
    volumes = heard.volumes(3)
    assert [volume.index for volume in volumes] == [0, 1, 2]
    for volume in volumes:
        assert volume.arrival is not None
        assert before_s <= volume.arrival.noticed_s <= time.perf_counter()
        assert before_unix_s - 0.1 <= volume.arrival.noticed_unix_s <= time.time() + 0.1
        assert 0 < volume.arrival.decode_s < 1
        assert 0 <= volume.arrival.assemble_s < DEADLINE_S


def test_a_closed_file_is_noticed_within_a_few_milliseconds(watched: Watch, folder: Path) -> None:
    heard = watched(poll_s=5.0)  # so that only the system's events can be so quick
    heard_by_s = []
    for number in range(1, 11):
        (folder / f"{number}.dcm").write_bytes(mosaic_bytes(number))
        closed_s = time.perf_counter()
        arrival = heard.volumes(number)[-1].arrival
        assert arrival is not None
        heard_by_s.append(arrival.noticed_s - closed_s)
    assert sorted(heard_by_s)[5] < 0.005


def test_a_file_written_in_pieces_is_one_volume(watched: Watch, folder: Path) -> None:
    heard, data = watched(), mosaic_bytes(1)
    with open(folder / "1.dcm", "wb", buffering=0) as file:
        for start in range(0, len(data), 700):
            file.write(data[start : start + 700])
            time.sleep(0.02)
    for end in (1000, len(data)):  # and one that is closed half-way
        with open(folder / "2.dcm", "ab") as file:
            file.write(mosaic_bytes(2)[file.tell() : end])
        time.sleep(0.1)
    heard.volumes(2)
    assert codes(heard.rest()) == []


def test_files_renamed_into_place_are_noticed(watched: Watch, folder: Path, tmp_path: Path) -> None:
    heard = watched()
    (folder / "1.tmp").write_bytes(mosaic_bytes(1))
    (folder / "1.tmp").rename(folder / "1.dcm")
    (tmp_path / "outside").write_bytes(mosaic_bytes(2))
    (tmp_path / "outside").rename(folder / "2.dcm")
    (folder / ".3.hidden").write_bytes(mosaic_bytes(3))
    (folder / ".3.hidden").rename(folder / "3.dcm")
    (tmp_path / "linked").write_bytes(mosaic_bytes(4))
    os.link(tmp_path / "linked", folder / "4.dcm")
    heard.volumes(4)
    assert numbers(heard.items) == [0, 1, 2, 3]
    assert codes(heard.rest()) == []


def test_sub_folders_that_appear_later_are_watched(watched: Watch, folder: Path, tmp_path: Path) -> None:
    heard = watched()
    deep = folder / "day" / "series"
    deep.mkdir(parents=True)
    (deep / "1.dcm").write_bytes(mosaic_bytes(1))
    heard.volumes(1)
    (deep / "2.dcm").write_bytes(mosaic_bytes(2))
    whole = tmp_path / "whole"
    whole.mkdir()
    (whole / "3.dcm").write_bytes(mosaic_bytes(3))
    whole.rename(folder / "moved")
    heard.volumes(3)


def test_a_folder_that_is_deleted_and_made_again_is_found_again(watched: Watch, folder: Path) -> None:
    heard = watched()
    (folder / "1.dcm").write_bytes(mosaic_bytes(1))
    heard.volumes(1)
    shutil.rmtree(folder)
    heard.fault("folder_lost")
    folder.mkdir()
    heard.fault("folder_back")
    (folder / "2.dcm").write_bytes(mosaic_bytes(2))
    heard.volumes(2)


def test_a_folder_replaced_at_once_has_its_events_armed_anew(watched: Watch, folder: Path) -> None:
    heard = watched()
    shutil.rmtree(folder)
    folder.mkdir()
    heard.until(lambda items: bool({"folder_back", "events_back"} & set(codes(items))))  # the same inode may be used again
    (folder / "1.dcm").write_bytes(mosaic_bytes(1))
    closed_s = time.perf_counter()
    arrival = heard.volumes(1)[0].arrival
    assert arrival is not None
    assert arrival.noticed_s - closed_s < 0.05


def test_without_native_events_the_rescan_does_it(watched: Watch, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_events(*_: object, **__: object) -> None:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr("rtfmri.acquisition.native.Observer.schedule", no_events)
    heard, waits_s = watched(), []
    for number in range(1, 12):
        (folder / f"{number}.dcm").write_bytes(mosaic_bytes(number))
        closed_s = time.perf_counter()
        arrival = heard.volumes(number)[-1].arrival
        assert arrival is not None
        waits_s.append(arrival.noticed_s - closed_s)
    assert sorted(waits_s)[5] < 0.06, "one poll of 0.05 s, and what the machine adds"
    assert codes(heard.items) == ["no_events"]


def test_a_burst_of_thousands_in_any_order_comes_out_in_order(watched: Watch, folder: Path) -> None:
    burst = [(f"{number}.dcm", mosaic_bytes(number)) for number in range(1, 2001)]
    random.Random(1).shuffle(burst)
    heard = watched(missing_after_tr=10)
    for name, data in burst:
        (folder / name).write_bytes(data)
    assert [volume.index for volume in heard.volumes(2000)] == list(range(2000))


def test_a_gap_is_given_up_and_the_run_goes_on(watched: Watch, folder: Path) -> None:
    heard = watched(missing_after_tr=0.1)
    for number in (1, 2, 5):
        (folder / f"{number}.dcm").write_bytes(mosaic_bytes(number))
    heard.volumes(3)
    assert numbers(heard.items) == [0, 1, 2, 3, 4]
    (folder / "3.dcm").write_bytes(mosaic_bytes(3))
    assert heard.fault("straggler").index == 2
    assert numbers(heard.rest()) == [0, 1, 2, 3, 4]


def test_a_truncated_file_is_waited_for_and_then_told_of(watched: Watch, folder: Path) -> None:
    heard = watched(stalled_s=0.3)
    (folder / "1.dcm").write_bytes(mosaic_bytes(1)[:-100])
    (folder / "2.dcm").write_bytes(b"")
    heard.until(lambda items: len(codes(items)) == 2)
    assert codes(heard.items) == ["truncated", "truncated"]
    assert "1.dcm" in heard.fault("truncated").text


@needs_shared
def test_a_real_truncated_file_is_told_of(watched: Watch, folder: Path) -> None:
    heard = watched(SeriesRule(), stalled_s=0.2)
    shutil.copy(next((SHARED / "ingest" / "negative_truncated").iterdir()), folder)
    assert "ends before its header says" in heard.fault("truncated").text


def test_thousands_of_text_files_give_one_warning(watched: Watch, folder: Path) -> None:
    heard = watched()
    for number in range(300):
        (folder / f"note{number}.txt").write_text("not an image" * 50)
    (folder / "1.dcm").write_bytes(mosaic_bytes(1))
    heard.volumes(1)
    assert codes(heard.rest()) == ["unusable_file"]
    assert "no DICOM file" in heard.fault("unusable_file").text


def test_other_series_are_ignored_and_named_once(watched: Watch, folder: Path) -> None:
    heard = watched()
    others: list[dict[str, Any]] = [
        {"series": 1, "uid": "1.1", "protocol": "localizer", "description": "localizer", "image_type": ("ORIGINAL", "PRIMARY", "M", "ND")},
        {"series": 8, "uid": "1.8", "description": "MoCoSeries", "image_type": ("ORIGINAL", "PRIMARY", "M", "ND", "MOCO", "MOSAIC")},
        {"series": 6, "uid": "1.6", "description": "bold_nf1_SBRef"},
        {"series": 9, "uid": "1.9", "description": "t-map", "image_type": ("DERIVED", "PRIMARY", "M", "MOSAIC")},
    ]
    for series in others:
        for number in (1, 2):
            (folder / f"{series['series']}_{number}.dcm").write_bytes(mosaic_bytes(number, **series))
    for number in (1, 2):
        (folder / f"7_{number}.dcm").write_bytes(mosaic_bytes(number))
    heard.volumes(2)
    told = [item for item in heard.rest() if isinstance(item, SourceFault)]
    assert [(fault.code, fault.severity) for fault in told] == [("other_series", "info")] * 4
    assert "series 1 'localizer'" in told[0].text


def test_a_second_series_that_fits_is_told_of_and_ignored(watched: Watch, folder: Path) -> None:
    heard = watched()
    (folder / "1.dcm").write_bytes(mosaic_bytes(1))
    heard.volumes(1)
    (folder / "again.dcm").write_bytes(mosaic_bytes(2, series=11, uid="1.11"))
    assert "series 11" in heard.fault("second_series").text
    (folder / "2.dcm").write_bytes(mosaic_bytes(2))
    assert len(heard.volumes(2)) == 2


def test_a_file_of_the_run_that_cannot_be_decoded_ends_as_missing_with_the_reason(watched: Watch, folder: Path) -> None:
    heard = watched()
    bad = dataset_of(scan_of(2))
    del bad[0x00291010]
    for number, data in enumerate([mosaic_bytes(1), to_bytes(bad), mosaic_bytes(3)], start=1):
        (folder / f"{number}.dcm").write_bytes(data)
    heard.volumes(2)
    missing = next(item for item in heard.items if isinstance(item, Missing))
    assert missing.index == 1
    assert "CSA" in missing.reason


@pytest.mark.parametrize("ignore", [True, False])
def test_files_that_are_there_at_the_start_are_of_the_run_only_if_asked(watched: Watch, folder: Path, ignore: bool) -> None:
    for number in (1, 2):
        (folder / f"old{number}.dcm").write_bytes(mosaic_bytes(number))
    heard = watched(ignore_existing=ignore, missing_after_tr=0.1)
    (folder / "3.dcm").write_bytes(mosaic_bytes(3))
    heard.volumes(1 if ignore else 3)
    assert [type(item) for item in heard.items] == ([Missing, Missing, Volume] if ignore else [Volume] * 3)


def test_a_resumed_run_takes_up_the_files_since_it_began_and_the_numbers_that_it_lacks(watched: Watch, folder: Path) -> None:
    for number in (1, 2):
        (folder / f"earlier_run{number}.dcm").write_bytes(mosaic_bytes(number, series=5, uid="1.5"))
        os.utime(folder / f"earlier_run{number}.dcm", (1000, 1000))
    for number in (1, 2, 3):
        (folder / f"this_run{number}.dcm").write_bytes(mosaic_bytes(number))
    heard = watched(ignore_existing=False, not_before_unix_s=time.time() - 3600, first_index=1)
    heard.volumes(2)
    assert numbers(heard.items) == [1, 2]
    assert codes(heard.items) == []


def test_a_missing_folder_is_refused_in_a_sentence(folder: Path) -> None:
    with pytest.raises(StudyError, match="is not there"), LiveRun(RULE, Acquisition(), [WatchedFolder(folder / "nowhere")], print):
        pass


def test_volumes_that_still_wait_are_delivered_at_the_end(folder: Path) -> None:
    heard = Heard()
    with LiveRun(RULE, Acquisition(missing_after_tr=10), [WatchedFolder(folder)], heard.deliver):
        (folder / "2.dcm").write_bytes(mosaic_bytes(2))
        (folder / "stop.txt").write_text("the run is over" * 20)
        heard.fault("unusable_file")
    assert numbers(heard.rest()) == [0, 1]


def test_a_bug_ends_the_source_as_failed(watched: Watch, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(intake, "decode", broken)
    heard = watched()
    (folder / "1.dcm").write_bytes(mosaic_bytes(1))
    heard.until(lambda items: any(isinstance(item, EndOfSource) for item in items))
    assert heard.items[-1] == EndOfSource("acquisition stopped on an internal error: ZeroDivisionError: a bug", failed=True)


def test_nothing_delivered_tells_who_was_scanned(watched: Watch, folder: Path) -> None:
    heard = watched(stalled_s=0.2, missing_after_tr=0.1)
    files = [mosaic_bytes(1), mosaic_bytes(1, time="110000"), mosaic_bytes(3), mosaic_bytes(4, tr_ms=900.0), mosaic_bytes(5)[:-9]]
    files += [mosaic_bytes(1, series=2, uid="1.2", protocol="other", description="other"), mosaic_bytes(6, normal=())]
    for number, data in enumerate(files):
        (folder / f"{number}.dcm").write_bytes(data)
    heard.until(lambda items: len(codes(items)) >= 5)
    said = repr(heard.rest())
    assert not any(identity in said for identity in ("Doe", "MRN-4711", "19700101", "Hospital", "House", "1.2.3.7"))
