"""How long an operator waits for `rtfmri check`: the whole command, with a full folder of the scanner's files."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from rtfmri.simulate.render import Rendering
from rtfmri.stream.ports import free_base

SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
FILES, ROUNDS, LIMIT_S = 3000, 5, 3.0


def test_preflight_takes_less_than_three_seconds(small_run: Rendering, tmp_path: Path) -> None:
    """Median wall time of five checks after a first one, whose imports are from a cold disk."""
    rendered = sorted((small_run.folder / "dicoms").rglob("*.dcm"))
    export = tmp_path / "export"
    export.mkdir()
    for number in range(FILES):
        os.link(rendered[number % len(rendered)], export / f"{number:06d}.dcm")
    command = [sys.executable, "-m", "rtfmri", "check", str(SMALL), "--watch", str(export), "--sub", "07"]
    command += ["--out", str(tmp_path / "out"), "--port", str(free_base())]
    _seconds(command)
    before = os.times()
    wall_s = [_seconds(command) for _ in range(ROUNDS)]
    after = os.times()
    cpu_s = (after.children_user + after.children_system - before.children_user - before.children_system) / ROUNDS
    median_s = statistics.median(wall_s)
    print(f"\nrtfmri check over {FILES} files: median {median_s:.2f} s, longest {max(wall_s):.2f} s; {cpu_s:.2f} s of CPU each")
    assert median_s < LIMIT_S


def _seconds(command: list[str]) -> float:
    began_s = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - began_s
