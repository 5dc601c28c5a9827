"""The disk fills up in the middle of a run: the run goes on, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtfmri.messages import Fault, RunStop, VolumeMessage
from rtfmri.record.journal import read_journal
from rtfmri.simulate.render import Rendering

SMALL = Path(__file__).parents[2] / "sim_data" / "small_study.toml"
MOST_BYTES = 4_000_000  # for the raw volumes of about twenty volumes


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MOST_BYTES}", "tmpfs", place], check=False).returncode:
        pytest.skip("a small disk can be mounted by root only")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_told_and_the_rest_is_saved_elsewhere(small_run: Rendering, tiny_disk: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "rtfmri", "replay", str(small_run.folder / "dicoms"), "--study", str(SMALL), "--out", str(tiny_disk)]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(command, env={**os.environ, "TMPDIR": str(elsewhere)}, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "saved to" in done.stderr
    assert "No space left on device" in done.stderr
    (journal,) = elsewhere.glob("*.jsonl")
    messages = [envelope.message for envelope in read_journal(journal)]
    assert [m.index for m in messages if isinstance(m, VolumeMessage)] == list(range(64)), "feedback went on to the end"
    assert {"raw_unwritable"} <= {m.code for m in messages if isinstance(m, Fault)}
    assert sum(isinstance(m, RunStop) for m in messages) == 1
    assert list(elsewhere.rglob("*_bold.nii")), "the volumes that the disk could not take"
