"""Volumes first, in bounded number; nothing of one run leaks into the next."""

from __future__ import annotations

import queue
import threading

import numpy as np
import pytest

from rtfmri.engine.inbox import VOLUMES_WAITING, Inbox
from rtfmri.volume import Grid, Missing, Volume


def a_volume(index: int) -> Volume:
    return Volume(index, np.zeros((2, 2, 2), np.float32), Grid((2, 2, 2), np.eye(4)), 1.0)


@pytest.fixture
def inbox() -> Inbox:
    opened = Inbox()
    opened.open_source()
    return opened


def test_volumes_come_before_operators_before_displays(inbox: Inbox) -> None:
    inbox.put_return("shown")
    inbox.put_operator("stop")
    inbox.put_source(Missing(0, "lost"))
    inbox.put_source(Missing(1, "lost"))
    assert [inbox.get(1.0) for _ in range(4)] == [Missing(0, "lost"), Missing(1, "lost"), "stop", "shown"]


def test_nothing_in_time_is_empty(inbox: Inbox) -> None:
    with pytest.raises(queue.Empty):
        inbox.get(0.01)


def test_a_burst_waits_outside_until_there_is_room(inbox: Inbox) -> None:
    burst = threading.Thread(target=lambda: [inbox.put_source(a_volume(i)) for i in range(3 * VOLUMES_WAITING)], daemon=True)
    burst.start()
    burst.join(0.3)
    assert burst.is_alive(), "more volumes were taken in than there is room for"
    assert [inbox.get(2.0).index for _ in range(3 * VOLUMES_WAITING)] == list(range(3 * VOLUMES_WAITING))
    burst.join(2.0)
    assert not burst.is_alive()


def test_the_end_of_a_run_lets_its_source_go(inbox: Inbox) -> None:
    burst = threading.Thread(target=lambda: [inbox.put_source(a_volume(i)) for i in range(2 * VOLUMES_WAITING)], daemon=True)
    burst.start()
    inbox.close_source()
    burst.join(5.0)
    assert not burst.is_alive()


def test_what_a_run_left_does_not_reach_the_next(inbox: Inbox) -> None:
    for index in range(VOLUMES_WAITING):
        inbox.put_source(a_volume(index))
    inbox.put_operator("arm")
    inbox.close_source()
    inbox.put_source(a_volume(99))
    inbox.open_source()
    inbox.put_source(a_volume(0))
    assert inbox.get(1.0).index == 0
    assert inbox.get(1.0) == "arm"
