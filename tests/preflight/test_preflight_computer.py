"""Disk, numbers, ports, versions, display, physiology, this computer: judged from plain facts, and read from real ones."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest
from preflight_facts import AROUND, display, grid, study_of

from rtfmri.messages import Entities
from rtfmri.preflight import session as session_module
from rtfmri.preflight.asked import Asked
from rtfmri.preflight.check import Check, ago, of_bytes, worst
from rtfmri.preflight.computer import Computer, computer_checks, read_computer
from rtfmri.preflight.disk import Disk, bytes_of_run, disk_check, read_disk
from rtfmri.preflight.display import display_checks
from rtfmri.preflight.numbers import label_problem, numbers_check, read_numbers
from rtfmri.preflight.physiology import Heard, listen_for_physiology, physiology_check
from rtfmri.preflight.session import Session, ports_check, read_session, versions_check
from rtfmri.record.layout import RunPaths
from rtfmri.stream.control import Command, ControlServer, Reply, SessionInfo
from rtfmri.stream.ports import Ports, free_base
from rtfmri.study.display import Trigger
from rtfmri.study.physiology import Physiology

INFO = {"software": "rtfmri 0.1.0", "schema_version": "1.2", "study": "compassion", "pid": 4242}
KEYBOARD = Trigger(kind="keyboard")


def asked(tmp_path: Path, **changes: object) -> Asked:
    return Asked(tmp_path / "study.toml", tmp_path, **changes)  # type: ignore[arg-type]


def reply(tmp_path: Path, **changes: object) -> Reply:
    info = SessionInfo.model_validate({**INFO, "study_file": str(tmp_path / "study.toml"), "out": str(tmp_path)})
    return Reply.model_validate({"ok": True, "text": "No run is armed.", "state": "idle", "session": info, **changes})


def test_a_disk_is_judged_by_what_the_runs_take() -> None:
    need = bytes_of_run(300, grid((64, 64, 36)))
    assert 300 * 64 * 64 * 36 * 4 < need < 3 * 300 * 64 * 64 * 36 * 4
    judged = [disk_check(Disk(Path("out"), free), 300, grid((64, 64, 36)), runs=4).state for free in (need // 2, 2 * need, 5 * need)]
    assert judged == ["failed", "warning", "ok"]
    assert disk_check(Disk(Path("out"), 10**10), None, None, 1).state == "unknown"


def test_a_folder_that_cannot_be_written_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert disk_check(read_disk(tmp_path / "file" / "out"), 10, grid(), 1).state == "failed"
    assert read_disk(tmp_path / "new" / "out").free_bytes > 0
    assert list(tmp_path.iterdir()) == [tmp_path / "file"], "nothing is left behind"


def test_labels_are_judged_as_they_are_typed() -> None:
    assert label_problem("07", "01") == ""
    assert "sub-" in label_problem("sub-07", "01")
    assert label_problem("", "01")
    assert label_problem("07", "é")


def test_a_recorded_run_is_never_overwritten_and_a_cut_off_one_is_told_of(tmp_path: Path) -> None:
    study, paths = study_of(), RunPaths(tmp_path, Entities(sub="07", task="compassion", run=1))
    assert numbers_check(read_numbers(asked(tmp_path, sub="07"), study, AROUND.for_arm)).state == "ok"
    paths.folder.mkdir(parents=True)
    paths.journal.touch()
    assert numbers_check(read_numbers(asked(tmp_path, sub="07"), study, AROUND.for_arm)).state == "warning"
    paths.raw_folder.mkdir(parents=True)
    paths.bold.touch()
    recorded = numbers_check(read_numbers(asked(tmp_path, sub="07", run=1), study, AROUND.for_arm))
    assert recorded.state == "failed"
    assert "never overwritten" in recorded.text
    following = numbers_check(read_numbers(asked(tmp_path, sub="07"), study, AROUND.for_arm))
    assert following.state == "ok"
    assert "run-02" in following.text
    assert numbers_check(read_numbers(asked(tmp_path, sub="a b"), study, AROUND.for_arm)).state == "failed"


def test_ports_are_free_or_taken_or_our_own_sessions(tmp_path: Path) -> None:
    base = free_base()
    assert ports_check(read_session(base, None), asked(tmp_path)).state == "ok"
    with socket.create_server(("127.0.0.1", base + 1)):
        taken = ports_check(read_session(base, None), asked(tmp_path))
        assert (taken.state, str(base + 1) in taken.text) == ("failed", True)
        assert ports_check(read_session(free_base(), base + 1), asked(tmp_path)).state == "failed", "the DICOM port too"
    with ControlServer(Ports("127.0.0.1", base), lambda command: reply(tmp_path)):
        ours = read_session(base, None)
    assert ours.reply is not None
    assert ports_check(ours, asked(tmp_path)).state == "ok"


def test_a_program_that_is_no_session_does_not_answer_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "ANSWER_S", 0.4)
    base = free_base()
    with socket.create_server(("127.0.0.1", base + 3)):
        assert ports_check(read_session(base, None), asked(tmp_path)).state == "failed"


def test_a_session_of_another_study_or_with_a_run_is_not_taken_for_ours(tmp_path: Path) -> None:
    other = SessionInfo.model_validate({**INFO, "study_file": "/other.toml", "out": str(tmp_path)})
    elsewhere = SessionInfo.model_validate({**INFO, "study_file": str(tmp_path / "study.toml"), "out": "/elsewhere"})
    for told in ({"session": other}, {"session": elsewhere}, {"state": "running", "label": "sub-07"}):
        assert ports_check(Session(5560, reply(tmp_path, **told)), asked(tmp_path)).state == "failed", told


def test_versions_of_both_sides_are_compared(tmp_path: Path) -> None:
    assert versions_check(Session(5560)).state == "unknown"
    assert versions_check(Session(5560, reply(tmp_path, displays=(display(),)))).state == "ok"
    older = reply(tmp_path, displays=(display(software="rtfmri 0.0.9"),))
    assert versions_check(Session(5560, older)).state == "warning"
    assert versions_check(Session(5560, reply(tmp_path, displays=(display(schema_version="2.0"),)))).state == "failed"


@pytest.mark.parametrize(
    ("change", "states"),
    [
        ({}, ["ok", "ok", "ok"]),
        ({"problems": ("The picture a.png is not there.",)}, ["warning", "ok", "ok"]),
        ({"refresh_hz": None}, ["warning", "ok", "ok"]),
        ({"dropped_frames": 900}, ["warning", "ok", "ok"]),
        ({"pulses": 0}, ["ok", "unknown", "ok"]),
        ({"clock_offset_s": None}, ["ok", "ok", "unknown"]),
        ({"clock_error_s": 0.2}, ["ok", "ok", "warning"]),
    ],
)
def test_a_display_is_judged_by_what_it_reports(tmp_path: Path, change: dict[str, object], states: list[str]) -> None:
    session = Session(5560, reply(tmp_path, displays=(display(**change),)))
    checks = display_checks(session, KEYBOARD, "feedback", "tcp://127.0.0.1:5560", 1000.0)
    assert [check.state for check in checks] == states


def test_a_feedback_run_wants_a_display_and_says_how_to_start_it(tmp_path: Path) -> None:
    there, nobody = Session(5560, reply(tmp_path)), Session(5560)
    (check,) = display_checks(there, KEYBOARD, "feedback", "tcp://127.0.0.1:5560", 0.0)
    assert check.state == "warning"
    assert "--connect tcp://127.0.0.1:5560" in check.advice
    assert display_checks(there, KEYBOARD, "localizer", "tcp://127.0.0.1:5560", 0.0)[0].state == "unknown"
    assert display_checks(nobody, KEYBOARD, "feedback", "tcp://127.0.0.1:5560", 0.0)[0].state == "unknown"


def test_silence_of_belt_and_pulse_is_noticed() -> None:
    rule = Physiology(address=f"tcp://127.0.0.1:{free_base()}")
    heard = listen_for_physiology(rule, session_runs=False)
    assert heard is not None
    assert physiology_check(rule, heard).state == "warning"
    theirs = listen_for_physiology(rule, session_runs=True)
    assert theirs is not None
    assert physiology_check(rule, theirs).state == "unknown"
    assert physiology_check(rule, Heard(240, ("cardiac", "respiratory", "trigger"))).state == "ok"
    assert physiology_check(rule, Heard(240, ("cardiac",))).state == "warning"
    assert listen_for_physiology(Physiology(address=None), session_runs=False) is None


def test_this_computer_is_looked_at(tmp_path: Path) -> None:
    now = read_computer(tmp_path)
    assert now.processors >= 1
    assert abs(now.now_unix_s - time.time()) < 5
    healthy = Computer(time.time(), 4, 0.5, 8 * 10**9, tmp_path, True, 0.0)
    assert worst(computer_checks(healthy)) == "ok"
    for change in ({"load": 40.0}, {"processors": 1}, {"memory_bytes": 10**8}, {"kept": None}, {"disk_ahead_s": 30.0}):
        assert worst(computer_checks(Computer(**{**healthy.__dict__, **change}))) == "warning", change
    assert worst(computer_checks(Computer(0.0, 4, 0.5, None, tmp_path, True, None))) == "failed"


def test_nobody_waits_long_for_a_session_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert session_module.ANSWER_S <= 2.0
    monkeypatch.setattr(session_module, "ANSWER_S", 0.4)
    base, release = free_base(), threading.Event()

    def stuck(command: Command) -> Reply:
        release.wait(10)
        return reply(tmp_path)

    with ControlServer(Ports("127.0.0.1", base), stuck):
        began_s = time.monotonic()
        session = read_session(base, None)
        took_s = time.monotonic() - began_s
        release.set()
    assert took_s < 4
    assert ports_check(session, asked(tmp_path)).state == "failed"


def test_words_for_times_and_sizes() -> None:
    assert [ago(s) for s in (5, 119, 180, 7200, 200_000)] == ["5 s", "119 s", "3 min", "2 h", "2 days"]
    assert [of_bytes(n) for n in (5e6, 5.64e10)] == ["5 MB", "56.4 GB"]
    assert worst(()) == "ok"
    assert worst((Check("a", "unknown", ""), Check("b", "warning", ""))) == "warning"
