"""`rtfmri run` with a belt's program on a real socket: the power goes, the belt stalls, and the record replays to the same bits."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq
from bids_validator import bids_errors

from rtfmri.messages import Entities, Fault, RunStart, VolumeMessage
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.record.physio import read_physio
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import rendered_files
from rtfmri.stream.ports import free_base

Cli = Any
SIM_DATA = Path(__file__).parents[2] / "sim_data"
RATE_HZ, BACKLOG_S, WITHIN_S = 100.0, 40.0, 60.0
PHYSIOLOGY = '\n[physiology]\naddress = "tcp://127.0.0.1:{port}"\nrate_hz = 100.0\nfiles = []\n'


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, int]:
    """The small study with physiology, and the port of its belt."""
    port = free_base()
    shutil.copytree(SIM_DATA / "small", tmp_path / "small")
    text = (SIM_DATA / "small_study.toml").read_text()
    text = text.replace("[signal]\n", '[signal]\nnuisance = ["drift", "motion6", "physiology"]\n')
    (tmp_path / "study.toml").write_text(text + PHYSIOLOGY.format(port=port))
    return tmp_path / "study.toml", port


def _wave(phase: np.ndarray) -> np.ndarray:
    return np.sin(phase) + 0.3 * np.sin(2 * phase)


@contextmanager
def a_belt(port: int) -> Iterator[threading.Event]:
    """A belt's program that has run for a while; it sends until the event is set."""
    stop = threading.Event()

    def send() -> None:
        began_s, first = time.monotonic() - BACKLOG_S, 0
        with zmq.Context() as context, context.socket(zmq.PUSH) as push:
            push.setsockopt(zmq.LINGER, 0)
            push.connect(f"tcp://127.0.0.1:{port}")
            while not stop.wait(0.05):
                now = int((time.monotonic() - began_s) * RATE_HZ)
                while first < now:
                    t = np.arange(first, min(now, first + 500)) / RATE_HZ
                    pulse, breath = _wave(2 * np.pi * (1.1 * t + 0.2 * np.sin(0.4 * t))), np.sin(1.7 * t) * (1 + 0.2 * np.sin(0.1 * t))
                    batch = {"first": first, "time_s": began_s + first / RATE_HZ, "rate_hz": RATE_HZ}
                    try:
                        push.send_json({**batch, "cardiac": pulse.tolist(), "respiratory": breath.tolist()}, zmq.NOBLOCK)
                    except zmq.Again:
                        break
                    first += len(t)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join()


@contextmanager
def session(study: Path, watched: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "rtfmri", "run", str(study), "--watch", str(watched), "--out", str(out), "--no-status"]
    command += ["--port", str(free_base()), "--sub", "07", "--run", "1", "--once"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(done: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end_s = time.monotonic() + WITHIN_S
    while not done():
        assert process.poll() is None or done(), process.communicate()
        assert time.monotonic() < end_s
        time.sleep(0.02)


def export(rendering: Rendering, watched: Path, numbers: range) -> None:
    for source in rendered_files(rendering.folder)[numbers.start : numbers.stop]:
        shutil.copy(source, watched)


def test_a_live_run_with_a_belt_is_resumed_and_replays_to_the_same_bits(
    study: tuple[Path, int], small_run: Rendering, cli: Cli, tmp_path: Path
) -> None:
    watched, out = tmp_path / "export", tmp_path / "out"
    watched.mkdir()
    paths = RunPaths(out, Entities(sub="07", ses="01", task="small", run=1))

    def of_kind(kind: type) -> list[Any]:
        return [e.message for e in read_journal(paths.journal) if isinstance(e.message, kind)] if paths.journal.exists() else []

    with a_belt(study[1]) as silence:
        with session(study[0], watched, out) as first:
            until(lambda: len(of_kind(RunStart)) == 1, first)
            time.sleep(1.0)  # the backlog comes
            export(small_run, watched, range(20))
            until(lambda: len(of_kind(VolumeMessage)) == 20, first)
            first.send_signal(signal.SIGKILL)
            first.wait()
        with session(study[0], watched, out) as second:
            until(lambda: len(of_kind(RunStart)) == 2, second)
            time.sleep(1.0)  # the belt's program connects again
            export(small_run, watched, range(20, 40))
            until(lambda: len(of_kind(VolumeMessage)) == 40, second)
            silence.set()
            export(small_run, watched, range(40, 64))
            assert second.wait(WITHIN_S) == 0, second.communicate()
    messages = of_kind(VolumeMessage)
    assert [message.index for message in messages] == list(range(64))
    uses = [message.physio_samples for message in messages if message.physio_samples is not None]
    assert any(message.physio_samples is not None for message in messages[:20])
    assert any(message.physio_samples is not None for message in messages[20:]), "the belt came back"
    assert uses == sorted(uses)
    told = [fault.text for fault in of_kind(Fault) if fault.code in ("physio_cardiac", "physio_respiratory")]
    assert len(told) == len(set(told)), "each is told once, the crash between them"
    assert len(read_physio(paths.physio).samples) >= uses[-1]
    assert not paths.physio_growing.exists()
    assert bids_errors(out) == []
    for source, command in ((out, ("--verify",)), (watched, ("--against", paths.journal, "--verify"))):
        done = cli("replay", source, *command)
        assert "All values of all 64 volumes are bit-identical." in done.stdout, done.stdout + done.stderr
