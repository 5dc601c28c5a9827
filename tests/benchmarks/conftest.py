"""Benchmarks run on request (`make bench`), print what they measured, and fail where the figure asked for is missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bench_runs import LongRun, render_run


@pytest.fixture(scope="session")
def long_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], LongRun]:
    """The run of a size, "64x64x36" (320 volumes) or "104x104x72" (150): rendered once."""
    made: dict[str, LongRun] = {}

    def of_size(size: str) -> LongRun:
        if size not in made:
            made[size] = render_run(size, tmp_path_factory.mktemp(f"latency_{size}"))
        return made[size]

    return of_size
