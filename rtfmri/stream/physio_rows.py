"""Batches of a belt put in their places: rows without a gap, as they are recorded and computed from. Pure.

A row's number is its time: row k is k / rate_hz after the first. Lost samples (by the belt's own count, or by its clock where a program
began to count anew) are rows of NaN. A batch that repeats what has come is cut; one that is all of the past, of another rate or far in the
future is refused with the reason. The count is believed as long as the clock is not more than ``SLACK_S`` away from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rtfmri.stream.physio_wire import PhysioBatch
from rtfmri.volume import Array

SLACK_S = 0.05  # jitter of an operating system's clock reading; more is a gap, or a clock that runs otherwise than it says
LONGEST_GAP_S = 600.0
CLOCK_S = 60.0  # the quickest batch of the last minute tells how the two clocks lie


@dataclass(frozen=True)
class Rows:
    """What is known after ``rows`` rows. ``counted_from`` is the belt's count of row 0."""

    names: tuple[str, ...]
    rate_hz: float
    rows: int = 0
    counted_from: int | None = None
    zero_clock_s: float = 0.0  # belt's clock at row 0
    lag_s: float | None = None  # this computer's unix time minus the belt's, from the quickest batch
    lag_at_s: float = 0.0

    def row_time_s(self, unix_s: float) -> float | None:
        """Seconds since row 0 at this computer's ``unix_s``; None before the first batch. Late by the quickest batch's way here."""
        return None if self.lag_s is None else unix_s - self.lag_s - self.zero_clock_s


def placed(state: Rows, batch: PhysioBatch) -> tuple[Rows, Array | None, str]:
    """The state, the further rows (n, columns), and why a batch was refused ("" where it was not; then there are no rows)."""
    if batch.rate_hz != state.rate_hz:
        return state, None, f"it comes at {batch.rate_hz:g} samples a second, the study says {state.rate_hz:g}"
    if not set(batch.columns) & set(state.names):
        return state, None, f"it has the columns {', '.join(sorted(batch.columns))}; the study asks for {', '.join(state.names)}"
    if state.counted_from is None:
        state = replace(state, counted_from=batch.first, zero_clock_s=batch.time_s)
    assert state.counted_from is not None
    by_clock = round((batch.time_s - state.zero_clock_s) * state.rate_hz)
    place = batch.first - state.counted_from
    if abs(place - by_clock) > SLACK_S * state.rate_hz:
        place = by_clock
        state = replace(state, counted_from=batch.first - place)
    gap = place - state.rows
    if gap > LONGEST_GAP_S * state.rate_hz:
        return state, None, f"its time is {gap / state.rate_hz:.0f} s ahead"
    if gap + batch.size <= 0:
        return state, None, "its time is past: the belt's clock was set back, or two programs send"
    rows = np.full((max(gap, 0) + batch.size + min(gap, 0), len(state.names)), np.nan)
    for column, name in enumerate(state.names):
        if name in batch.columns:
            rows[max(gap, 0) :, column] = batch.columns[name][max(-gap, 0) :]
    return replace(_heard(state, batch), rows=state.rows + len(rows)), rows, ""


def _heard(state: Rows, batch: PhysioBatch) -> Rows:
    lag_s = batch.received_unix_s - batch.end_s
    if state.lag_s is None or lag_s < state.lag_s or batch.received_unix_s - state.lag_at_s > CLOCK_S:
        return replace(state, lag_s=lag_s, lag_at_s=batch.received_unix_s)
    return state


def all_placed(state: Rows, batches: Sequence[PhysioBatch]) -> tuple[Rows, Array, str]:
    """As ``placed``, for all that came since; the last reason of a refusal."""
    parts, why = [np.empty((0, len(state.names)))], ""
    for batch in batches:
        state, rows, refused = placed(state, batch)
        why = refused or why
        if rows is not None:
            parts.append(rows)
    return state, np.concatenate(parts), why
