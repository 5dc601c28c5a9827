"""Twenty thousand random runs of a scanner that misbehaves, as tests/acquisition/test_fault_plans.py runs five hundred; and how fast.

In batches, each with its own seed, so that a failure names one and the next batches still run.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings

sys.path.append(str(Path(__file__).parents[1] / "acquisition"))

from fault_plans import Case, cases, complaints
from virtual_scan import carried_out

BATCHES, PLANS = 20, 1000


@pytest.mark.parametrize("batch", range(BATCHES))
def test_every_volume_comes_once_in_order_with_its_pixels_and_in_time(batch: int) -> None:
    done = 0

    @seed(batch)
    @settings(max_examples=PLANS, database=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def run(case: Case) -> None:
        nonlocal done
        done += 1
        assert complaints(case, carried_out(case)) == []

    began_s = time.perf_counter()
    run()
    print(f"\nbatch {batch}: {done} fault plans, {done / (time.perf_counter() - began_s):.0f} a second")
