"""One run's raw file for all tests of the process; each test writes into a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from aftercare_runs import Run, a_run, a_study, with_folder


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run whose raw file is whole."""
    run = a_run(tmp_path_factory.mktemp("raw"), a_study(every=2, resliced=True))
    run.write_raw()
    return run


@pytest.fixture
def run(calm: Run, tmp_path: Path) -> Run:
    return with_folder(calm, tmp_path / "derivatives")
