"""One made-up engine and one console for all tests of the console."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console_helpers import Console, Engine, running_console

from rtfmri.stream.ports import Ports, free_base


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """What the console listens to; a test opens the run that it needs."""
    with Engine(Ports("127.0.0.1", free_base())) as engine:
        yield engine


@pytest.fixture(scope="session")
def console(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(engine.ports, folder=tmp_path_factory.mktemp("console")) as console:
        yield console
