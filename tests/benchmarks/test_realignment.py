"""How far off and how dear `rtfmri realign` is on known truth, beside peers. ``make bench ARGS="-k realign"``; about nine minutes.

The truth comes from ../shared/bench/motion; a folder named by RTFMRI_BENCH_TRUTH keeps it from one benchmark to the next.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from bench_peers import SETTINGS
from bench_real import MOSAICS, head_points, real_moved, real_series, residual_percent, save_series, spm_matrices
from bench_realign import BENCH, KEPT, displacement_mm, errors_mm, generated, line, ours, peer, save_run
from bench_truth import Kind, simulate

PEERED = (5, 15, 25, 35, 45, 55)  # volumes: quiet, after jumps, with the head far off; peers take about a second for each
# what is asked for, on one thread
ERROR_MM = {"s64": (0.010, 0.020, 0.030), "s96": (0.006, 0.012, 0.016), "s104": (0.004, 0.008, 0.012)}  # median, p95, max
ESTIMATE_MS = {"s64": 5.0, "s96": 11.0, "s104": 15.0}
RESLICE_MS = {"s64": 5.0, "s96": 18.0, "s104": 26.0}
# AFNI's 3dvolreg -Fourier, reslice included, seed 7, as told in ../shared/bench/motion/README.md; pip cannot install it
AFNI_MM = {"s64": (0.0133, 0.026, 0.034), "s96": (0.0067, 0.013, 0.014), "s104": (0.0060, 0.014, 0.014)}
AFNI_MS = {"s64": "103", "s96": "375-415", "s104": "468-535"}

OTHER = {  # size, what differs, volumes; ceilings (median, p95, max; mm): where the head lies still within volumes, 3dvolreg's of the table
    "a coil array": ("s64", Kind(scalp=False), 30, (0.0133, 0.026, 0.034)),
    "a scalp": ("s64", Kind(coil=False), 30, (0.0133, 0.026, 0.034)),
    "motion within volumes": ("s64", Kind(within=True), 30, (0.03, 0.05, 0.06)),
    "movements up to 8 mm": ("s64", Kind(largest_mm=8.0), 30, (0.02, 0.035, 0.05)),
    "coil array and scalp": ("s96", Kind(), 16, (0.0067, 0.013, 0.014)),
}
needs_bench = pytest.mark.skipif(not BENCH.is_dir(), reason="the truth generator (../shared/bench/motion) is not here")
needs_real_data = pytest.mark.skipif(not MOSAICS.is_dir(), reason="the real scanner data (../shared/data) is not here")


@pytest.fixture(scope="session")
def truth_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    kept = os.environ.get(KEPT)
    return Path(kept) if kept else tmp_path_factory.mktemp("truth")


@needs_bench
@pytest.mark.parametrize("seed", [7, 11])
@pytest.mark.parametrize("size", ERROR_MM)
def test_realign_reaches_its_error_and_cost(truth_folder: Path, tmp_path: Path, size: str, seed: int) -> None:
    truth = generated(truth_folder, size, seed)
    found = ours(truth / "bold.nii", tmp_path / "m.npy", "--resliced", str(tmp_path / "r.nii"))
    errors = errors_mm(truth, found.matrices, range(60))[1:]
    print(f"\n{size}, seed {seed}: error median / p95 / max (mm), CPU ms a volume: estimate + reslice")
    print(line("rtfmri", errors, found.estimate_ms, found.reslice_ms))
    told = " / ".join(f"{mm:.4f}" for mm in AFNI_MM[size])
    print(f"  {'3dvolreg -Fourier, seed 7, as told':<38}{told}   {AFNI_MS[size]} with reslice")
    assert np.isfinite(errors).all()
    assert found.reslice_ms is not None
    assert found.estimate_ms <= ESTIMATE_MS[size]
    assert found.reslice_ms <= RESLICE_MS[size]
    reached = (np.median(errors), np.percentile(errors, 95), errors.max())
    limits = ERROR_MM[size] if seed == 7 else AFNI_MM[size]  # the figures asked for are those of seed 7; ahead of 3dvolreg on any other
    assert all(mm <= limit for mm, limit in zip(reached, limits, strict=True)), reached


@needs_bench
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


@needs_bench
def test_realign_to_a_mean_leaves_less_noise_in_its_reference(truth_folder: Path, tmp_path: Path) -> None:
    """The error in the reference's own frame: where a mean of N volumes lies is the mean of where its volumes were put."""
    truth = generated(truth_folder, "s64", 7)
    true = np.load(truth / "truth.npy")
    single = ours(truth / "bold.nii", tmp_path / "m.npy").matrices
    medians = []
    for count in (1, 5, 10, 20):
        reference = "0" if count == 1 else f"mean:{count}"
        found = ours(truth / "bold.nii", tmp_path / "m.npy", "--reference", reference).matrices
        frame = np.mean(np.linalg.inv(single[:count]) @ true[:count], axis=0)
        errors = errors_mm(truth, found @ frame, range(60))[20:]
        medians.append(float(np.median(errors)))
        print(line(f"s64, reference of {count} volumes", errors, None))
    assert medians[3] < 0.75 * medians[0]


@pytest.mark.parametrize("name", OTHER)
def test_realign_on_other_truth(tmp_path: Path, name: str) -> None:
    size, kind, volumes, limits = OTHER[name]
    run = simulate(size, kind, volumes, seed=5)
    save_run(run, tmp_path)
    found = ours(tmp_path / "bold.nii", tmp_path / "m.npy")
    errors = errors_mm(tmp_path, found.matrices, range(volumes))[1:]
    some = range(3, volumes, volumes // 4)
    other = peer("SimpleITK spline", tmp_path / "bold.nii", tmp_path / "peer.npz", some)
    theirs = errors_mm(tmp_path, other.matrices, some)
    print(f"\nother truth, {name}, {size}: error median / p95 / max (mm), CPU ms a volume (estimate)")
    print(line("rtfmri", errors, found.estimate_ms))
    print(line("SimpleITK spline, every few volumes", theirs, other.estimate_ms, against_ms=found.estimate_ms))
    assert np.median(errors) < np.median(theirs)
    reached = (np.median(errors), np.percentile(errors, 95), errors.max())
    assert all(mm <= limit for mm, limit in zip(reached, limits, strict=True)), reached


@needs_real_data
def test_realign_follows_real_volumes_that_were_moved_by_up_to_8_mm(tmp_path: Path) -> None:
    """Each volume is moved by another transform, so each is a sudden move; truth is that transform after what is found without it."""
    still, moved, by, points = real_moved(MOSAICS, volumes=40, most_mm=8.0, seed=3)
    before, after = (ours(save_series(series, tmp_path / "bold.nii"), tmp_path / "m.npy") for series in (still, moved))
    errors = displacement_mm(points, after.matrices, by @ before.matrices)
    far = displacement_mm(points, by, np.tile(np.eye(4), (len(by), 1, 1)))
    print(f"\nreal volumes moved by {np.median(far):.1f} mm (median), {far.max():.1f} mm at most: error median / p95 / max (mm)")
    print(line("rtfmri", errors, after.estimate_ms))
    assert far.max() > 6.0
    assert np.median(errors) <= 0.03
    assert errors.max() <= 0.1


@needs_real_data
def test_realign_leaves_no_more_variance_in_a_real_run_than_spm(tmp_path: Path) -> None:
    series = real_series(MOSAICS)
    found = ours(save_series(series, tmp_path / "bold.nii"), tmp_path / "m.npy", "--reference", "5").matrices
    spm = spm_matrices(MOSAICS.parent / "spm12_motion.tsv")
    points = head_points(series)
    apart = displacement_mm(points, found, spm)
    ours_percent, theirs_percent = (residual_percent(series, matrices) for matrices in (found, spm))
    print(f"\n155 real mosaics: SPM12 and rtfmri lie {np.median(apart):.4f} mm (median), {apart.max():.4f} mm (at most) apart in the head")
    print(f"  SD over time after reslicing and detrending, median of the head: rtfmri {ours_percent:.4f} %, SPM12 {theirs_percent:.4f} %")
    assert np.median(apart) < 0.05
    assert apart.max() < 0.1
    assert ours_percent <= theirs_percent * 1.001
