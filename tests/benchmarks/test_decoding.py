"""What decoding costs, and damaged files by the ten thousand. ``make bench``."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ACQUISITION_TESTS = Path(__file__).parents[1] / "acquisition"
sys.path.insert(0, str(ACQUISITION_TESTS))

from acquisition_files import SHARED, mosaic_bytes, needs_shared  # noqa: E402
from enhanced_files import multi_bytes  # noqa: E402
from mutations import mutants, outcome  # noqa: E402

from rtfmri.acquisition.files import read  # noqa: E402
from rtfmri.acquisition.vendors import decode  # noqa: E402

MOSAIC_MS, ENHANCED_MS = 10.0, 40.0
SLICES, ROWS, COLUMNS = 72, 104, 104
MUTANTS, LONGEST_S = 10_000, 2.0


def pixels(volumes: int = 1) -> np.ndarray:
    return np.random.default_rng(1).integers(1, 4000, size=(volumes, SLICES, ROWS, COLUMNS)).astype(np.uint16)


def decoded(data: bytes) -> Any:
    return decode(read(data))


def test_a_mosaic_of_104x104x72(benchmark: Any) -> None:
    data = mosaic_bytes(1, data=pixels()[0])
    (volume,) = benchmark(decoded, data)
    assert volume.grid.shape == (COLUMNS, ROWS, SLICES)
    assert benchmark.stats.stats.median * 1e3 <= MOSAIC_MS


@pytest.mark.parametrize("undefined", [True, False], ids=["of undefined length", "of known length"])
def test_an_enhanced_file_of_104x104x72(benchmark: Any, undefined: bool) -> None:
    data = multi_bytes(1, data=pixels(), undefined=undefined)
    (volume,) = benchmark(decoded, data)
    assert volume.grid.shape == (COLUMNS, ROWS, SLICES)
    assert benchmark.stats.stats.median * 1e3 <= ENHANCED_MS


@needs_shared
@pytest.mark.parametrize(
    "pattern",
    [
        "siemens_xa30_enhanced/*",
        "canon_v61_enhanced_dti/*",
        "philips_r32_enhanced_balls/DICOM/*",
        *(f"siemens_vb17_nine_transfer_syntaxes/{number}.dcm" for number in (1, 4, 5, 7, 9)),
    ],
)
def test_a_real_file(benchmark: Any, pattern: str) -> None:
    data = sorted((SHARED / "ingest").glob(pattern))[0].read_bytes()
    assert benchmark(decoded, data)


def test_ten_thousand_damaged_files() -> None:
    outcomes: Counter[str] = Counter()
    slowest_s = 0.0
    for _, data in mutants(MUTANTS, seed=20_000):
        began_s = time.perf_counter()
        outcomes[outcome(data)] += 1
        slowest_s = max(slowest_s, time.perf_counter() - began_s)
    print(f"\n{MUTANTS} damaged files: {dict(outcomes)}, the slowest in {slowest_s * 1e3:.0f} ms")
    assert sum(outcomes.values()) == MUTANTS
    assert slowest_s < LONGEST_S
