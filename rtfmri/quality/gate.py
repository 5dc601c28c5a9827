"""Whether a volume is a spike that the feedback must not follow: on the critical path, a few microseconds.

The rule: DVARS is judged against the run's own last ``WINDOW`` volumes that were no spike. A spike lies above their median by more than
``FACTOR`` robust standard deviations (1.4826 times the median absolute deviation) and by more than ``LEAST`` of the median. The second
limit is what ordinary motion and breathing may add; the first takes over where DVARS itself scatters. Nothing is a spike before ``FEWEST``
volumes. After ``GIVE_UP`` spikes in a row it is the images that have changed, and the history begins anew.

Fewer than one false alarm in 1000 volumes: see README.md for the noise and motion on which that was measured. DVARS against the volume
before tells a spike twice, there and back; against the last volume that was no spike, once. Either may be handed in, but always the same.

The same rule judges what the realigned volume leaves against the reference (the estimator's residual), with ``LEAST_RESIDUAL`` in the place
of ``LEAST``: a volume of which a part is dark may be put in a wrong place with confidence, and shows there.

DVARS sees what many slices share. One spoiled slice hardly moves it; there the estimator's own list of bad slices says more:
``spoiled`` asks whether one of them holds a region's voxels.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WINDOW = 30
FEWEST = 10
FACTOR = 8.0
LEAST = 0.25
LEAST_RESIDUAL = 0.5  # residuals grow slowly as the head moves away from the reference
GIVE_UP = 10
ROBUST = 1.4826  # median absolute deviation -> standard deviation of a Gaussian


@dataclass(frozen=True)
class History:
    """``recent``: DVARS (or residuals) in percent of the last volumes that were no spike, oldest first; ``in_a_row``: spikes since then."""

    recent: tuple[float, ...] = ()
    in_a_row: int = 0


def spike(history: History, percent: float, least: float = LEAST) -> tuple[History, bool]:
    """The history after a volume with this DVARS, and whether it is a spike. Volumes without a DVARS (missing, first) are not handed in."""
    if percent > limit_percent(history, least):
        spikes = history.in_a_row + 1
        return (History() if spikes >= GIVE_UP else History(history.recent, spikes)), True
    return History((*history.recent, percent)[-WINDOW:]), False


def limit_percent(history: History, least: float = LEAST) -> float:
    """The DVARS above which the next volume is a spike; infinite while there are too few volumes to tell."""
    if len(history.recent) < FEWEST:
        return float("inf")
    middle = statistics.median(history.recent)
    scale = ROBUST * statistics.median(abs(value - middle) for value in history.recent)
    return middle + max(FACTOR * scale, least * middle)


def slices_of(voxels: npt.NDArray[np.intp]) -> frozenset[int]:
    """The slices (third index, 0-based) that hold a region's ``voxels`` (N, 3)."""
    return frozenset(int(z) for z in np.unique(voxels[:, 2]))


def spoiled(bad_slices: Iterable[int], roi_slices: frozenset[int]) -> tuple[int, ...]:
    """Those of the estimator's ``bad_slices`` that hold voxels of a region, ascending; with any, its value is not to be used."""
    return tuple(sorted(roi_slices.intersection(bad_slices)))
