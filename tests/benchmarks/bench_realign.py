"""What the realignment benchmarks share: truth from the shared bench, our verb and the peers as processes, errors, a table."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
from bench_truth import Run

Array = npt.NDArray[np.float64]
BENCH = Path(__file__).parents[3] / "shared" / "bench" / "motion"
KEPT = "RTFMRI_BENCH_TRUTH"  # a folder in which generated truth is kept from one benchmark to the next
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1"}


@dataclass(frozen=True)
class Outcome:
    """``matrices`` (V, 4, 4) of the volumes that were realigned; CPU ms per volume (median), None where it was not measured."""

    matrices: Array
    estimate_ms: float
    reslice_ms: float | None = None


def generated(folder: Path, size: str, seed: int, volumes: int = 60) -> Path:
    """The shared generator's run of one size; made where it is not there yet."""
    out = folder / f"seed{seed}"
    if not (out / size / "info.json").exists():
        command = [sys.executable, str(BENCH / "generate.py"), str(out), "--sizes", size, "--nvol", str(volumes), "--seed", str(seed)]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "numba")}, timeout=600)
    return out / size


def ours(bold: Path, out: Path, *options: str) -> Outcome:
    """`rtfmri realign`, the whole process; its own words are what it cost."""
    command = [sys.executable, "-m", "rtfmri", "realign", str(bold), "--out", str(out), "--threads", "1", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env={**os.environ, **ONE_THREAD}, timeout=600)
    assert done.returncode == 0, done.stderr
    reslice = re.search(r"reslice\s+([\d.]+)", done.stdout)
    estimate = re.search(r"estimate\D+([\d.]+)", done.stdout)
    assert estimate is not None, done.stdout
    return Outcome(np.load(out), float(estimate[1]), float(reslice[1]) if reslice else None)


def save_run(run: Run, folder: Path) -> None:
    """A simulated run in the files that the shared generator writes."""
    for name, data in (("bold.nii", run.volumes), ("mask.nii", run.brain.astype(np.uint8))):
        image = nibabel.Nifti1Image(data, run.affine)
        image.header.set_xyzt_units("mm", "sec")
        nibabel.save(image, folder / name)
    np.save(folder / "truth.npy", run.truth)


def peer(setting: str, bold: Path, out: Path, numbers: Sequence[int]) -> Outcome:
    """One peer on some volumes, in a process of its own."""
    command = [sys.executable, str(Path(__file__).parent / "bench_peers.py"), setting, str(bold), str(out), *map(str, numbers)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **ONE_THREAD}, timeout=600)
    saved = np.load(out)
    return Outcome(saved["matrices"], float(np.median(saved["cpu_ms"])))


def errors_mm(truth: Path, matrices: Array, numbers: Sequence[int]) -> Array:
    """Mean distance over the brain between where the estimate and the truth put its voxels, as the shared evaluator has it."""
    mask = nibabel.load(truth / "mask.nii")
    points = np.argwhere(np.asarray(mask.dataobj) > 0)[::5] @ mask.affine[:3, :3].T + mask.affine[:3, 3]
    true = np.load(truth / "truth.npy")[list(numbers)]
    return displacement_mm(points, matrices, true)


def displacement_mm(points: Array, one: Array, other: Array) -> Array:
    """(V,): mean over ``points`` (N, 3) of the distance between their images under (V, 4, 4) and (V, 4, 4)."""
    apart = one - other
    return np.array([np.linalg.norm(points @ m[:3, :3].T + m[:3, 3], axis=1).mean() for m in apart])


def line(name: str, errors: Array, estimate_ms: float | None, reslice_ms: float | None = None, against_ms: float | None = None) -> str:
    """Error median / p95 / max, CPU ms, and how many times as long as ours."""
    spread = f"{np.median(errors):.4f} / {np.percentile(errors, 95):.4f} / {np.max(errors):.4f}"
    cost = "" if estimate_ms is None else f"{estimate_ms:9.1f}"
    resliced = "" if reslice_ms is None else f" + {reslice_ms:.1f}"
    times = f"  {estimate_ms / against_ms:5.0f} x" if estimate_ms is not None and against_ms else ""
    return f"  {name:<38}{spread}{cost}{resliced}{times}"
