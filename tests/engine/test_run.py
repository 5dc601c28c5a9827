"""One run: every number once, exactly one run_stop, whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtfmri.lifecycle import RunState
from rtfmri.messages import Confirmed, Fault, Operator, Pause, Published, RunStart, RunStop, VolumeMessage
from rtfmri.study import Study
from rtfmri.volume import EndOfSource, Grid, Missing, SourceFault, Volume

Bench = Any
PLANNED = 64


def feed(bench: Bench, items: Any) -> None:
    bench.run.open()
    for item in items:
        bench.run.take(item)
    bench.run.take(EndOfSource("the files are read"))


def test_a_whole_run_completes_with_every_volume_published(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    feed(bench, small_volumes)
    assert [message.index for message in bench.sent(VolumeMessage)] == list(range(PLANNED))
    (stop,) = bench.sent(RunStop)
    assert (stop.exit_status, stop.counts["received"], stop.counts["published"]) == ("completed", PLANNED, PLANNED)
    assert bench.store.kept == list(range(PLANNED))
    assert bench.store.references == 1


def test_what_is_published_is_journalled_in_the_same_order(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    feed(bench, small_volumes[:20])
    assert bench.published == bench.journal.lines
    assert [envelope.seq for envelope in bench.published] == list(range(len(bench.published)))
    assert isinstance(bench.published[0].message, RunStart)
    assert isinstance(bench.published[1].message, Confirmed)
    assert isinstance(bench.published[-1].message, RunStop)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lost=st.sets(st.integers(0, 19), max_size=12))
def test_any_numbers_may_be_missing_and_none_slides(
    lost: set[int], benches: Callable[[Study], Bench], small_study: Study, small_volumes: tuple[Volume, ...]
) -> None:
    bench = benches(small_study)
    feed(bench, [Missing(v.index, "lost") if v.index in lost else v for v in small_volumes[:20]])
    messages = bench.sent(VolumeMessage)
    if lost != set(range(20)):
        assert [message.index for message in messages] == list(range(20))
    assert {message.index for message in messages if message.validity == "missing"} <= lost
    assert [m.condition for m in messages] == ["dummy"] * min(4, len(messages)) + ["rest"] * min(12, max(0, len(messages) - 4)) + [
        "self_compassion"
    ] * max(0, len(messages) - 16)
    assert len(bench.sent(RunStop)) == 1


def test_a_recording_that_ends_early_is_stopped_and_says_why(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    feed(bench, small_volumes[:10])
    (stop,) = bench.sent(RunStop)
    assert (stop.exit_status, stop.reason, stop.counts["received"]) == ("stopped", "the files are read", 10)


def test_another_tr_than_the_study_expects_is_refused_in_a_sentence(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    feed(bench, [replace(small_volumes[0], tr_s=2.0)])
    (stop,) = bench.sent(RunStop)
    assert stop.exit_status == "failed"
    assert "TR is 2 s, the study expects 1 s" in stop.reason


def test_masks_on_another_grid_are_refused_in_a_sentence(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    first = small_volumes[0]
    other = Grid((10, 10, 10), first.grid.affine)
    feed(bench, [replace(first, data=np.ones((10, 10, 10), np.float32), grid=other)])
    (stop,) = bench.sent(RunStop)
    assert stop.exit_status == "failed"
    assert "resample the mask" in stop.reason


def test_a_volume_on_another_grid_becomes_missing_and_the_run_goes_on(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    turned = small_volumes[6].grid.affine.copy()
    turned[0, 3] += 5.0
    odd = replace(small_volumes[6], grid=Grid(small_volumes[6].grid.shape, turned))
    feed(bench, [*small_volumes[:6], odd, *small_volumes[7:12]])
    messages = bench.sent(VolumeMessage)
    assert [m.index for m in messages if m.validity == "missing"] == [6]
    assert len(messages) == 12
    assert [fault.code for fault in bench.sent(Fault)] == ["volume_unusable"]


def test_a_bug_ends_the_run_as_failed_exactly_once(
    bench: Bench, small_volumes: tuple[Volume, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")

    bench.run.open()
    bench.run.take(small_volumes[0])
    monkeypatch.setattr("rtfmri.engine.run.step", broken)
    with pytest.raises(ZeroDivisionError):
        bench.run.take(small_volumes[1])
    bench.run.fail("again")
    bench.run.interrupt("and again")
    (stop,) = bench.sent(RunStop)
    assert stop.exit_status == "failed"


def test_acquisition_that_cannot_go_on_ends_the_run_as_failed(bench: Bench) -> None:
    bench.run.open()
    bench.run.take(EndOfSource("the folder is gone for good", failed=True))
    assert bench.sent(RunStop)[0].exit_status == "failed"


def test_silence_alarms_the_operator_then_ends_the_run(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    bench.run.open()
    bench.clock.now_s += 3000.0
    bench.run.tick()
    assert not bench.run.ended, "an armed run waits for the scanner as long as it takes"
    bench.run.take(small_volumes[0])
    assert bench.run.wait_s() == pytest.approx(10.0)
    bench.clock.now_s += 10.0
    bench.run.tick()
    (alarm,) = bench.sent(Fault)
    assert (alarm.code, alarm.severity) == ("silence", "error")
    assert bench.run.wait_s() == pytest.approx(50.0)
    bench.clock.now_s += 50.0
    bench.run.tick()
    assert bench.sent(RunStop)[0].exit_status == "silent"


def test_a_volume_after_the_alarm_lets_the_run_go_on(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    bench.run.open()
    bench.run.take(small_volumes[0])
    bench.clock.now_s += 30.0
    bench.run.tick()
    bench.run.take(small_volumes[1])
    bench.clock.now_s += 9.0
    bench.run.tick()
    assert not bench.run.ended
    assert len(bench.sent(Fault)) == 1


def test_the_run_ends_soon_after_its_last_planned_volume(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    bench.run.open()
    for volume in small_volumes:
        bench.run.take(volume)
    assert bench.run.state is RunState.RUNNING, "displays may still say what they showed"
    bench.clock.now_s += bench.run.wait_s()
    bench.run.tick()
    assert bench.sent(RunStop)[0].exit_status == "completed"


def test_volumes_beyond_the_plan_are_not_part_of_the_run(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    feed(bench, [*small_volumes, replace(small_volumes[-1], index=PLANNED)])
    assert len(bench.sent(VolumeMessage)) == PLANNED


def test_a_paused_participant_is_told_and_left_out(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    pause = Pause(display="d", paused=True, pressed_unix_s=1.0)
    again = pause.model_copy(update={"paused": False})
    feed(bench, [*small_volumes[:6], pause, *small_volumes[6:9], again, *small_volumes[9:12]])
    held = [m.index for m in bench.sent(VolumeMessage) if "paused" in m.why]
    assert held == [6, 7, 8]
    assert bench.sent(Pause) == [pause, again]


def test_the_operator_can_pause_and_stop(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    bench.run.open()
    bench.run.take(small_volumes[0])
    for action in ("pause", "mark", "resume", "stop"):
        bench.run.take(Operator(action=action))
    assert [operator.action for operator in bench.sent(Operator)] == ["pause", "mark", "resume", "stop"]
    assert bench.sent(RunStop)[0].reason == "the operator stopped the run"


def test_what_acquisition_notices_becomes_a_fault_message(bench: Bench) -> None:
    bench.run.open()
    bench.run.take(SourceFault("straggler", "volume 7 came after it was given up", "Nothing to do.", index=6))
    (fault,) = bench.sent(Fault)
    assert (fault.code, fault.index, fault.severity) == ("straggler", 6, "warning")


def test_a_full_disk_is_told_once_and_nothing_is_lost(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    bench.run.open()
    bench.run.take(small_volumes[0])
    bench.journal.failed = bench.store.failed = OSError(28, "No space left on device")
    for volume in small_volumes[1:4]:
        bench.run.take(volume)
    bench.journal.failed = bench.store.failed = None
    bench.run.take(small_volumes[4])
    codes = [fault.code for fault in bench.sent(Fault)]
    assert sorted(codes) == ["journal_recovered", "journal_unwritable", "raw_recovered", "raw_unwritable"]
    assert [m.index for m in bench.sent(VolumeMessage)] == [0, 1, 2, 3, 4]


def test_a_resumed_run_goes_on_with_the_same_values(
    bench: Bench, benches: Callable[[Study], Bench], small_study: Study, small_volumes: tuple[Volume, ...]
) -> None:
    feed(bench, small_volumes[:40])
    second = benches(small_study)
    for item in small_volumes[:30]:
        second.run.restore(item)
    second.run.open(resumed=True)
    for volume in small_volumes[30:40]:
        second.run.take(volume)
    assert second.sent(VolumeMessage) == bench.sent(VolumeMessage)[30:]
    assert second.sent(RunStart)[0].resumed


def test_what_a_display_sends_again_to_a_resumed_run_stands_in_the_record_once(bench: Bench) -> None:
    known, new = (Pause(display="d", paused=paused, pressed_unix_s=5.0) for paused in (True, False))
    bench.run.heard_again(known)
    bench.run.open(resumed=True)
    bench.run.take(known)
    bench.run.take(new)
    assert bench.sent(Pause) == [new]


def test_latencies_are_told_for_live_volumes_only(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    feed(bench, small_volumes[:3])
    assert bench.sent(Published) == []
