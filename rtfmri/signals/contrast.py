"""Contrasts of the map: from names of blocks to weights on the design's columns.

Each regulation block has a task regressor of its own, in units of its plateau, so the mean over a side's regressors is the mean response
of its blocks, against rest (which has no regressor: it is what the constant stands for).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.paradigm import Block
from rtfmri.signals.plan import SignalPlan
from rtfmri.study import Study
from rtfmri.study.aftercare import ContrastRule
from rtfmri.volume import Array

EVERY_BLOCK = "regulate"


def default_contrast(study: Study) -> ContrastRule | None:
    """All regulation blocks against rest; None where the study regulates nothing, and so has no map."""
    names = _names(part for part, _, role in study.paradigm.parts() if role == "regulate")
    return ContrastRule(name=EVERY_BLOCK, plus=names) if names else None


def contrast_vector(plan: SignalPlan, blocks: tuple[Block, ...], rule: ContrastRule) -> Array:
    """Weights (P,) on the plan's columns: 1/n on each block named in ``plus``, -1/m on each named in ``minus``. ``blocks`` are the plan's.

    Raises
    ------
    StudyError : a name belongs to no regulation block, or stands on both sides.
    """
    columns = {plan.tasks.start + n: blocks[number].name for n, number in enumerate(plan.task_blocks)}
    known = _names(columns.values())
    problems = [_unknown(rule, name, known) for name in _names(rule.plus + rule.minus) if name not in known]
    problems += [
        f"contrast {rule.name}: {name!r} stands in plus and in minus; take it out of one." for name in rule.plus if name in rule.minus
    ]
    if problems:
        raise StudyError(*problems)
    weights = np.zeros(len(plan.design))
    for side, sign in ((rule.plus, 1.0), (rule.minus, -1.0)):
        of_side = [column for column, name in columns.items() if name in side]
        weights[of_side] = sign / max(len(of_side), 1)
    return weights


def _names(names: Iterable[str]) -> tuple[str, ...]:
    """Each once, in order."""
    return tuple(dict.fromkeys(names))


def _unknown(rule: ContrastRule, name: str, known: tuple[str, ...]) -> str:
    advice = f"its regulation blocks are {', '.join(known)}" if known else "it has no regulation blocks"
    return f"contrast {rule.name}: the run has no regulation block {name!r}; {advice}. Rest needs no name: without minus it is rest."
