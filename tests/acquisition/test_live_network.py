"""A live run whose images come over the DICOM network, alone or beside a watched folder; the sender is DCMTK's storescu."""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from acquisition_files import mosaic_bytes

from rtfmri.acquisition.listener import DicomListener, Listening
from rtfmri.acquisition.live import LiveRun, Mouth
from rtfmri.acquisition.mailbox import Mailbox
from rtfmri.acquisition.received import ReceivedImages
from rtfmri.acquisition.watched import WatchedFolder
from rtfmri.simulate.flavours import WRITERS
from rtfmri.simulate.series import Series
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Grid, Missing, SourceFault, SourceItem, Volume

DEADLINE_S = 30.0
RULE = SeriesRule(protocol="bold_nf*")
pytestmark = pytest.mark.skipif(shutil.which("storescu") is None, reason="DCMTK's storescu is not installed (Debian: dcmtk)")


class Session:
    """A listener, and the runs that use it one after the other."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack, self.mailbox = stack, Mailbox()
        self.listener = stack.enter_context(DicomListener(Listening(0, address="127.0.0.1"), self.mailbox))

    def run(self, *beside: Mouth, first_index: int = 0) -> Run:
        delivered: queue.SimpleQueue[SourceItem] = queue.SimpleQueue()
        settings = Acquisition(series=RULE, missing_after_tr=5.0)
        mouths = [ReceivedImages(self.mailbox), *beside]
        return Run(self._stack.enter_context(LiveRun(RULE, settings, mouths, delivered.put, first_index=first_index)), delivered)

    def send(self, what: Path) -> None:
        command = ["storescu", "-aec", "RTFMRI", "+sd", "+r", "127.0.0.1", str(self.listener.port), str(what)]
        assert subprocess.run(command, capture_output=True, timeout=DEADLINE_S, check=False).returncode == 0


class Run:
    """What was delivered."""

    def __init__(self, live: LiveRun, delivered: queue.SimpleQueue[SourceItem]) -> None:
        self.live, self._delivered = live, delivered
        self.items: list[SourceItem] = []

    def until(self, enough: Callable[[], bool]) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while not enough():
            try:
                self.items.append(self._delivered.get(timeout=max(0.0, end_s - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"nothing more came; so far {len(self.items)}: {self.items[-2:]}")

    def volumes(self, count: int) -> list[Volume]:
        self.until(lambda: sum(isinstance(item, Volume) for item in self.items) >= count)
        return [item for item in self.items if isinstance(item, Volume)]

    def fault(self, code: str) -> SourceFault:
        self.until(lambda: any(isinstance(item, SourceFault) and item.code == code for item in self.items))
        return next(item for item in self.items if isinstance(item, SourceFault) and item.code == code)


@pytest.fixture
def session() -> Iterator[Session]:
    before = set(threading.enumerate())
    with ExitStack() as stack:
        yield Session(stack)
    assert set(threading.enumerate()) <= before


def mosaics(folder: Path, numbers: range) -> Path:
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{number:05d}.dcm").write_bytes(mosaic_bytes(number))
    return folder


def test_two_thousand_slices_at_full_speed_become_their_volumes_in_order(session: Session, tmp_path: Path) -> None:
    slices, volumes = 20, 100
    series = Series(
        Grid((24, 20, slices), np.diag([-3.0, 3.0, 4.0, 1.0])), 2.0, tuple(0.1 * z for z in range(slices)), "bold_nf1", 7, 1, volumes
    )
    shapes = [np.random.default_rng(index).integers(1, 4000, (24, 20, slices)).astype(np.uint16) for index in range(volumes)]
    for index, pixels in enumerate(shapes):
        for file in WRITERS["ge"](pixels, series, index):
            (tmp_path / "ge" / file.name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "ge" / file.name).write_bytes(file.content)
    run = session.run()
    began_s = time.perf_counter()
    session.send(tmp_path / "ge")
    took_s = time.perf_counter() - began_s
    found = run.volumes(volumes)
    assert [volume.index for volume in found] == list(range(volumes))
    for volume, pixels in zip(found, shapes, strict=True):
        np.testing.assert_array_equal(volume.data, pixels)
    assert not [item for item in run.items if isinstance(item, Missing | SourceFault)]
    assert took_s < 20, f"2000 slices took {took_s:.1f} s"


def test_a_volume_is_stamped_when_its_last_byte_was_here(session: Session, tmp_path: Path) -> None:
    run, folder = session.run(), mosaics(tmp_path / "out", range(1, 6))
    before_s, before_unix_s = time.perf_counter(), time.time()
    session.send(folder)
    for volume in run.volumes(5):
        assert volume.arrival is not None
        assert before_s < volume.arrival.noticed_s < time.perf_counter()
        assert before_unix_s < volume.arrival.noticed_unix_s < time.time()
        assert volume.arrival.assemble_s < 0.5


def test_a_run_may_come_half_by_files_and_half_over_the_network(session: Session, tmp_path: Path) -> None:
    export = mosaics(tmp_path / "export", range(0))
    run = session.run(WatchedFolder(export))
    session.send(mosaics(tmp_path / "out", range(1, 11)))
    mosaics(export, range(11, 21))
    run.volumes(20)
    session.send(mosaics(tmp_path / "again", range(15, 23)))
    assert [volume.index for volume in run.volumes(22)] == list(range(22))
    run.until(lambda: sum(isinstance(item, SourceFault) for item in run.items) == 6)
    assert {item.code for item in run.items if isinstance(item, SourceFault)} == {"duplicate"}


def test_what_comes_before_a_run_is_not_of_it_and_is_counted(session: Session, tmp_path: Path) -> None:
    session.send(mosaics(tmp_path / "before", range(1, 4)))
    run = session.run(first_index=3)
    assert "3 images" in run.fault("before_run").text
    session.send(mosaics(tmp_path / "of_it", range(4, 7)))
    assert [volume.index for volume in run.volumes(3)] == [3, 4, 5]


def test_one_listener_serves_one_run_after_the_other(session: Session, tmp_path: Path) -> None:
    first = session.run()
    session.send(mosaics(tmp_path / "first", range(1, 4)))
    first.volumes(3)
    first.live.__exit__(None, None, None)
    second = session.run()
    session.send(mosaics(tmp_path / "second", range(1, 6)))
    assert [volume.index for volume in second.volumes(5)] == list(range(5))
    assert len(first.items) == 3


def test_images_of_no_use_are_told_once_and_the_run_goes_on(session: Session, tmp_path: Path) -> None:
    run, folder = session.run(), mosaics(tmp_path / "out", range(1, 6))
    for number in (1, 2, 3):
        (folder / f"a{number}.dcm").write_bytes(mosaic_bytes(number, series=2, uid="1.2", protocol="t1", description="t1"))
    session.send(folder)
    assert [volume.index for volume in run.volumes(5)] == list(range(5))
    assert [item.code for item in run.items if isinstance(item, SourceFault)] == ["other_series"]
