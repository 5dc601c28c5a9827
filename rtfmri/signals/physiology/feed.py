"""One run's physiology from rows to columns, live and in replay: the same function of the same samples.

What time decides live is two numbers for each volume: how many samples had come (``Used.samples``) and where the run's time zero lies
among them (``Used.zero_s``). They are journalled with the volume; a replay adds as many of the recorded samples and takes that zero, and
has the same bits. A file that was never live has its zero from StartTime, and each volume has what is in the file up to its own end
(``as_if_live``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from rtfmri.messages import Fault
from rtfmri.signals.physiology.alignment import Pulses, Zero, aligned, with_pulses
from rtfmri.signals.physiology.plan import Moments, PhysioPlan
from rtfmri.signals.physiology.stream import NOT_YET, PhysioReading, PhysioState, add, begin, columns
from rtfmri.volume import Array

ADVICE = "Look at the sensor and the belt's program; the run goes on, without its regressors until it is back."
NAMES = {"cardiac": "The pulse", "respiratory": "The breathing belt"}


@dataclass(frozen=True)
class Used:
    """What a volume's columns rest on, for the journal: samples from the first on, and seconds from it to the run's time zero."""

    samples: int
    zero_s: float


@dataclass(frozen=True, eq=False)
class Feed:
    """Before and between volumes; only the newest may be used."""

    state: PhysioState
    pulses: Pulses = field(default_factory=Pulses)
    zero: Zero | None = None
    told: frozenset[tuple[str, str]] = field(default_factory=frozenset)


def begin_feed(plan: PhysioPlan) -> Feed:
    return Feed(begin(plan))


def with_rows(plan: PhysioPlan, feed: Feed, cardiac: Array, respiratory: Array, trigger: Array | None = None) -> Feed:
    """With further samples (n,) of each; NaN where not known."""
    pulses = feed.pulses if trigger is None else with_pulses(feed.pulses, trigger, plan.rate_hz)
    return replace(feed, state=add(feed.state, cardiac, respiratory), pulses=pulses)


def live(feed: Feed, complete_s: float, acquired_s: float, tr_s: float, pulses_before: int) -> tuple[Feed, Used]:
    """What a volume may use that was complete ``complete_s`` after the first sample and began ``acquired_s`` after the run's time zero."""
    zero = aligned(feed.zero, feed.pulses, complete_s, acquired_s, tr_s, pulses_before)
    return replace(feed, zero=zero), Used(feed.state.samples, zero.zero_s)


def as_if_live(plan: PhysioPlan, start_s: float, volume_end_s: float, rows: int) -> Used:
    """For a file of ``rows`` that begins at ``start_s`` of the run: what had come when the volume ended, at least."""
    samples = int(np.floor((volume_end_s - start_s) * plan.rate_hz))
    return Used(min(max(samples, 0), rows), -start_s)


def up_to(plan: PhysioPlan, feed: Feed, used: Used, cardiac: Array, respiratory: Array, trigger: Array | None = None) -> Feed:
    """With the recorded samples (of each signal, all rows) that the volume used beyond those that are in already.

    A run that is resumed is brought to where it was in this way, volume after volume, and then goes on ``live`` from the same zero.
    """
    further = slice(feed.state.samples, used.samples)
    feed = with_rows(plan, feed, cardiac[further], respiratory[further], None if trigger is None else trigger[further])
    return replace(feed, zero=Zero(used.zero_s))


def volume_columns(plan: PhysioPlan, feed: Feed, used: Used, acquired_s: float, moments: Moments) -> tuple[Feed, PhysioReading]:
    """The columns of the volume that began ``acquired_s`` after the run's time zero.

    Raises
    ------
    ValueError : other samples are in than the volume used (a bug of the caller, or a record that is shorter than its journal says).
    """
    if feed.state.samples != used.samples:
        raise ValueError(f"{feed.state.samples} samples are in, the volume used {used.samples}")
    state, reading = columns(plan, feed.state, used.zero_s + acquired_s, moments)
    return replace(feed, state=state), reading


def faults_of(feed: Feed, reading: PhysioReading) -> tuple[Feed, tuple[Fault, ...]]:
    """What to tell the operator: each reason of each signal once in a run."""
    now = {("cardiac", reading.cardiac), ("respiratory", reading.respiratory)}
    new = sorted((signal, why) for signal, why in now - feed.told if why and NOT_YET not in why)
    faults = tuple(
        Fault(code=f"physio_{signal}", severity="warning", text=f"{NAMES[signal]} is not used: {why}.", advice=ADVICE)
        for signal, why in new
    )
    return replace(feed, told=feed.told | set(new)), faults
