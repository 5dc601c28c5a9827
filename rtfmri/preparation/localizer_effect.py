"""Whether a localizer run may be used, and how large the effect of its voxels is where it did not choose them.

The effect of voxels chosen by one half of the blocks is measured in the other half, and the mean of both is reported: the effect in
the blocks that chose them is too large by selection alone (Kriegeskorte et al. 2009, Nat Neurosci 12:535). Its standard error is the
signal path's own, with autocorrelation and the baseline's error. A region is refused unless its effect is above ``ONE_SIDED`` standard
errors (p < .05).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.signals.compare import Model, compare, compare_fitted, weighting
from rtfmri.signals.glm import Flags
from rtfmri.signals.plan import SignalPlan
from rtfmri.volume import Array

ONE_SIDED = 1.645  # standard errors
MOST_FLAGGED = 0.25  # of the volumes that came; a run-level warning is due at a fifth, a run that is to place regions may not be much worse
LEAST_DOF = 20  # volumes more than the model has columns
LEAST_OF_BLOCK = 0.5  # of a block's scoring window and of its baseline


@dataclass(frozen=True)
class Effect:
    """In percent, against rest's baseline; ``se`` is None where there are too few volumes for one."""

    percent: float
    se: float | None

    @property
    def found(self) -> bool:
        return self.se is not None and self.percent > ONE_SIDED * self.se


def unusable(plan: SignalPlan, used: Flags, flagged: int, received: int, contrast: Array) -> list[str]:
    """What is wrong with a run for localizing, a sentence each; empty where it may be used.

    ``used`` (N,): volumes in the fit; ``flagged`` of ``received`` volumes were held because of motion or spikes.
    """
    said = []
    if flagged > MOST_FLAGGED * max(received, 1):
        said.append(
            f"{flagged} of {received} volumes are flagged for motion or spikes, more than {100 * MOST_FLAGGED:.0f} %: "
            "the head moved too much. Repeat the localizer, or use the anatomical regions."
        )
    dof = int(used.sum()) - len(plan.design)
    if dof < LEAST_DOF:
        said.append(
            f"Only {int(used.sum())} volumes are usable for a model of {len(plan.design)} columns "
            f"({LEAST_DOF} more than columns are needed). Repeat the localizer, or take nuisance out of the study."
        )
    whole = [number for number in _blocks(plan, contrast) if not _is_whole(plan, used, number)]
    if whole:
        numbers = ", ".join(str(number + 1) for number in whole)
        said.append(f"Fewer than half of the volumes of block {numbers}, or of the rest before it, are usable. Repeat the localizer.")
    return said


def effect_of(plan: SignalPlan, fitted: Model, contrast: Array, region: int) -> Effect | None:
    """The effect of a contrast (P,) in the region of this number; None where a block or its rest has no volume."""
    columns = np.flatnonzero(contrast)
    w = np.zeros(len(fitted.observations.used))
    for column in columns:
        volumes, baseline = _windows(plan, fitted.observations.used, plan.task_blocks[int(column) - plan.tasks.start])
        if not len(volumes) or not len(baseline):
            return None
        w += contrast[column] * weighting(w.size, volumes, baseline)
    found = compare_fitted(fitted, w) or compare(fitted, w)
    return Effect(found.psc[region], found.se[region])


def mean_effect(first: Effect | None, second: Effect | None) -> Effect | None:
    """Of both halves; their errors are taken as independent, as their volumes are not the same."""
    if first is None or second is None:
        return None
    se = None if first.se is None or second.se is None else math.hypot(first.se, second.se) / 2.0
    return Effect((first.percent + second.percent) / 2.0, se)


def refuse_without_effect(name: str, words: str, effect: Effect | None) -> Effect:
    """The effect, where there is one.

    Raises
    ------
    StudyError : it is negative, or cannot be told from none.
    """
    advice = "Keep the anatomical region, or repeat the localizer; turn --plus and --minus round if a decrease is what you look for"
    if effect is None or effect.se is None:
        raise StudyError(f"{name}: the effect of {words} cannot be measured: too few usable volumes. Repeat the localizer.")
    told = f"{effect.percent:+.2f} % (standard error {effect.se:.2f} %) in the blocks that did not choose the voxels"
    if effect.percent < -ONE_SIDED * effect.se:
        raise StudyError(f"{name}: the effect of {words} is negative, {told}. {advice}.")
    if not effect.found:
        raise StudyError(f"{name}: no effect of {words} was found, {told}. {advice}.")
    return effect


def _blocks(plan: SignalPlan, contrast: Array) -> list[int]:
    return [plan.task_blocks[int(column) - plan.tasks.start] for column in np.flatnonzero(contrast)]


def _windows(plan: SignalPlan, used: Flags, block: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Usable volumes of a block's scoring window, and of its baseline."""
    score = next(score for score in plan.scores if score.block == block)
    return _usable(used, score.volumes), _usable(used, score.baseline)


def _is_whole(plan: SignalPlan, used: Flags, block: int) -> bool:
    score = next(score for score in plan.scores if score.block == block)
    return all(len(window) and len(_usable(used, window)) >= LEAST_OF_BLOCK * len(window) for window in (score.volumes, score.baseline))


def _usable(used: Flags, window: range) -> npt.NDArray[np.intp]:
    return np.flatnonzero(used[window.start : window.stop]) + window.start
