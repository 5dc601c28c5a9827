"""72 GE slices of 104x104: decoding all, and from the last of them to the whole volume. ``make bench ARGS="-k slices"``."""

from __future__ import annotations

import time

import numpy as np

from rtfmri.acquisition.intake import Intake
from rtfmri.simulate.series import Series
from rtfmri.simulate.slices import ge_files
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Grid, Volume

SHAPE = (104, 104, 72)
VOLUMES = 8
DECODE_MS, ASSEMBLE_MS = 40.0, 2.0


def test_slices_of_a_volume() -> None:
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [103.0, -103.0, -71.0]
    series = Series(Grid(SHAPE, affine), 1.0, (0.0,) * SHAPE[2], "bold_nf", 7, 1, VOLUMES)
    rng = np.random.default_rng(1)
    intake = Intake(SeriesRule(protocol="bold_nf"), Acquisition())
    decode_ms, last_ms, whole = [], [], []
    for index in range(VOLUMES):
        files = ge_files(rng.integers(1, 4000, size=SHAPE).astype(np.uint16), series, index)
        decode_cpu_s = 0.0
        for file in files:
            began_s = time.process_time()
            opened = intake.open(file.content, settled=True)
            decode_cpu_s += time.process_time() - began_s
            began_s = time.perf_counter()
            whole += [item for item in intake.take(opened, float(index)) if isinstance(item, Volume)]
            took_ms = 1e3 * (time.perf_counter() - began_s)
        decode_ms.append(1e3 * decode_cpu_s)
        last_ms.append(took_ms)
    decoded, assembled = float(np.median(decode_ms)), float(np.median(last_ms[1:]))
    print(f"\n72 GE slices of 104x104: decoded in {decoded:.1f} ms CPU (median); last slice to whole volume {assembled:.2f} ms (median)")
    assert [volume.index for volume in whole] == list(range(VOLUMES))
    assert decoded <= DECODE_MS
    assert assembled <= ASSEMBLE_MS
