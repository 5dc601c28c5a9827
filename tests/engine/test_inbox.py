"""A command waits for one volume at most; volumes wait in bounded number; nothing of one run leaks into the next."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rtfmri.engine.inbox import VOLUMES_WAITING, Inbox
from rtfmri.engine.replay import decisions_of, replay
from rtfmri.messages import Operator, Pause, VolumeMessage, comparable
from rtfmri.study import Study
from rtfmri.volume import Grid, Missing, Volume

BURST = 24
PAUSE = Pause(display="d", paused=True, pressed_unix_s=1.0)


def a_volume(index: int) -> Volume:
    return Volume(index, np.zeros((2, 2, 2), np.float32), Grid((2, 2, 2), np.eye(4)), 1.0)


@pytest.fixture
def inbox() -> Inbox:
    opened = Inbox()
    opened.open_source()
    return opened


def test_the_operator_comes_before_volumes_and_volumes_before_what_displays_report(inbox: Inbox) -> None:
    inbox.put_return("shown")
    inbox.put_source(Missing(0, "lost"))
    inbox.put_source(Missing(1, "lost"))
    inbox.put_operator("stop")
    assert [inbox.get(1.0) for _ in range(4)] == ["stop", Missing(0, "lost"), Missing(1, "lost"), "shown"]


def test_the_participants_pause_waits_for_one_volume_at_most_and_a_flood_of_pauses_keeps_none_back(inbox: Inbox) -> None:
    for index in range(3):
        inbox.put_source(Missing(index, "lost"))
        inbox.put_return(PAUSE)
    assert [inbox.get(1.0) for _ in range(6)] == [PAUSE, Missing(0, "lost"), PAUSE, Missing(1, "lost"), PAUSE, Missing(2, "lost")]


@pytest.mark.parametrize("pause", [PAUSE, Operator(action="pause")], ids=["participant", "operator"])
def test_a_pause_amidst_a_burst_is_told_before_the_rest_of_it_and_replays_so(
    inbox: Inbox, pause: Pause | Operator, benches: Callable[[Study], Any], small_study: Study, small_volumes: tuple[Volume, ...]
) -> None:
    live = benches(small_study)
    live.run.open()
    for volume in small_volumes[:BURST]:
        inbox.put_source(volume)
    for taken in range(BURST + 1):
        if taken == 18:
            (inbox.put_operator if isinstance(pause, Operator) else inbox.put_return)(pause)
        live.run.take(inbox.get(1.0))
    told = [
        m.index if isinstance(m, VolumeMessage) else m
        for m in (e.message for e in live.published)
        if isinstance(m, VolumeMessage | Pause | Operator)
    ]
    assert told == [*range(18), pause, *range(18, BURST)]
    assert [m.index for m in live.sent(VolumeMessage) if "paused" in m.why] == list(range(18, BURST))
    again = benches(small_study)
    replay(again.run, small_volumes[:BURST], decisions_of(live.published), lambda volume: None)
    assert [comparable(m) for m in again.sent(VolumeMessage)] == [comparable(m) for m in live.sent(VolumeMessage)]


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
    assert inbox.get(1.0) == "arm"
    assert inbox.get(1.0).index == 0
