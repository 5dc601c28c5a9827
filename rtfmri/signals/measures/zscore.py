"""The value in standard deviations of single volumes at rest.

The SD is pooled within the baseline windows that have closed: each window's volumes about their own mean, n - windows degrees of freedom,
all cleaned with the current coefficients. So what drifts from rest to rest does not widen it. With fewer than 8 rest volumes there is
no z; an SD below the floor is taken as the floor, as a quiet stretch must not make small changes look large. The standard error adds the
SD's own, z / sqrt(2 dof), to the value's.
"""

from __future__ import annotations

import math

import numpy as np

from rtfmri.signals.compare import Comparison, Model, cleaned
from rtfmri.signals.measures.answer import Answer

MINIMUM_REST_VOLUMES = 8


def z_score(current: Model, comparison: Comparison, closed: tuple[range, ...], sd_floor_percent: float) -> Answer:
    """The comparison's last functional over the SD at rest in the windows ``closed``."""
    series = current.functionals[-1] * current.units
    total, volumes, windows = 0.0, 0, 0
    for window in closed:
        used = np.flatnonzero(current.observations.used[window.start : window.stop]) + window.start
        if not len(used):
            continue
        level = (cleaned(current, used) * series[:, None]).sum(axis=0)
        total += float(((level - level.sum() / len(used)) ** 2).sum())
        volumes += len(used)
        windows += 1
    if volumes < MINIMUM_REST_VOLUMES:
        return Answer(None, why=f"only {volumes} rest volumes so far; {MINIMUM_REST_VOLUMES} give the first z")
    dof = volumes - windows
    sd = max(math.sqrt(total / dof), sd_floor_percent)
    z = comparison.values[-1] / sd
    error = comparison.errors[-1]
    return Answer(z, None if error is None else math.hypot(error / sd, z / math.sqrt(2 * dof)))
