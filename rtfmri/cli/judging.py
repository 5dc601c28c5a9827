"""Whether a demo's run was what it should be: nothing lost, the regulation value close to the phantom's truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtfmri.messages import Confirmed, Envelope, RunStart, VolumeMessage
from rtfmri.record.summary import Summary, of_kind, values_to_show
from rtfmri.volume import Array

LEAST_CORRELATION = 0.7
LEAST_SHOWN = 0.9  # of the values that came in time


def correlation_with_truth(envelopes: Sequence[Envelope], truth_percent: Array) -> float | None:
    """Pearson's r of the regulation value and its truth (N,), over the volumes whose value was ok; None of fewer than three."""
    pairs = [
        (volume.regulation, truth_percent[volume.index])
        for volume in of_kind(envelopes, VolumeMessage)
        if volume.validity == "ok" and volume.regulation is not None and volume.index < len(truth_percent)
    ]
    return None if len(pairs) < 3 else float(np.corrcoef(np.array(pairs).T)[0, 1])


def values_in_time(envelopes: Sequence[Envelope]) -> int:
    """How many values a display should have shown.

    Of continuous feedback not that of a block's last volume: a display that is locked to the scanner's pulses is in the next block when
    it comes.
    """
    starts, confirmations, volumes = of_kind(envelopes, RunStart), of_kind(envelopes, Confirmed), of_kind(envelopes, VolumeMessage)
    if not starts or not confirmations or starts[0].display.feedback == "intermittent":
        return values_to_show(envelopes)
    regulate = {number for number, block in enumerate(confirmations[-1].blocks) if block.role == "regulate"}
    last = {volume.block: volume.index for volume in volumes}
    return sum(v.feedback is not None and v.block in regulate and v.index != last[v.block] for v in volumes)


def complaints(summary: Summary, written: int, correlation: float | None, to_show: int) -> list[str]:
    """What was not as it should be, a sentence each; empty where all was. ``to_show``: values for the glass, 0 without a display."""
    said = []
    if summary.stop is None or summary.stop.exit_status != "completed":
        said.append("The run did not come to its planned end.")
    if summary.received != written:
        said.append(f"The scanner wrote {written} volumes, {summary.received} were received.")
    if summary.published != summary.received:
        said.append(f"{summary.received} volumes were received, {summary.published} published.")
    if correlation is None or correlation < LEAST_CORRELATION:
        found = "there is none" if correlation is None else f"it is {correlation:.2f}"
        said.append(f"The correlation of the regulation value with the truth should be at least {LEAST_CORRELATION}; {found}.")
    if summary.shown < LEAST_SHOWN * to_show:
        said.append(f"{to_show} volumes had a value for the participant in time, {summary.shown} were on the glass.")
    return said
