"""``_stim.tsv.gz``: what was on the participant's glass, all through the run, evenly sampled as BIDS wants it; pure.

Numbers only, so that every reader of such files takes them: states and blocks are codes that the sidecar explains. Row k is
k / SamplingFrequency after StartTime, which counts from the first stored volume's acquisition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rtfmri.messages import Confirmed, Envelope, Shown, VolumeMessage
from rtfmri.record.clocks import Clocks, Moment, clocks_of
from rtfmri.record.glass import participants_display
from rtfmri.record.summary import of_kind
from rtfmri.volume import Array

RATE_HZ = 50.0
STATES = {
    "idle": (0, "no run is known to the display"),
    "card": (1, "set-up card"),
    "waiting": (2, "armed, waiting for the scanner"),
    "neutral": (3, "no value to show: the neutral shape, with the block's words"),
    "fresh": (4, "the value of the newest volume"),
    "held": (5, "the newest volume gave nothing new: the value before, with a dotted outline"),
    "stale": (6, "no value young enough: the shape rests in the middle"),
    "rating": (7, "a question with its slider"),
    "paused": (8, "paused"),
    "blank": (9, "blanked by the operator"),
    "ended": (10, "thanks"),
}
OTHER = (99, "another state")
COLUMNS = {
    "value": "Value on the glass, as part of the range: -1 to 1. n/a: none was shown.",
    "state": "What was on the glass.",
    "volume": "Number of the volume behind the value, from 1: its place in the 4D NIfTI.",
    "block": "Number of the block on the glass, from 0, as the display had it.",
}
EASING = (
    "A row holds what the display had decided to show. The shape eases from one value to the next in less than a second, beginning at the "
    "first row of the new value."
)
RESTS_ON = {
    "trigger": "the scanner's pulses, counted by the display",
    "volumes": "the measured offset of the display's clock and the volume that arrived soonest: too early by the quickest export delay",
    "arrival": "the arrival of the display's messages, as the offset of its clock was not measured",
}


@dataclass(frozen=True, eq=False)
class Stim:
    """``rows`` (n, 4), NaN where not known; ``sidecar`` is the JSON beside it."""

    rows: Array
    sidecar: dict[str, Any]


def stim(envelopes: Sequence[Envelope]) -> Stim | None:
    """None where no display reported, or nothing tells how its clock lies."""
    confirmations, display = of_kind(envelopes, Confirmed), participants_display(envelopes)
    if not confirmations or display is None:
        return None
    tr_s = confirmations[-1].tr_s
    flips = _flips(envelopes, display, clocks_of(envelopes, tr_s))
    if not flips:
        return None
    volumes = [volume.index for volume in of_kind(envelopes, VolumeMessage)]
    end_s = max(tr_s * (1 + max(volumes, default=-1)), flips[-1][0].t_s)
    return Stim(_sampled(flips, end_s), _sidecar(display, flips[-1][0]))


def _flips(envelopes: Sequence[Envelope], display: str, clocks: Clocks) -> list[tuple[Moment, Shown]]:
    """In order of time."""
    found = []
    for envelope in envelopes:
        flip = envelope.message
        if isinstance(flip, Shown) and flip.display == display:
            moment = clocks.of_display(display, flip.flip_unix_s, envelope.sent_unix_s)
            if moment is not None:
                found.append((moment, flip))
    return sorted(found, key=lambda pair: pair[0].t_s)


def _sampled(flips: Sequence[tuple[Moment, Shown]], end_s: float) -> Array:
    """Each row takes the last flip at or before it; none is known before the first."""
    cells = np.array([_cells(flip) for _, flip in flips], dtype=float)
    moments_s = np.array([moment.t_s for moment, _ in flips])
    times_s = np.arange(1 + int(np.floor(max(0.0, end_s) * RATE_HZ))) / RATE_HZ
    last = np.searchsorted(moments_s, times_s, side="right") - 1
    rows = cells[np.maximum(last, 0)]
    rows[last < 0] = np.nan
    return rows


def _cells(flip: Shown) -> tuple[float | None, ...]:
    return (flip.value, STATES.get(flip.state, OTHER)[0], None if flip.index is None else flip.index + 1, flip.block)


def _sidecar(display: str, last: Moment) -> dict[str, Any]:
    described: dict[str, dict[str, Any]] = {name: {"Description": what} for name, what in COLUMNS.items()}
    described["state"]["Levels"] = {str(code): what for code, what in (*STATES.values(), OTHER)}
    return {
        "SamplingFrequency": RATE_HZ,
        "StartTime": 0.0,
        "Columns": list(COLUMNS),
        "Description": f"What was on the participant's screen (display {display}). {EASING}",
        "TimesRestOn": RESTS_ON[last.rests_on],
        **described,
    }
