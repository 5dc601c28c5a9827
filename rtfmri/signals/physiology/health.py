"""Whether a trace can be used: there, in time, alive, not clipped. Each reason ends a sentence that begins with the signal."""

from __future__ import annotations

import numpy as np

from rtfmri.volume import Array

NOT_YET = "it has not been there for"  # a beginning is no fault
FLAT_S = 3.0  # nothing that lives is exactly constant as long
AT_THE_EDGE = 1e-3  # of the range: as good as at its end
CLIPPED = 0.2  # share of values at one end; a sine has 0.02 there


def why_not_there(first_s: float, values: Array, rate_hz: float, needed_s: float, until_s: float) -> str:
    """Why a known stretch does not serve moments up to ``until_s``; empty where it does. At least ``needed_s`` are asked of it."""
    end_s = first_s + len(values) / rate_hz
    if not len(values) or end_s < until_s:
        return "nothing of it came in time"
    if len(values) < needed_s * rate_hz:
        return f"{NOT_YET} {needed_s:g} s"
    return ""


def why_not_alive(values: Array, rate_hz: float) -> str:
    """Why what stands in the stretch is no measurement; empty where it is."""
    recent = values[-max(2, int(FLAT_S * rate_hz)) :]
    if float(recent.max() - recent.min()) <= 0.0:
        return "it is flat"
    edge = AT_THE_EDGE * float(values.max() - values.min())
    at_edge = max(int(np.count_nonzero(values >= values.max() - edge)), int(np.count_nonzero(values <= values.min() + edge)))
    return "it is clipped" if at_edge > CLIPPED * len(values) else ""
