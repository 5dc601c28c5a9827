from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from stream_helpers import until

from rtfmri.stream.ports import Ports, free_base


@pytest.fixture
def ports() -> Ports:
    return Ports("127.0.0.1", free_base())


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert until(lambda: set(threading.enumerate()) <= before, 5.0), f"left: {set(threading.enumerate()) - before}"
