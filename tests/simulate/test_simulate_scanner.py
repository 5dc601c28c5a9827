"""The pace and the bytes of the simulated scanner, in real folders with the real clock."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path

import pytest

from rtfmri.cli.simulating import simulate_scenario
from rtfmri.errors import StudyError
from rtfmri.simulate.faults import Fault, Kind
from rtfmri.simulate.scanner import Written, play, read_written, write_list

TR_S = 0.05
N = 12


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder that looks rendered; the scanner only copies."""
    (tmp_path / "rendered" / "dicoms").mkdir(parents=True)
    names = [f"001_000007_{number:06d}.dcm" for number in range(1, N + 1)]
    for index, name in enumerate(names):
        (tmp_path / "rendered" / "dicoms" / name).write_bytes(bytes([index + 1]) * 200_000)
    write_list(tmp_path / "rendered", enumerate(names))
    return tmp_path / "rendered"


def test_files_come_at_their_deadlines_and_lateness_does_not_add_up(run: Path, tmp_path: Path) -> None:
    before = time.time()
    done = play(run, tmp_path / "to", TR_S, delay_s=0.1)
    assert len(done) == N
    assert done[0].due_unix_s == pytest.approx(before + 0.1, abs=0.05)
    for index, written in enumerate(done):
        assert written.due_unix_s == pytest.approx(done[0].due_unix_s + index * TR_S)
    late_s = sorted(written.closed_unix_s - written.due_unix_s for written in done)
    assert late_s[0] > -0.005  # never early
    assert late_s[N // 2] < TR_S  # a slow disk may delay one file, not the ones after it


def test_what_is_written_is_what_was_rendered(run: Path, tmp_path: Path) -> None:
    play(run, tmp_path / "to", TR_S, speed=math.inf)
    for source in (run / "dicoms").iterdir():
        assert (tmp_path / "to" / source.name).read_bytes() == source.read_bytes()


def test_speed_divides_the_pace(run: Path, tmp_path: Path) -> None:
    done = play(run, tmp_path / "to", 5.0, speed=500.0)
    assert done[-1].due_unix_s - done[0].due_unix_s == pytest.approx((N - 1) * 0.01)


def test_the_first_file_waits_for_the_time_it_was_given(run: Path, tmp_path: Path) -> None:
    start = time.time() + 0.3
    done = play(run, tmp_path / "to", 0.001, start_at_unix_s=start)
    assert done[0].due_unix_s == start
    assert done[0].closed_unix_s >= start - 0.005


def test_renamed_files_are_whole_when_they_get_their_name(run: Path, tmp_path: Path) -> None:
    sizes = []
    play(
        run,
        tmp_path / "to",
        TR_S,
        speed=math.inf,
        publish="rename",
        on_written=lambda w: sizes.append((tmp_path / "to" / w.name).stat().st_size),
    )
    assert sizes == [200_000] * N
    assert not list((tmp_path / "to").glob("*.part"))


def test_every_file_is_logged_before_the_next_one_comes(run: Path, tmp_path: Path) -> None:
    logged: list[int] = []
    done = play(run, tmp_path / "to", TR_S, speed=math.inf, on_written=lambda w: logged.append(len(read_written(run / "written.tsv"))))
    assert logged == list(range(1, N + 1))
    back = read_written(run / "written.tsv")
    assert [w.name for w in back] == [w.name for w in done]
    assert [w.closed_unix_s for w in back] == pytest.approx([w.closed_unix_s for w in done], abs=1e-5)


def test_a_torn_last_line_of_the_log_is_left_out(run: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.tsv"
    play(run, tmp_path / "to", TR_S, speed=math.inf, written_log=log)
    log.write_text(log.read_text(encoding="utf-8")[:-4], encoding="utf-8")
    assert len(read_written(log)) == N - 1


def test_stop_ends_it_between_two_files(run: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def after_third(written: Written) -> None:
        if written.index == 2:
            stop.set()

    done = play(run, tmp_path / "to", 60.0, speed=6000.0, stop=stop, on_written=after_third)
    assert len(done) == len(list((tmp_path / "to").iterdir())) == 3


def test_stop_ends_a_long_wait_at_once(run: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    player = threading.Thread(target=play, args=(run, tmp_path / "to", 1.0), kwargs={"delay_s": 3600.0, "stop": stop})
    player.start()
    stop.set()
    player.join(timeout=10)
    assert not player.is_alive()


@pytest.mark.parametrize("speed", [0.0, -1.0, math.nan])
def test_a_speed_that_is_none_is_refused(run: Path, tmp_path: Path, speed: float) -> None:
    with pytest.raises(StudyError, match="speed"):
        play(run, tmp_path / "to", TR_S, speed=speed)


def test_a_folder_that_holds_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no rendered run"):
        play(tmp_path, tmp_path / "to", TR_S)


def test_a_target_that_cannot_be_written_is_refused_in_a_sentence(run: Path, tmp_path: Path) -> None:
    (tmp_path / "to").write_text("a file, not a folder", encoding="utf-8")
    with pytest.raises(StudyError, match="cannot write"):
        play(run, tmp_path / "to", TR_S)


@pytest.mark.parametrize("kind", ["slow_write", "slow_copy", "preallocated", "rename", "reorder_volumes", "late_volume", "stall"])
def test_faults_that_only_cost_time_leave_every_file_as_it_was_rendered(run: Path, tmp_path: Path, kind: Kind) -> None:
    done = play(run, tmp_path / "to", TR_S, speed=math.inf, faults=[Fault(kind=kind, volume=3)])
    assert sorted(written.index for written in done) == list(range(N))
    assert {path.name: path.read_bytes() for path in (tmp_path / "to").iterdir()} == {
        path.name: path.read_bytes() for path in (run / "dicoms").iterdir()
    }


def test_a_slow_file_grows_and_is_logged_when_it_is_whole(run: Path, tmp_path: Path) -> None:
    sizes: list[tuple[int, int]] = []
    target = tmp_path / "to" / "001_000007_000001.dcm"
    play(
        run,
        tmp_path / "to",
        TR_S,
        faults=[Fault(kind="slow_write", volume=0, by_tr=2.5)],
        on_written=lambda written: sizes.append((written.index, target.stat().st_size)),
    )
    assert [index for index, _ in sizes][:3] == [1, 2, 0]
    assert [size for _, size in sizes][:3] == [100_000, 150_000, 200_000]


def test_files_in_sub_folders_are_put_into_the_same(tmp_path: Path) -> None:
    name = "p1/e2/s3/i100001.MRDC.1"
    (tmp_path / "rendered" / "dicoms" / name).parent.mkdir(parents=True)
    (tmp_path / "rendered" / "dicoms" / name).write_bytes(b"slice")
    write_list(tmp_path / "rendered", [(0, name)])
    play(tmp_path / "rendered", tmp_path / "to", TR_S)
    assert (tmp_path / "to" / name).read_bytes() == b"slice"


def test_a_scenario_is_rendered_and_played_in_one_call(quick_file: Path, tmp_path: Path) -> None:
    assert simulate_scenario(quick_file, tmp_path / "to", "max", tmp_path / "kept") == 0
    assert len(list((tmp_path / "to").iterdir())) == 20
    assert (tmp_path / "kept" / "truth" / "rois.tsv").is_file()
