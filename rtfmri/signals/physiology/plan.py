"""Which physiological columns a run has, and at which moments of a volume they are taken.

Columns, in order: cardiac RETROICOR cos1, sin1, cos2, sin2, ...; respiratory RETROICOR likewise; respiration volume per time; heart rate.

The moments. A region's mean holds the pulse as it was when each of its slices was measured, so the Fourier terms are averaged over the
slices' times with the region's share of voxels in each: under a linear model that is what the mean holds, and mid-volume is not (at TR 2 s
a heart beats twice within the volume). Without slice times, or where slice timing correction has already moved the values, one moment
serves. The slow regressors (tens of seconds) are taken at the moments' mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rtfmri.study.physiology import Physiology
from rtfmri.volume import Array


@dataclass(frozen=True)
class PhysioPlan:
    """``rate_hz`` of the samples; a signal that has no column in the source is not ``has_``."""

    rate_hz: float
    has_cardiac: bool
    has_respiratory: bool
    cardiac_order: int
    respiratory_order: int
    respiration_volume: bool
    heart_rate: bool

    @property
    def names(self) -> tuple[str, ...]:
        """One for each column, in order."""
        fourier = [
            f"{signal}_{wave}{order}"
            for signal, orders in (("cardiac", self.cardiac_order), ("respiratory", self.respiratory_order))
            for order in range(1, orders + 1)
            for wave in ("cos", "sin")
        ]
        slow = ["respiration_volume"] * self.respiration_volume + ["heart_rate"] * self.heart_rate
        return (*fourier, *slow)

    @property
    def size(self) -> int:
        """How many columns there are: ``SignalInputs.physiology_columns``."""
        return len(self.names)


@dataclass(frozen=True, eq=False)
class Moments:
    """Seconds after a volume's start (M,) and the share (M,) of the regions' voxels that was measured then; shares sum to 1."""

    after_s: Array
    shares: Array


def plan_physiology(rule: Physiology, rate_hz: float, columns: Sequence[str]) -> PhysioPlan:
    """The plan for a source with these ``columns``. A study's regressor whose signal the source lacks stays in, and is zero."""
    return PhysioPlan(
        rate_hz=rate_hz,
        has_cardiac=rule.cardiac in columns,
        has_respiratory=rule.respiratory in columns,
        cardiac_order=rule.cardiac_order,
        respiratory_order=rule.respiratory_order,
        respiration_volume=rule.respiration_volume,
        heart_rate=rule.heart_rate,
    )


def mid_volume(tr_s: float) -> Moments:
    return Moments(np.array([0.5 * tr_s]), np.ones(1))


def of_slices(slice_times_s: Sequence[float], voxels: Sequence[float]) -> Moments:
    """From each slice's time after the volume's start and how many of the regions' voxels lie in it; at least one has some."""
    shares = np.asarray(voxels, dtype=np.float64)
    after_s = np.asarray(slice_times_s, dtype=np.float64)
    moments = np.unique(after_s[shares > 0.0])
    together = np.array([shares[after_s == moment].sum() for moment in moments])
    return Moments(moments, together / together.sum())
