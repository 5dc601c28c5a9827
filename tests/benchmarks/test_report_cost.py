"""CPU and size of a run's report, short and long, with images of a usual size. ``make bench ARGS="-k report_cost"``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from rtfmri.record.layout import RunPaths
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.references import save_image
from rtfmri.record.report.writing import write_report
from rtfmri.volume import Grid

sys.path.append(str(Path(__file__).parents[1] / "record"))
from report_makers import a_record, a_run

SHAPE = (64, 64, 36)
MOST_BYTES = 2_500_000
MOST_CPU_S = 2.0


def with_images(paths: RunPaths) -> None:
    """A head of the usual grid, two regions and a map of noise, which is as large as a map can be."""
    rng = np.random.default_rng(0)
    grid = Grid(SHAPE, np.diag([3.5, 3.5, 3.5, 1.0]))
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    head = x**2 + y**2 + z**2 < 0.8
    save_image(paths.reference, (head * rng.normal(900, 120, SHAPE)).astype(np.float32), grid)
    for name, path in paths.roi_masks(("dlpfc", "tpj")).items():
        at = 0.4 if name == "tpj" else -0.4
        save_image(path, ((x - 0.5) ** 2 + (y - at) ** 2 + z**2 < 0.02).astype(np.float32), grid)
    save_image(paths.derived("desc-regulate_stat-t_statmap.nii.gz"), (head * rng.normal(0, 4, SHAPE)).astype(np.float32), grid)


@pytest.mark.parametrize(("cycles", "volumes"), [(2, 224), (13, 1247)])
def test_a_report_costs_little_and_is_small(cycles, volumes, tmp_path):
    paths = a_record(tmp_path, a_run(cycles))
    with_images(paths)
    found = []
    for _ in range(5):
        began_s, wall_s = time.process_time(), time.perf_counter()
        page = write_report(RecordedRun.open(paths.journal))
        found.append((time.process_time() - began_s, time.perf_counter() - wall_s))
    cpu_s, wall_s = (float(np.median(values)) for values in zip(*found, strict=True))
    size = page.stat().st_size
    print(f"\nreport of {volumes} volumes: {1e3 * cpu_s:.0f} ms CPU, {1e3 * wall_s:.0f} ms wall (medians of 5), {size / 1e3:.0f} kB")
    assert size < MOST_BYTES
    assert cpu_s < MOST_CPU_S
