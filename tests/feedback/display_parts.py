"""Runs and messages for the display's tests, made by hand; times in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from feedback.state import DisplayState, on_message, on_tick
from rtfmri.messages import BlockInfo, Confirmed, DisplaySettings, Entities, Envelope, Message, RunStart, RunStop, VolumeMessage
from rtfmri.paradigm import condition_at, lay_out

PARTS = (
    ("rest", 10.0, "rest"),
    ("self_compassion", 20.0, "regulate"),
    ("wait", 7.0, "other"),
    ("show", 6.0, "other"),
    ("rest", 10.0, "rest"),
)
BLOCKS = lay_out(PARTS)
BLOCK_INFOS = tuple(BlockInfo(name=b.name, onset_s=b.onset_s, duration_s=b.duration_s, role=b.role) for b in BLOCKS)
STALE_S = 2.5
PAUSE_S = 10.0
BEGIN_S = 1_000.0  # when volume 0 comes, on the display's clock


def run_start(feedback: str = "continuous", **fields: Any) -> RunStart:
    plain: dict[str, Any] = {
        "software": "test",
        "study": "test",
        "entities": Entities(sub="01"),
        "run_kind": "feedback",
        "run_uid": "run-a",
        "started_unix_s": 0.0,
        "tr_s": 1.0,
        "dummies": 0,
        "planned_volumes": 53,
        "blocks": BLOCK_INFOS,
        "rois": (),
        "range_percent": 1.0,
        "display": DisplaySettings(feedback=feedback),
        "fd_hold_mm": 0.5,
        "stale_after_s": STALE_S,
        "pause_after_s": PAUSE_S,
    }
    return RunStart(**{**plain, **fields})


def confirmed(tr_s: float = 1.0, blocks: tuple[BlockInfo, ...] = BLOCK_INFOS) -> Confirmed:
    return Confirmed(tr_s=tr_s, shape=(64, 64, 36), voxel_size_mm=(3.5, 3.5, 3.5), planned_volumes=53, blocks=blocks, rois=())


def run_stop() -> RunStop:
    return RunStop(exit_status="completed", reason="", counts={}, stopped_unix_s=0.0)


def volume(index: int, feedback: float | None = 0.5, validity: str = "ok", **fields: Any) -> VolumeMessage:
    """Volume ``index`` of the blocks above at TR 1 s."""
    block = condition_at(BLOCKS, index, 1.0)
    number = None if block is None else BLOCKS.index(block)
    value = feedback if validity == "ok" else None
    condition = None if block is None else block.name
    return VolumeMessage(**{"index": index, "condition": condition, "block": number, "validity": validity, "feedback": value, **fields})


def envelope(message: Message, run_uid: str = "run-a", seq: int = 0) -> Envelope:
    return Envelope(run_uid=run_uid, seq=seq, sent_unix_s=0.0, message=message)


def hear(state: DisplayState, message: Message, now_s: float, sent_s: float | None = None) -> DisplayState:
    """The state after ``message`` and a tick at once."""
    state, _ = on_message(state, envelope(message), now_s, sent_s)
    return on_tick(state, now_s)[0]


def armed(start: RunStart | None = None) -> DisplayState:
    return hear(DisplayState("test"), start or run_start(), BEGIN_S - 5.0)


def played(volumes: Iterable[VolumeMessage], start: RunStart | None = None, later_s: float = 0.0) -> DisplayState:
    """A run in which each volume comes on time, seen ``later_s`` after the last one."""
    state = armed(start)
    for message in volumes:
        state = hear(state, message, BEGIN_S + message.index)
    return ticked(state, later_s)


def ticked(state: DisplayState, later_s: float) -> DisplayState:
    """Frames until ``later_s`` later, twenty a second."""
    end_s = state.now_s + later_s
    while state.now_s < end_s:
        state, _ = on_tick(state, min(state.now_s + 0.05, end_s))
    return state
