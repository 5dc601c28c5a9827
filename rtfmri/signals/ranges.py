"""What is full feedback, between runs: from a localizer, or from the feedback run before. Within a run the range never changes.

The range is the upper quartile of the size of the settled values during regulation (SCIENCE, "Signal and feedback"; the size, so that a
person who regulates downwards has one too), in the measure's unit. An adaptive range moves by at most a factor of two from run to run, so
that one bad run does not make the next one's shape jump or stand still.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

QUARTILE = 0.75
MINIMUM_VALUES = 20
LARGEST_STEP = 2.0


def localizer_range(values: Sequence[float]) -> float | None:
    """From a run's settled values during regulation, less the measure's centre; None where they are too few or all zero."""
    if len(values) < MINIMUM_VALUES:
        return None
    found = float(np.quantile(np.abs(values), QUARTILE))
    return found if found > 0.0 else None


def adapted_range(previous: float, values: Sequence[float]) -> float:
    """The next run's range after a run with the range ``previous``; the same where its values are too few."""
    found = localizer_range(values)
    return previous if found is None else min(LARGEST_STEP * previous, max(previous / LARGEST_STEP, found))
