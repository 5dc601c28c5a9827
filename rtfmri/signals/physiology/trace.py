"""The last minute of one signal, thinned to the rate that its numerics need: fixed memory however long the session lasts.

Values are means over ``every`` samples, so nothing folds back that the mean takes out, and stand at the middle of them. A sample that is
not known is NaN and left out of its mean. However the samples are cut into batches, the same values come out, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from rtfmri.kernels import kernel
from rtfmri.volume import Array

FLAT_S = 3.0  # nothing that lives is exactly constant as long


@dataclass(frozen=True, eq=False)
class Trace:
    """``kept`` is a ring; ``count`` values were put into it so far. The rest is of the mean that is not complete yet."""

    every: int
    rate_hz: float  # of the kept values
    kept: Array
    count: int = 0
    total: float = 0.0
    known: int = 0
    seen: int = 0


def empty_trace(sample_rate_hz: float, wanted_hz: float, seconds: float) -> Trace:
    """Room for ``seconds`` at ``wanted_hz`` or up to twice that; at the samples' own rate where that is lower."""
    every = max(1, int(sample_rate_hz // wanted_hz))
    rate_hz = sample_rate_hz / every
    return Trace(every, rate_hz, np.full(int(seconds * rate_hz) + 1, np.nan))


def extended(trace: Trace, samples: Array) -> Trace:
    """With further samples (n,); fills the ring in place, so only the newest trace may be used."""
    count, total, known, seen = _feed(samples, trace.every, trace.kept, trace.count, trace.total, trace.known, trace.seen)
    return replace(trace, count=count, total=total, known=known, seen=seen)


def latest(trace: Trace) -> tuple[float, Array]:
    """The kept values (n,), oldest first, and the time of the first in seconds since the first sample."""
    size = min(trace.count, len(trace.kept))
    first = trace.count - size
    start = first % len(trace.kept)
    values = np.concatenate((trace.kept[start : start + size], trace.kept[: max(0, start + size - len(trace.kept))]))
    return (first + 0.5 * (trace.every - 1) / trace.every) / trace.rate_hz, values


def known_stretch(first_s: float, values: Array, rate_hz: float, bridge_s: float) -> tuple[float, Array]:
    """What follows the last gap longer than ``bridge_s``; shorter gaps are bridged by a straight line, one at the end is cut off.

    Values that were exactly the same for ``FLAT_S`` were not measured: they are a gap too.
    """
    filled = values.copy()
    _blank(filled, int(FLAT_S * rate_hz))
    begin, end = _bridge(filled, int(bridge_s * rate_hz))
    return first_s + begin / rate_hz, filled[begin:end]


@kernel
def _feed(samples: Array, every: int, ring: Array, count: int, total: float, known: int, seen: int) -> tuple[int, float, int, int]:
    for i in range(samples.size):
        value = samples[i]
        if np.isfinite(value):
            total += value
            known += 1
        seen += 1
        if seen == every:
            ring[count % ring.size] = total / known if known > 0 else np.nan
            count += 1
            total, known, seen = 0.0, 0, 0
    return count, total, known, seen


@kernel
def _blank(values: Array, longest: int) -> None:
    """Make runs of ``longest`` or more equal values NaN, in place."""
    begin = 0
    for i in range(1, values.size + 1):
        if i == values.size or values[i] != values[begin]:
            if i - begin >= longest:
                values[begin:i] = np.nan
            begin = i


@kernel
def _bridge(values: Array, longest: int) -> tuple[int, int]:
    """Fill NaN runs of up to ``longest`` between known values in place; the known stretch that is left: from, to."""
    begin = 0
    last = -1  # the last known value
    for i in range(values.size):
        if np.isnan(values[i]):
            continue
        if last < 0 or i - last - 1 > longest:
            begin = i
        else:
            for k in range(last + 1, i):
                values[k] = values[last] + (values[i] - values[last]) * (k - last) / (i - last)
        last = i
    return (begin, last + 1) if last >= 0 else (0, 0)
