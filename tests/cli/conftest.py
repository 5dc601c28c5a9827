"""The command line as its users meet it: real processes, their exit codes and their words."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from warm_cli import WarmCli

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
TIMEOUT_S = 150.0


@pytest.fixture(scope="session")
def warm_cli() -> Iterator[WarmCli]:
    with WarmCli() as warm:
        yield warm


@pytest.fixture(scope="session")
def cli(warm_cli: WarmCli) -> Cli:
    """Run ``rtfmri ...`` to its end; where the environment is another one, in an interpreter of its own."""

    def call(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        words = [*map(str, arguments)]
        if not environment:
            return warm_cli.call(words, cwd, TIMEOUT_S)
        command = [sys.executable, "-m", "rtfmri", *words]
        surroundings = {**os.environ, "COLUMNS": "200", **environment}
        return subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    return call
