"""How far off and how dear `rtfmri realign` is on known truth, beside peers. ``make bench ARGS="-k realign"``; about eight minutes.

The truth comes from ../shared/bench/motion; a folder named by RTFMRI_BENCH_TRUTH keeps it from one benchmark to the next.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from bench_peers import SETTINGS
from bench_realign import BENCH, KEPT, errors_mm, generated, line, ours, peer, process_ms

PEERED = (5, 15, 25, 35, 45, 55)  # volumes: quiet, after jumps, with the head far off; peers take about a second for each
ERROR_MM = {"s64": (0.010, 0.020, 0.030), "s96": (0.006, 0.012, 0.016), "s104": (0.004, 0.008, 0.012)}  # median, p95, max
ESTIMATE_MS = {"s64": 5.0, "s96": 11.0, "s104": 15.0}
RESLICE_MS = {"s64": 5.0, "s96": 18.0, "s104": 26.0}
AFNI = {  # 3dvolreg -Fourier, reslice included, seed 7, on another machine: ../shared/bench/motion/README.md; it cannot be installed by pip
    "s64": "0.0133 / 0.026  / 0.034     103",
    "s96": "0.0067 / 0.013  / 0.014     375-415",
    "s104": "0.0060 / 0.014  / 0.014     468-535",
}

pytestmark = pytest.mark.skipif(not BENCH.is_dir(), reason="the truth generator (../shared/bench/motion) is not here")


@pytest.fixture(scope="session")
def truth_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get(KEPT)
    return Path(kept) if kept else tmp_path_factory.mktemp("truth")


@pytest.mark.parametrize("seed", [7, 11])
@pytest.mark.parametrize("size", ERROR_MM)
def test_realign_reaches_its_error_and_cost(truth_folder: Path, tmp_path: Path, size: str, seed: int) -> None:
    truth = generated(truth_folder, size, seed)
    found = ours(truth / "bold.nii", tmp_path / "m.npy", "--resliced", str(tmp_path / "r.nii"))
    errors = errors_mm(truth, found.matrices, range(60))[1:]
    whole_ms = process_ms(truth / "bold.nii", tmp_path, 20)
    print(f"\n{size}, seed {seed}: error median / p95 / max (mm), CPU ms a volume: estimate + reslice")
    print(line("rtfmri", errors, found.estimate_ms, found.reslice_ms), f"  (whole process without reslice {whole_ms:.1f})")
    print(f"  3dvolreg -Fourier, from its table {AFNI[size]}")
    assert np.isfinite(errors).all()
    assert found.reslice_ms is not None
    assert found.estimate_ms <= ESTIMATE_MS[size]
    assert found.reslice_ms <= RESLICE_MS[size]
    reached = (np.median(errors), np.percentile(errors, 95), errors.max())
    assert all(mm <= limit for mm, limit in zip(reached, ERROR_MM[size], strict=True)), reached


@pytest.mark.parametrize("size", ERROR_MM)
def test_realign_is_ahead_of_every_peer_that_pip_can_install(truth_folder: Path, tmp_path: Path, size: str) -> None:
    truth = generated(truth_folder, size, 7)
    found = ours(truth / "bold.nii", tmp_path / "m.npy")
    errors = errors_mm(truth, found.matrices[list(PEERED)], PEERED)
    print(f"\n{size}, the same {len(PEERED)} volumes: error median / p95 / max (mm), CPU ms a volume (estimate)")
    print(line("rtfmri", errors, found.estimate_ms))
    for name, (words, _) in SETTINGS.items():
        other = peer(name, truth / "bold.nii", tmp_path / "peer.npz", PEERED)
        theirs = errors_mm(truth, other.matrices, PEERED)
        print(line(name, theirs, other.estimate_ms, against_ms=found.estimate_ms), f"  {words}")
        assert np.median(errors) < np.median(theirs)
        assert found.estimate_ms < other.estimate_ms
