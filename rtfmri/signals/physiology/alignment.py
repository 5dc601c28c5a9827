"""Where the run's time zero lies among the samples: by the scanner's pulses among them, else by when volumes arrived.

Both are seconds since the first sample, so a volume began at ``zero_s + acquired_s``. It may be told anew with each volume (two computers'
clocks drift), and each volume's own is journalled.

By pulses. The first pulse after a silence, and ``pulses_before`` further, is the first exported volume's start; from then on the pulse
nearest to where a volume is expected corrects the clocks' drift, and a lost pulse does no harm, as nothing is counted. By arrival. A
volume that is complete began one TR before, at least; the quickest of all tells most. That is late by the quickest export delay, the same
for all volumes: it turns the phases by nearly the same angle, which the model's coefficients take up.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

import numpy as np

from rtfmri.volume import Array

SILENCE_TR, SILENCE_S = 3.0, 3.0  # between two series, at least; the longer counts
FARTHEST_S = 20.0  # no export takes longer: a first pulse further back is another series'
NEAR_TR = 0.25
KEPT = 2048  # pulses that are remembered


@dataclass(frozen=True)
class Pulses:
    """The scanner's pulses among the samples: their times, oldest first, and whether the last sample was high (None: no sample yet)."""

    times_s: tuple[float, ...] = ()
    high: bool | None = None
    samples: int = 0


@dataclass(frozen=True)
class Zero:
    """Time zero among the samples: as the pulses say (``pulsed_s``), or the arrivals."""

    arrived_s: float
    pulsed_s: float | None = None

    @property
    def zero_s(self) -> float:
        return self.arrived_s if self.pulsed_s is None else self.pulsed_s


def with_pulses(pulses: Pulses, trigger: Array, rate_hz: float) -> Pulses:
    """With further samples (n,) of the trigger, above a half while the pulse is on; a sample that is not known is low."""
    if not len(trigger):
        return pulses
    high = trigger > 0.5
    before = np.concatenate(([high[0] if pulses.high is None else pulses.high], high[:-1]))
    rises = (np.flatnonzero(high & ~before) + pulses.samples) / rate_hz
    return Pulses((*pulses.times_s, *rises.tolist())[-KEPT:], bool(high[-1]), pulses.samples + len(trigger))


def aligned(before: Zero | None, pulses: Pulses, complete_s: float, acquired_s: float, tr_s: float, pulses_before: int) -> Zero:
    """Time zero after a volume that was complete at ``complete_s`` among the samples and began ``acquired_s`` after time zero."""
    arrived_s = complete_s - tr_s - acquired_s
    zero = Zero(arrived_s) if before is None else replace(before, arrived_s=min(before.arrived_s, arrived_s))
    if zero.pulsed_s is None:
        return replace(zero, pulsed_s=_first_pulse(pulses, zero.arrived_s, tr_s, pulses_before))
    nearest_s = _nearest(pulses.times_s, zero.zero_s + acquired_s, NEAR_TR * tr_s)
    return zero if nearest_s is None else replace(zero, pulsed_s=nearest_s - acquired_s)


def _nearest(times_s: tuple[float, ...], expected_s: float, reach_s: float) -> float | None:
    """The one of increasing ``times_s`` that is nearest to ``expected_s``; None where none is within ``reach_s``."""
    after = bisect_left(times_s, expected_s)
    near = [time_s for time_s in times_s[max(0, after - 1) : after + 1] if abs(time_s - expected_s) <= reach_s]
    return min(near, key=lambda time_s: abs(time_s - expected_s), default=None)


def _first_pulse(pulses: Pulses, arrived_s: float, tr_s: float, pulses_before: int) -> float | None:
    """The first exported volume's pulse; None where no series of pulses begins where it should."""
    silence_s = max(SILENCE_TR * tr_s, SILENCE_S)
    times = np.array(pulses.times_s)
    apart = np.diff(times, prepend=0.0)  # the samples' beginning is silence too, if it is long enough
    firsts = np.flatnonzero(apart >= silence_s) + pulses_before
    starts = times[firsts[firsts < len(times)]]
    good = starts[(starts <= arrived_s + NEAR_TR * tr_s) & (starts >= arrived_s - FARTHEST_S)]
    return float(good[-1]) if len(good) else None
