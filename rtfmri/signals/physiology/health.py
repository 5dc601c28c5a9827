"""Whether a trace can be used: there, in time, alive, not clipped. Each reason ends a sentence that begins with the signal."""

from __future__ import annotations

import numpy as np

from rtfmri.signals.physiology.trace import FLAT_S
from rtfmri.volume import Array

NOT_YET = "it has not been there for"  # a beginning is no fault
AT_THE_EDGE = 1e-3  # of the range: as good as at its end
CLIPPED = 0.2  # share of values at one end; a sine has 0.02 there


def why_flat(values: Array, rate_hz: float) -> str:
    """Whether the newest values are all the same; empty where they are not."""
    recent = values[-max(2, int(FLAT_S * rate_hz)) :]
    return "it is flat" if len(recent) > 1 and float(recent.max() - recent.min()) == 0.0 else ""


def why_not_there(first_s: float, values: Array, rate_hz: float, needed_s: float, until_s: float) -> str:
    """Why a known stretch does not serve moments up to ``until_s``; empty where it does. At least ``needed_s`` are asked of it."""
    if not len(values) or first_s + len(values) / rate_hz < until_s:
        return "nothing of it came in time"
    return f"{NOT_YET} {needed_s:g} s" if len(values) < needed_s * rate_hz else ""


def why_clipped(values: Array) -> str:
    """Whether many values lie at one end of their range; empty where they do not."""
    edge = AT_THE_EDGE * float(values.max() - values.min())
    at_edge = max(int(np.count_nonzero(values >= values.max() - edge)), int(np.count_nonzero(values <= values.min() + edge)))
    return "it is clipped" if at_edge > CLIPPED * len(values) else ""
