"""From "file closed" to "message published", with the engine, the scanner and the display as real processes.

The simulated scanner notes when it closed each file, the engine when it published each volume; both read the same clock. The files come
four times as fast as the scanner would write them (every 0.25 s), with the display drawing beside, and once more without it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from rtfmri.cli.screen import screen
from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Published
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.record.summary import of_kind
from rtfmri.simulate.render import Rendering
from rtfmri.simulate.scanner import play
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports, free_base

STUDY = Path(__file__).parent / "latency_study.toml"
SPEED = 4.0
VOLUMES = 300
P95_MS = 100.0


@pytest.mark.parametrize("displayed", [True, False], ids=["with the display", "without it"])
def test_file_closed_to_message_published(long_run: Rendering, tmp_path: Path, displayed: bool) -> None:
    ports = Ports("127.0.0.1", free_base())
    watched = tmp_path / "export"
    watched.mkdir()
    command = [sys.executable, "-m", "rtfmri", "run", str(STUDY), "--watch", str(watched), "--out", str(tmp_path / "out"), "--once"]
    command += ["--sub", "bench", "--run", "1", "--port", str(ports.base), "--no-status"]
    with ExitStack() as stack:
        if displayed:
            environment, _ = stack.enter_context(screen())
            stack.enter_context(_display(ports, environment))
        with subprocess.Popen(command) as engine:
            _wait_until_armed(ports)
            written = play(long_run.folder, watched, long_run.tr_s, delay_s=5.0, speed=SPEED)
            engine.wait(120)
            cpu_s = os.times().children_user + os.times().children_system
    journal = RunPaths(tmp_path / "out", Entities(sub="bench", task="latency")).journal
    closed = {file.index: file.closed_unix_s for file in written}
    published = of_kind(read_journal(journal), Published)[-VOLUMES:]
    latency_ms = np.array([1e3 * (message.published_unix_s - closed[message.index]) for message in published])
    p50, p95, p99 = np.percentile(latency_ms, [50, 95, 99])
    print(
        f"\nfile closed -> message published, {len(latency_ms)} volumes of 64x64x36, {'with' if displayed else 'without'} the display: "
        f"p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f}  max {latency_ms.max():.1f} ms  (CPU of child processes {cpu_s:.0f} s)"
    )
    assert len(latency_ms) == VOLUMES
    assert p95 <= P95_MS


@contextmanager
def _display(ports: Ports, environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "feedback", "--connect", ports.messages, "--windowed", "--size", "1280x720"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as display:
        yield
        display.terminate()


def _wait_until_armed(ports: Ports) -> None:
    until_s = time.monotonic() + 120
    while time.monotonic() < until_s:
        try:
            if ask(ports, Command(action="status"), 0.5).state == "armed":
                return
        except StudyError:
            continue
    raise AssertionError("the session was not armed in time")
