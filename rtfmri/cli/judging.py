"""Whether a demo's run was what it should be: nothing lost, the regulation value close to the phantom's truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rtfmri.messages import Envelope, VolumeMessage
from rtfmri.record.summary import Summary, of_kind
from rtfmri.volume import Array

LEAST_CORRELATION = 0.7
LEAST_SHOWN = 0.9  # of the volumes that had a value to show


def correlation_with_truth(envelopes: Sequence[Envelope], truth_percent: Array) -> float | None:
    """Pearson's r of the regulation value and its truth (N,), over the volumes whose value was ok; None of fewer than three."""
    pairs = [
        (volume.regulation, truth_percent[volume.index])
        for volume in of_kind(envelopes, VolumeMessage)
        if volume.validity == "ok" and volume.regulation is not None and volume.index < len(truth_percent)
    ]
    return None if len(pairs) < 3 else float(np.corrcoef(np.array(pairs).T)[0, 1])


def complaints(summary: Summary, written: int, correlation: float | None, displayed: bool) -> list[str]:
    """What was not as it should be, a sentence each; empty where all was."""
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
    if displayed and summary.shown < LEAST_SHOWN * summary.to_show:
        said.append(f"{summary.to_show} volumes had a value for the participant, {summary.shown} were on the glass.")
    return said
