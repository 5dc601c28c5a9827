"""A lab's own measure: the contract of ``package.module:function``.

    def my_measure(seen: Seen) -> float: ...

* It is called once for every volume that is in the fit, in order, after the first rest's baseline window has closed, with all that is known
  so far: arrays of its own (read-only), nothing of them shared with the stream.
* It returns the value as a finite float; feedback is (value - centre) / range of [signal.measure], held to -1 ... 1. It has no standard
  error.
* It must be a pure function of what it is given: a replay calls it again with the same and compares; a volume for which it was late in
  the run is not asked again but told to be late.
* An exception, a value that is no finite number, or more time than ``time_limit_ms``: that volume is ``held`` with the reason; the run
  goes on.

Calling it - in a process of its own, with a clock - is the engine's part, as nothing here touches clocks or processes: ``Ask`` is handed in
with each ``update``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.signals.compare import Comparison, Model, cleaned
from rtfmri.signals.measures.answer import Answer
from rtfmri.signals.plan import SignalPlan
from rtfmri.volume import Array


@dataclass(frozen=True, eq=False)
class Seen:
    """What is known after volume ``index``: n = index + 1 volumes, K regions. Percent means percent signal change."""

    index: int
    tr_s: float
    roi_names: tuple[str, ...]
    raw: Array  # (K, n) scanner units; NaN where the volume is not in the fit, here as below
    cleaned: Array  # (K, n), nuisance taken out with the current coefficients
    used: npt.NDArray[np.bool_]  # (n,) in the fit
    baseline: range  # the volumes of the current baseline window, used or not
    psc: tuple[float, ...]  # percent, K regions, this volume
    se: tuple[float | None, ...]
    regulation: float  # percent, filtered
    regulation_se: float | None


Ask = Callable[[Seen], Answer]


def what_is_seen(plan: SignalPlan, current: Model, index: int, baseline: range, single: Comparison, smooth: Comparison) -> Seen:
    """The function's argument after volume ``index``."""
    regions = len(plan.roi_names)
    used = current.observations.used[: index + 1].copy()
    raw = np.full((regions, index + 1), np.nan)
    clean = raw.copy()
    known = np.flatnonzero(used)
    raw[:, known] = current.observations.values[:regions, known]
    clean[:, known] = cleaned(current, known)[:regions]
    for array in (raw, clean, used):
        array.flags.writeable = False
    psc, se = single.psc[:regions], single.se[:regions]
    return Seen(index, plan.tr_s, plan.roi_names, raw, clean, used, baseline, psc, se, smooth.values[0], smooth.errors[0])
