"""A screen for the tests that open a real window: the one there is, or an Xvfb of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from display_screen import Screen

from rtfmri.stream.ports import Ports, free_base


@pytest.fixture(scope="session")
def screen() -> Iterator[dict[str, str]]:
    """The environment for a process that opens a window."""
    if os.environ.get("DISPLAY"):
        yield dict(os.environ)
        return
    with Screen() as own:
        yield own.environment


@pytest.fixture
def ports() -> Ports:
    return Ports("127.0.0.1", free_base())
