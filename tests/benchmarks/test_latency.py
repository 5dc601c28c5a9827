"""From "file closed" to "message published", with the engine, the scanner and the display as real processes.

The simulated scanner notes when it closed each file, the engine when it published each volume; both read the same clock. The files come
four times as fast as the scanner would write them (every 0.25 s; large volumes every 0.5 s), with aftercare working behind and the display
drawing beside (in software, on one core), and once more without the display.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from bench_runs import LongRun

from rtfmri.cli.screen import screen
from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Published
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths
from rtfmri.record.summary import of_kind
from rtfmri.simulate.scanner import play
from rtfmri.stream.control import Command, ask
from rtfmri.stream.ports import Ports, free_base

SPEED = 4.0
LIMITS = {"64x64x36": (300, 12.0, 30.0), "104x104x72": (140, 40.0, 80.0)}  # volumes that count, p50 and p99 in ms


@pytest.mark.parametrize("displayed", [True, False], ids=["with the display", "without it"])
@pytest.mark.parametrize("size", LIMITS)
def test_file_closed_to_message_published(long_run: Callable[[str], LongRun], tmp_path: Path, size: str, displayed: bool) -> None:
    volumes, p50_ms, p99_ms = LIMITS[size]
    run = long_run(size)
    ports = Ports("127.0.0.1", free_base())
    watched = tmp_path / "export"
    watched.mkdir()
    command = [sys.executable, "-m", "rtfmri", "run", str(run.study), "--watch", str(watched), "--out", str(tmp_path / "out"), "--once"]
    command += ["--sub", "bench", "--run", "1", "--port", str(ports.base), "--no-status"]
    with ExitStack() as stack:
        if displayed:
            environment, _ = stack.enter_context(screen())
            stack.enter_context(_display(ports, environment))
        with subprocess.Popen(command) as engine:
            _wait_until_armed(ports)
            written = play(run.rendering.folder, watched, run.rendering.tr_s, delay_s=5.0, speed=SPEED)
            engine.wait(240)
            cpu_s = os.times().children_user + os.times().children_system
    journal = RunPaths(tmp_path / "out", Entities(sub="bench", task="latency")).journal
    closed = {file.index: file.closed_unix_s for file in written}
    published = of_kind(read_journal(journal), Published)[-volumes:]
    latency_ms = np.array([1e3 * (message.published_unix_s - closed[message.index]) for message in published])
    p50, p95, p99 = np.percentile(latency_ms, [50, 95, 99])
    print(
        f"\nfile closed -> message published, {len(latency_ms)} volumes of {size}, {'with' if displayed else 'without'} the display: "
        f"p50 {p50:.1f}  p95 {p95:.1f}  p99 {p99:.1f}  max {latency_ms.max():.1f} ms  (CPU of child processes {cpu_s:.0f} s)"
    )
    assert len(latency_ms) == volumes
    assert p50 <= p50_ms
    assert p99 <= p99_ms


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
