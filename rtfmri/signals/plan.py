"""Everything about a run's signal that is known once TR is: the design's fixed columns, the windows, the regions' weights.

Columns, in order: constant, Legendre drift, six motion parameters (trans_x ... rot_z; zero here, they come with each volume), one task
regressor per regulation block. Drift and motion are nuisance: their fitted part is taken out. The task's fitted part stays.

``active_from`` is the first volume at which a column may enter the fit. A drift term waits until the run is as long as its order
needs, so at every volume the model is what 1 + int(seconds / 150) gives for the run so far: early values do not pay for terms that only a
long run needs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.paradigm import Block, first_index_at
from rtfmri.signals.design import SECONDS_PER_DRIFT_ORDER, drift_order, legendre, task_regressor
from rtfmri.signals.windows import ScoreWindow, baseline_windows, score_windows
from rtfmri.study import Study
from rtfmri.volume import Array

MOTION_PARAMETERS = 6


@dataclass(frozen=True, eq=False)
class SignalPlan:
    """P columns, N planned volumes, K regions. Frozen for the run."""

    roi_names: tuple[str, ...]
    roi_weights: Array  # (K,)
    design: Array  # (P, N), motion rows zero
    motion: slice  # rows of the design that each volume's motion fills; empty where motion is no nuisance
    nuisance: npt.NDArray[np.bool_]  # (P,)
    active_from: npt.NDArray[np.intp]  # (P,)
    dummies: int  # leading volumes that never count
    baselines: tuple[range, ...]  # one per rest
    scores: tuple[ScoreWindow, ...]  # one per regulation block
    smooth_volumes: int
    range_percent: float
    settled_se_percent: float

    @property
    def planned_volumes(self) -> int:
        return self.design.shape[1]


def plan_signal(study: Study, blocks: tuple[Block, ...], tr_s: float, planned_volumes: int) -> SignalPlan:
    """The plan of a run of ``planned_volumes`` (at least 1) with these blocks."""
    order = drift_order(planned_volumes * tr_s) if "drift" in study.signal.nuisance else 0
    motion = MOTION_PARAMETERS if "motion6" in study.signal.nuisance else 0
    times_s: Array = tr_s * np.arange(planned_volumes, dtype=np.float64)
    tasks = [task_regressor(block, times_s) for block in blocks if block.role == "regulate"]
    drift = legendre(order, planned_volumes)
    fixed = [np.ones((1, planned_volumes)), drift, np.zeros((motion, planned_volumes)), *(task[None] for task in tasks)]
    nuisance = np.array([False] + [True] * (order + motion) + [False] * len(tasks))
    active_from = np.zeros(len(nuisance), dtype=np.intp)
    for degree in range(2, order + 1):
        active_from[degree] = first_index_at(SECONDS_PER_DRIFT_ORDER * (degree - 1), tr_s) - 1  # with it the run is that long
    return SignalPlan(
        roi_names=tuple(roi.name for roi in study.roi),
        roi_weights=np.array([roi.weight for roi in study.roi]),
        design=np.concatenate(fixed),
        motion=slice(1 + order, 1 + order + motion),
        nuisance=nuisance,
        active_from=active_from,
        dummies=max((first_index_at(block.end_s, tr_s) for block in blocks if block.role == "dummy"), default=0),
        baselines=baseline_windows(blocks, study.signal.baseline, tr_s),
        scores=score_windows(blocks, study.signal.baseline, tr_s),
        smooth_volumes=study.signal.smooth_volumes,
        range_percent=study.signal.range_percent,
        settled_se_percent=study.signal.settled_se_percent,
    )
