"""Noticing files where the system helps, where it does not, and where the folder goes away meanwhile."""

from __future__ import annotations

import errno
import os
import shutil
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from watchdog.observers.api import EventEmitter

from rtfmri.acquisition import folders
from rtfmri.acquisition.cadence import Cadence, cadence_of, is_share, kind_of_mount
from rtfmri.acquisition.watch import FolderWatch

DEADLINE_S = 10.0
MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
proc /proc proc rw 0 0
tmpfs /mnt tmpfs rw 0 0
//mr/export /mnt/scanner cifs rw,vers=3.0 0 0
host:/x /mnt/a\\040share\\134\\011end nfs4 rw 0 0
systemd-1 /mnt/auto autofs rw 0 0
host:/y /mnt/auto nfs rw 0 0
user@host:/z /mnt/far fuse.sshfs rw 0 0
torn line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/data/run", "ext4"),
        ("/mnt", "tmpfs"),
        ("/mnt/scanner", "cifs"),
        ("/mnt/scanner/day/series", "cifs"),
        ("/mnt/scanners", "tmpfs"),
        ("/mnt/a share\\\tend/x", "nfs4"),
        ("/mnt/auto/x", "nfs"),
        ("/mnt/far", "fuse.sshfs"),
    ],
)
def test_the_kind_of_file_system_is_that_of_the_last_mount_above_the_folder(path: str, kind: str) -> None:
    assert kind_of_mount(path, MOUNTS) == kind


def test_without_a_table_of_mounts_the_kind_is_not_known_and_counts_as_a_share() -> None:
    assert kind_of_mount("/x", "") is None
    assert is_share(None)


def test_shares_are_listed_often_and_local_disks_seldom_unless_the_operator_says_how_often() -> None:
    assert [is_share(kind) for kind in ("nfs4", "cifs", "fuse.sshfs", "9p", "ext4", "xfs", "btrfs", "overlay", "tmpfs")] == [True] * 4 + [
        False
    ] * 5
    assert times(cadence_of(None, told_of_everything=True)) == pytest.approx((0.5, 0.01))
    assert times(cadence_of(None, told_of_everything=False)) == pytest.approx((0.04, 0.01)), "0.05 s in all"
    for told in (True, False):
        assert times(cadence_of(0.2, told_of_everything=told)) == pytest.approx((0.16, 0.04))


def times(cadence: Cadence) -> tuple[float, float]:
    return cadence.scan_s, cadence.settle_s


class Watching:
    """A watch, and what it has said."""

    def __init__(self, watch: FolderWatch, woken: threading.Event) -> None:
        self.watch, self.woken = watch, woken
        self.codes: list[str] = []
        self.texts: list[str] = []

    def rescan(self) -> list[str]:
        paths, faults = self.watch.rescan()
        self.codes += [fault.code for fault in faults]
        self.texts += [fault.text for fault in faults]
        return [os.path.basename(path) for path in paths]

    def until(self, code: str) -> None:
        end_s = time.monotonic() + DEADLINE_S
        while code not in self.codes:
            assert time.monotonic() < end_s, f"{code} never came: {self.codes}"
            self.woken.wait(0.02)
            self.rescan()

    def notices(self, path: Path) -> float:
        """Until an event tells of ``path``: when it did, by time.perf_counter()."""
        end_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < end_s:
            self.woken.wait(0.02)
            self.woken.clear()
            for hint in self.watch.hints():
                if hint.path == str(path) and hint.settled:
                    return hint.noticed_s
        pytest.fail(f"no event told of {path}")


Watch = Callable[..., Watching]


@pytest.fixture
def watched() -> Iterator[Watch]:
    before = set(threading.enumerate())
    with ExitStack() as stack:

        def start(folder: Path, poll_s: float | None = None) -> Watching:
            woken, watch = threading.Event(), FolderWatch(folder, poll_s)
            stack.enter_context(watch.armed(woken.set))
            return Watching(watch, woken)

        yield start
    assert set(threading.enumerate()) <= before


def closed(folder: Path, _outside: Path, number: int) -> Path:
    (folder / f"{number}.dcm").write_bytes(b"x" * 300_000)
    return folder / f"{number}.dcm"


def renamed(folder: Path, _outside: Path, number: int) -> Path:
    (folder / f"{number}.tmp").write_bytes(b"x" * 300_000)
    return (folder / f"{number}.tmp").rename(folder / f"{number}.dcm")


def moved_in(folder: Path, outside: Path, number: int) -> Path:
    return renamed(outside, outside, number).rename(folder / f"{number}.dcm")


def in_a_new_folder(folder: Path, _outside: Path, number: int) -> Path:
    (folder / f"series{number}").mkdir()
    time.sleep(0.01)
    return closed(folder / f"series{number}", folder, number)


@pytest.mark.parametrize("publish", [closed, renamed, moved_in, in_a_new_folder])
def test_a_complete_file_is_noticed_within_five_milliseconds(watched: Watch, tmp_path: Path, publish: Callable[..., Path]) -> None:
    folder, outside = tmp_path / "watched", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    watching, delays_ms = watched(folder), []
    for number in range(20):
        path = publish(folder, outside, number)
        complete_s = time.perf_counter()
        delays_ms.append((watching.notices(path) - complete_s) * 1000)
    assert statistics.median(delays_ms) < 5.0, delays_ms


def test_a_new_folder_asks_for_a_listing_at_once(watched: Watch, tmp_path: Path) -> None:
    watching = watched(tmp_path)
    watching.rescan()
    assert watching.watch.due_s > time.perf_counter() + 0.2, "a local disk is listed seldom"
    (tmp_path / "series").mkdir()
    assert watching.woken.wait(DEADLINE_S)
    assert watching.watch.due_s < time.perf_counter()


def test_the_operator_says_how_often(watched: Watch, tmp_path: Path) -> None:
    watching = watched(tmp_path, poll_s=0.02)
    watching.rescan()
    assert watching.watch.due_s < time.perf_counter() + 0.02


def test_a_share_is_listed_often_though_events_are_armed(watched: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text(f"host:/x {tmp_path.resolve()} nfs4 rw 0 0\n")
    monkeypatch.setattr(folders, "MOUNTS", table)
    assert watched(tmp_path).watch.cadence.scan_s < 0.05


def test_a_folder_of_many_thousands_does_not_fill_the_thread(watched: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(folder: str, problems: dict[str, str] | None = None) -> Iterator[str]:
        time.sleep(0.1)
        yield folder

    monkeypatch.setattr("rtfmri.acquisition.watch.files_below", slowly)
    watching = watched(tmp_path, poll_s=0.05)
    watching.rescan()
    assert 0.35 < watching.watch.due_s - time.perf_counter() < 0.6


def test_hidden_files_and_folders_are_left_out(watched: Watch, tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    watching = watched(tmp_path)
    for name in (".1.dcm", ".hidden/2.dcm", "3.dcm"):
        (tmp_path / name).write_bytes(b"x")
    assert watching.notices(tmp_path / "3.dcm")
    assert watching.rescan() == ["3.dcm"]


def test_a_dead_thread_of_the_events_is_noticed_and_they_are_armed_again(
    watched: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = watched(tmp_path)
    emitter = next(thread for thread in threading.enumerate() if isinstance(thread, EventEmitter))
    emitter.stop()
    emitter.join(DEADLINE_S)
    assert watching.codes == []
    watching.until("events_back")
    assert watching.notices(closed(tmp_path, tmp_path, 1))


def test_a_folder_that_is_deleted_and_made_again_is_found_again(watched: Watch, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    watching = watched(folder)
    shutil.rmtree(folder)
    watching.until("folder_lost")
    folder.mkdir()
    watching.until("folder_back")
    assert watching.notices(closed(folder, folder, 1))
    assert watching.codes == ["folder_lost", "folder_back"]


def test_a_root_that_now_leads_elsewhere_is_armed_anew(watched: Watch, tmp_path: Path) -> None:
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
    (tmp_path / "export").symlink_to(tmp_path / "monday")
    watching = watched(tmp_path / "export")
    (tmp_path / "next").symlink_to(tmp_path / "tuesday")
    (tmp_path / "next").rename(tmp_path / "export")
    watching.until("folder_back")
    closed(tmp_path / "tuesday", tmp_path, 1)
    assert "1.dcm" in watching.rescan()


@pytest.mark.parametrize("trouble", [errno.EIO, errno.ESTALE, errno.EHOSTDOWN])
def test_a_share_that_drops_is_told_once_and_found_again(
    watched: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: int
) -> None:
    closed(tmp_path, tmp_path, 1)
    watching = watched(tmp_path, poll_s=0.02)
    assert watching.rescan() == ["1.dcm"]

    def dropped(_: str) -> Any:
        raise OSError(trouble, os.strerror(trouble))

    with monkeypatch.context() as patch:
        patch.setattr("rtfmri.acquisition.folders.os.scandir", dropped)
        assert [watching.rescan() for _ in range(3)] == [[], [], []]
    assert watching.codes == ["folder_lost"]
    assert os.strerror(trouble) in watching.texts[0]
    assert watching.rescan() == ["1.dcm"]
    assert watching.codes == ["folder_lost", "folder_back"]
    assert watching.notices(closed(tmp_path, tmp_path, 2))


def test_a_share_that_is_unmounted_and_mounted_again_is_told_and_found_again(watched: Watch, tmp_path: Path) -> None:
    def call(*command: str) -> bool:
        return subprocess.run([*command, str(tmp_path)], capture_output=True, check=False).returncode == 0

    if not call("mount", "-t", "tmpfs", "none"):
        pytest.skip("this user may not mount file systems")
    try:
        watching = watched(tmp_path)
        assert call("umount", "--lazy")
        watching.until("folder_lost")
        assert "not mounted" in watching.texts[0]
        assert call("mount", "-t", "tmpfs", "none")
        watching.until("folder_back")
        assert watching.notices(closed(tmp_path, tmp_path, 1))
        assert watching.codes == ["folder_lost", "folder_back"]
    finally:
        call("umount", "--lazy")


def test_a_folder_below_that_cannot_be_listed_is_told_once_and_the_others_are_read(
    watched: Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("locked", "open"):
        (tmp_path / name).mkdir()
    closed(tmp_path / "open", tmp_path, 1)
    real = os.scandir

    def locked(folder: str) -> Any:
        if os.path.basename(folder) == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(folder)

    watching = watched(tmp_path)
    monkeypatch.setattr("rtfmri.acquisition.folders.os.scandir", locked)
    assert [watching.rescan() for _ in range(2)] == [["1.dcm"]] * 2
    assert watching.texts == ["the folder locked cannot be listed (Permission denied)"]


def test_after_events_are_armed_anew_the_folder_is_listed_once_more_at_once(watched: Watch, tmp_path: Path) -> None:
    """A file that was written between the listing and the arming had no event."""
    folder = tmp_path / "watched"
    folder.mkdir()
    watch = watched(folder, poll_s=60.0).watch
    watch.rescan()
    assert watch.due_s > time.perf_counter() + 30
    folder.rename(tmp_path / "old")
    folder.mkdir()
    _, faults = watch.rescan()
    assert [fault.code for fault in faults] == ["folder_back"]
    assert watch.due_s < time.perf_counter() + 5
    _, faults = watch.rescan()
    assert faults == []
    assert watch.due_s > time.perf_counter() + 30
