"""Which volumes are a rest's baseline, and which are a regulation block's score.

The rule: a window is a ``range`` of volume numbers and follows from blocks and TR alone, never from the order of arrival. A rest's
baseline window holds the volumes between max(onset + onset_s, end - last_s) and end + lag_s, both included; from the first volume after
it, it is the baseline of everything up to the close of the next rest's window. A rest too short for its own rule has an empty window:
what follows has no baseline, and is not given an older one instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rtfmri.paradigm import EPSILON_S, Block, first_index_at
from rtfmri.study import BaselineWindow

SCORE_LAG_S = 6.0  # the response follows its block by about this: two thirds of the plateau 6 s after onset, one third 6 s after end
FOR_EVER = 2**31


@dataclass(frozen=True)
class ScoreWindow:
    """One regulation block: its volumes that count, their baseline, and the volumes that go by while its score is the latest."""

    block: int  # number in the paradigm's blocks
    volumes: range
    baseline: range
    shown: range


def baseline_windows(blocks: tuple[Block, ...], rule: BaselineWindow, tr_s: float) -> tuple[range, ...]:
    """The window of every rest block, in order."""
    return tuple(_baseline_window(block, rule, tr_s) for block in blocks if block.role == "rest")


def _baseline_window(rest: Block, rule: BaselineWindow, tr_s: float) -> range:
    first = first_index_at(max(rest.onset_s + rule.onset_s, rest.end_s - rule.last_s), tr_s)
    stop = math.floor((rest.end_s + rule.lag_s + EPSILON_S) / tr_s) + 1
    return range(min(first, stop), stop)


def baseline_at(windows: tuple[range, ...], index: int) -> range | None:
    """The baseline of volume ``index``: the latest window that has closed; None before the first has."""
    closed = [window for window in windows if window.stop <= index]
    return closed[-1] if closed else None


def is_open(windows: tuple[range, ...], index: int) -> bool:
    """Whether volume ``index`` lies in a rest's own baseline window."""
    return any(index in window for window in windows)


def score_windows(blocks: tuple[Block, ...], rule: BaselineWindow, tr_s: float) -> tuple[ScoreWindow, ...]:
    """The window of every regulation block, in order; its baseline is the last rest that ended before it (empty where there is none)."""
    onsets = [first_index_at(block.onset_s, tr_s) for block in blocks if block.role == "regulate"]
    windows = []
    for number, block in enumerate(blocks):
        if block.role != "regulate":
            continue
        volumes = range(first_index_at(block.onset_s + SCORE_LAG_S, tr_s), first_index_at(block.end_s + SCORE_LAG_S, tr_s))
        before = baseline_windows(blocks[:number], rule, tr_s)
        until = next((onset for onset in onsets if onset >= volumes.stop), FOR_EVER)
        windows.append(ScoreWindow(number, volumes, before[-1] if before else range(0), range(volumes.stop, until)))
    return tuple(windows)
