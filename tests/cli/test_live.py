"""`rtfmri run` as a process: a simulated scanner writes, the operator arms and speaks, the power goes, the run is resumed."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rtfmri import __version__
from rtfmri.errors import StudyError
from rtfmri.messages import SCHEMA, DisplayReport, Entities, Fault, Operator, RunStart, RunStop, VolumeMessage
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import rendered_files
from rtfmri.stream.control import Command, Reply, ask
from rtfmri.stream.ports import Ports, free_base
from rtfmri.stream.returns import ReturnsClient
from rtfmri.stream.subscriber import Subscriber

Cli = Any
SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
WITHIN_S = 60.0


@dataclass
class Live:
    """A session under test, and the folder that it watches."""

    process: subprocess.Popen[str]
    ports: Ports
    watched: Path
    out: Path

    def reply(self, **command: Any) -> Reply:
        return ask(self.ports, Command(**command), WITHIN_S)

    def wait_until(self, state: str) -> None:
        until(lambda: self._state() == state, f"the session is {state}", self.process)

    def _state(self) -> str | None:
        try:
            return ask(self.ports, Command(action="status"), 0.5).state
        except StudyError:
            return None

    def paths(self, run: int = 1) -> RunPaths:
        return RunPaths(self.out, Entities(sub="07", ses="01", task="small", run=run))

    def of_kind(self, kind: type, run: int = 1) -> list[Any]:
        return [e.message for e in read_journal(self.paths(run).journal) if isinstance(e.message, kind)]

    def volumes(self, run: int = 1) -> int:
        return len(self.of_kind(VolumeMessage, run)) if self.paths(run).journal.exists() else 0


def until(done: Callable[[], bool], what: str, process: subprocess.Popen[str]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not done():
        assert process.poll() is None or done(), f"the session ended before {what}: {process.communicate()}"
        assert time.monotonic() < end_s, f"not in {WITHIN_S:.0f} s: {what}"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Live]]:
    """Start a session; every one is killed at the end of the test."""
    started: list[Live] = []
    watched = tmp_path / "export"
    watched.mkdir()

    def begin(*options: str) -> Live:
        ports = Ports("127.0.0.1", free_base())
        command = [sys.executable, "-m", "rtfmri", "run", str(SMALL), "--watch", str(watched), "--out", str(tmp_path / "out")]
        command += ["--port", str(ports.base), "--no-status", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(Live(process, ports, watched, tmp_path / "out"))
        return started[-1]

    yield begin
    for live in started:
        live.process.kill()
        live.process.communicate()


def export(rendering: Rendering, watched: Path, numbers: range) -> None:
    for source in rendered_files(rendering.folder)[numbers.start : numbers.stop]:
        shutil.copy(source, watched)


def test_a_live_run_comes_to_its_planned_end_and_replays_to_the_same_bits(
    start: Callable[..., Live], small_run: Rendering, cli: Cli
) -> None:
    live = start("--sub", "07", "--run", "1", "--once")
    live.wait_until("armed")
    with Subscriber(live.ports.messages) as subscriber:
        heard: list[Any] = []

        def hear() -> bool:
            heard.extend(e.message for e in subscriber.receive(0.1))
            return any(isinstance(message, RunStop) for message in heard)

        export(small_run, live.watched, range(64))
        until(hear, "the end of the run is heard", live.process)
    assert [m.index for m in heard if isinstance(m, VolumeMessage)] == list(range(64))
    assert live.process.wait(WITHIN_S) == 0
    assert live.of_kind(RunStop)[0].exit_status == "completed"
    for source in (live.out, live.watched):
        done = cli("replay", source, "--against", live.paths().journal, "--verify")
        assert "All values of all 64 volumes are bit-identical." in done.stdout, done.stdout + done.stderr


def test_the_power_goes_and_the_run_resumes_where_it_was(start: Callable[..., Live], small_run: Rendering, cli: Cli) -> None:
    first = start("--sub", "07", "--run", "1", "--once")
    first.wait_until("armed")
    export(small_run, first.watched, range(30))
    until(lambda: first.volumes() == 30, "thirty volumes", first.process)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    export(small_run, first.watched, range(30, 40))  # while this computer is down
    second = start("--sub", "07", "--once")  # the operator does not think of run numbers now
    second.wait_until("running")
    export(small_run, second.watched, range(40, 64))
    assert second.process.wait(WITHIN_S) == 0, second.process.stderr
    assert [m.index for m in second.of_kind(VolumeMessage)] == list(range(64))
    assert [m.resumed for m in second.of_kind(RunStart)] == [False, True]
    assert len(second.of_kind(RunStop)) == 1
    seqs = [e.seq for e in read_journal(second.paths().journal)]
    assert seqs == list(range(len(seqs)))
    done = cli("replay", second.watched, "--against", second.paths().journal, "--verify")
    assert "All values of all 64 volumes are bit-identical." in done.stdout, done.stdout + done.stderr


def test_a_lost_file_is_declared_missing_and_obeyed_in_replay(start: Callable[..., Live], small_run: Rendering, cli: Cli) -> None:
    live = start("--sub", "07", "--run", "1", "--once")
    live.wait_until("armed")
    export(small_run, live.watched, range(20))
    export(small_run, live.watched, range(21, 40))
    until(lambda: live.volumes() == 40, "forty volumes", live.process)
    export(small_run, live.watched, range(20, 21))  # the straggler
    export(small_run, live.watched, range(40, 64))
    assert live.process.wait(WITHIN_S) == 0
    missing = [m.index for m in live.of_kind(VolumeMessage) if m.validity == "missing"]
    assert missing == [20]
    assert any(fault.index == 20 for fault in live.of_kind(Fault)), "the straggler is told"
    done = cli("replay", live.watched, "--against", live.paths().journal, "--verify")
    assert "All values of all 64 volumes are bit-identical." in done.stdout, done.stdout + done.stderr


def test_the_operator_arms_marks_and_stops_then_arms_the_next_run(start: Callable[..., Live], small_run: Rendering) -> None:
    live = start()
    live.wait_until("idle")
    assert not live.reply(action="stop").ok
    assert live.reply(action="arm", sub="07").text == "sub-07_ses-01_task-small_run-01 is armed."
    assert not live.reply(action="arm", sub="08").ok
    export(small_run, live.watched, range(10))
    until(lambda: live.volumes() == 10, "ten volumes", live.process)
    assert live.reply(action="mark", note="cough").ok
    assert live.reply(action="stop", note="participant wants a break").ok
    live.wait_until("idle")
    assert [o.note for o in live.of_kind(Operator)] == ["cough", "participant wants a break"]
    assert live.of_kind(RunStop)[0].reason == "participant wants a break"
    assert live.reply(action="arm", sub="07").text == "sub-07_ses-01_task-small_run-02 is armed."
    assert live.reply(action="stop").ok
    assert live.of_kind(VolumeMessage, run=2) == [], "files of the run before are not of this run"


def a_report(**fields: Any) -> DisplayReport:
    said = {"software": f"rtfmri {__version__}", "schema_version": SCHEMA, "sent_unix_s": time.time(), **fields}
    return DisplayReport(display="mri", **said)


def test_a_session_tells_of_itself_and_its_displays_and_what_arm_would_open(start: Callable[..., Live], small_run: Rendering) -> None:
    live = start()
    live.wait_until("idle")
    with ReturnsClient(live.ports.messages, "mri") as display, Subscriber(live.ports.messages) as console:
        display.send(a_report(refresh_hz=60.0))
        until(lambda: [r.refresh_hz for r in live.reply(action="status").displays] == [60.0], "the idle session knows it", live.process)
        session = live.reply(action="status").session
        assert session is not None
        assert (session.study, session.watch, session.pid) == ("small", str(live.watched), live.process.pid)
        assert "F1" in live.reply(action="card").text
        assert live.reply(action="propose", sub="07").label == "sub-07_ses-01_task-small_run-01"
        assert "Say which participant" in live.reply(action="propose").text
        assert live.reply(action="arm", sub="07").ok
        assert live.reply(action="propose", sub="07").label == "sub-07_ses-01_task-small_run-02", "while run 1 goes on"
        assert live.reply(action="card").ok
        display.send(a_report(problems=("The trigger is silent.",)))
        told_s, heard = time.monotonic(), list[Any]()

        def hear() -> bool:
            heard.extend(e.message for e in console.receive(0.05))
            return any(isinstance(m, Fault) and m.code == "display_problem" for m in heard)

        until(hear, "the operator hears of it", live.process)
        assert time.monotonic() - told_s < 1.0
        assert [o.action for o in heard if isinstance(o, Operator)] == ["card"]
        assert live.reply(action="stop").ok
    live.wait_until("idle")
    refused = live.reply(action="propose", sub="07", run=1)
    assert (refused.ok, "never overwritten" in refused.text) == (False, True)


def test_a_finished_run_is_never_overwritten(start: Callable[..., Live], small_run: Rendering) -> None:
    live = start("--sub", "07", "--run", "1", "--once")
    live.wait_until("armed")
    assert live.reply(action="stop").ok
    assert live.process.wait(WITHIN_S) == 0
    again = start("--sub", "07", "--run", "1", "--once")
    assert again.process.wait(WITHIN_S) == 2
    assert "the next free run number is 2" in again.process.communicate()[1]


def test_ending_the_session_stops_the_run_and_keeps_it(start: Callable[..., Live], small_run: Rendering) -> None:
    live = start("--sub", "07", "--run", "1")
    live.wait_until("armed")
    export(small_run, live.watched, range(10))
    until(lambda: live.volumes() == 10, "ten volumes", live.process)
    live.process.send_signal(signal.SIGTERM)
    assert live.process.wait(WITHIN_S) == 0
    (stop,) = live.of_kind(RunStop)
    assert (stop.exit_status, stop.counts["received"]) == ("stopped", 10)
    assert live.paths().nf.exists()
    assert live.paths().bold.exists()


def test_the_run_is_told_whole_to_a_listener_that_comes_late(start: Callable[..., Live], small_run: Rendering) -> None:
    live = start("--sub", "07", "--run", "1")
    live.wait_until("armed")
    export(small_run, live.watched, range(15))
    until(lambda: live.volumes() == 15, "fifteen volumes", live.process)
    with Subscriber(live.ports.messages) as subscriber:
        heard = subscriber.receive(5.0)
    assert isinstance(heard[0].message, RunStart)
    assert [e.message.index for e in heard if isinstance(e.message, VolumeMessage)] == list(range(15))
