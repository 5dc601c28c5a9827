"""A screen for the tests that open a real window: the one there is, or an Xvfb of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def screen() -> Iterator[dict[str, str]]:
    """The environment for a process that opens a window."""
    if os.environ.get("DISPLAY"):
        yield dict(os.environ)
        return
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("no screen: DISPLAY is not set and Xvfb is not installed")
    reading, writing = os.pipe()
    command = [program, "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(writing,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as numbers:
            number = numbers.readline().strip()  # comes when the server takes connections; "" when it died
        assert number, "Xvfb did not start"
        yield {**os.environ, "DISPLAY": f":{number}"}
    finally:
        server.terminate()
        server.wait(10)
