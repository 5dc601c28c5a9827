"""How fast a recording goes through the whole engine, with its record and with aftercare working behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench_runs import LongRun

from rtfmri.messages import Entities, VolumeMessage
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import RunPaths

LEAST_PER_S = 40.0


def test_replay_at_full_speed(long_run: Callable[[str], LongRun], tmp_path: Path) -> None:
    """Volumes a second between the first published volume and the last: start-up and the tables after the run are left out."""
    run = long_run("64x64x36")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "rtfmri", "replay", str(run.rendering.folder / "dicoms"), "--study", str(run.study), "--out", str(out)]
    begun_s = time.monotonic()
    subprocess.run([*command, "--sub", "bench", "--run", "1"], check=True, stdout=subprocess.DEVNULL)
    whole_s = time.monotonic() - begun_s
    journal = read_journal(RunPaths(out, Entities(sub="bench", task="latency")).journal)
    sent = [envelope.sent_unix_s for envelope in journal if isinstance(envelope.message, VolumeMessage)]
    per_s = (len(sent) - 1) / (sent[-1] - sent[0])
    print(
        f"\nreplay of {len(sent)} volumes of 64x64x36 with aftercare: {per_s:.0f} volumes a second; {whole_s:.1f} s in all, maps included"
    )
    assert per_s >= LEAST_PER_S
