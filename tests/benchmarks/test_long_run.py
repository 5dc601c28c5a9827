"""10,000 volumes through a whole replay, aftercare on: what each process holds for itself must not grow with the run.

A small head of noise and structure, moved a little; what counts is the bookkeeping of 10,000 volumes, which is the same for any size.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import psutil

VOLUMES = 10_000
SHAPE = (32, 32, 16)
STUDY = """
[study]
name = "long"
[acquisition]
tr_s = 1.0
[[roi]]
name = "dlpfc"
mask = "roi.nii"
weight = 1.0
[paradigm]
cycle = [{ block = "rest", s = 400 }, { block = "self_compassion", s = 600 }]
repeat = 10
"""
ALLOWED_MB = 30.0  # allocators keep some of what they were given


def test_memory_does_not_grow_with_the_length_of_the_run(tmp_path: Path) -> None:
    _write_run(tmp_path)
    command = [sys.executable, "-m", "rtfmri", "replay", str(tmp_path / "bold.nii"), "--study", str(tmp_path / "study.toml")]
    begun_s = time.monotonic()
    with subprocess.Popen([*command, "--out", str(tmp_path / "out")], stdout=subprocess.DEVNULL) as replay:
        held_mb = _watched(replay, tmp_path / "out")
        assert replay.returncode == 0
    early, late = max(held_mb[: len(held_mb) // 2]), max(held_mb[-len(held_mb) // 4 :])
    print(
        f"\n{VOLUMES} volumes of {'x'.join(map(str, SHAPE))} in {time.monotonic() - begun_s:.0f} s; private memory of all processes: "
        f"at most {early:.0f} MB in the first half, {late:.0f} MB in the last quarter"
    )
    assert late - early < ALLOWED_MB


def _write_run(folder: Path) -> None:
    rng = np.random.default_rng(3)
    x, y, z = np.meshgrid(*(np.linspace(-1.3, 1.3, n) for n in SHAPE), indexing="ij")
    head = 900.0 / (1.0 + (x**2 + y**2 + z**2) ** 8) * (1.0 + 0.3 * np.sin(7 * x + 3 * y) * np.cos(5 * z - 2 * y))
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    run = np.lib.format.open_memmap(folder / "run.npy", mode="w+", dtype=np.int16, shape=(*SHAPE, VOLUMES))
    for index in range(VOLUMES):
        run[..., index] = np.clip(head * (1 + 1e-5 * index) + rng.normal(0.0, 8.0, SHAPE), 0, 4000).astype(np.int16)
    image = nibabel.Nifti1Image(run, affine)
    image.header.set_zooms((4.0, 4.0, 4.0, 1.0))
    nibabel.save(image, folder / "bold.nii")
    roi = ((np.abs(x) < 0.4) & (np.abs(y) < 0.4) & (np.abs(z) < 0.4)).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(roi, affine), folder / "roi.nii")
    (folder / "study.toml").write_text(STUDY)


def _watched(replay: subprocess.Popen[bytes], out: Path) -> list[float]:
    """Private memory of the process and its children in MB, twice a second while the run grows, without the tables that follow."""
    held_mb = []
    while replay.poll() is None:
        time.sleep(0.5)
        growing = next(out.rglob("*_bold.jsonl"), None)
        if growing is None or not 0 < growing.read_bytes().count(b"\n") < VOLUMES:
            continue
        try:
            parent = psutil.Process(replay.pid)
            held_mb.append(sum(p.memory_full_info().uss for p in [parent, *parent.children(recursive=True)]) / 1e6)
        except psutil.NoSuchProcess:
            continue
    return held_mb
