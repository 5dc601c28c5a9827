"""Which blocks a localizer compares, as weights on the design's columns, and the two halves of them that judge each other.

Every regulation block has a column of its own, so a half of the blocks is a contrast of its own: blocks are dealt out in turn to the two
halves, on each side of the comparison. Voxels are chosen by one half and judged in the other: what chose them cannot praise them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.paradigm import Block
from rtfmri.signals.contrast import contrast_vector, default_contrast
from rtfmri.signals.plan import SignalPlan
from rtfmri.signals.voxelwise import shared_out
from rtfmri.study import Study
from rtfmri.study.aftercare import ContrastRule
from rtfmri.volume import Array

Names = tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """The comparison ``plus`` - ``minus`` in the operator's words; ``sign`` -1 where ``plus`` is rest, which has no column."""

    plus: str
    minus: str
    rule: ContrastRule
    sign: float = 1.0

    @property
    def words(self) -> str:
        return f"{self.plus} - {self.minus}"


def asked_contrast(study: Study, name: str | None, plus: Names, minus: Names) -> Asked:
    """By the name of one of the study's contrasts, by blocks (rest may stand on either side), or all regulation blocks against rest.

    Raises
    ------
    StudyError : there is no such contrast, or nothing is compared.
    """
    rests = study.paradigm.rest
    if name is not None and (plus or minus):
        raise StudyError("Give either --contrast, or --plus and --minus.")
    if not plus and not minus:
        rule = next((rule for rule in study.contrast if rule.name == name), None) if name else default_contrast(study)
        if rule is None:
            known = ", ".join(rule.name for rule in study.contrast) or "none"
            raise StudyError(f"The study has no contrast {name or 'of regulation blocks'}; its contrasts are: {known}.")
        return Asked(_joined(rule.plus), _joined(rule.minus) or rests[0], rule)
    tasks = [tuple(block for block in side if block not in rests) for side in (plus, minus)]
    every = default_contrast(study)
    if plus and not any(tasks) and not minus and every is not None:
        tasks[1] = every.plus  # rest against all that is not rest
    if not any(tasks):
        raise StudyError("--plus and --minus: at least one of them names a regulation block.")
    first, second = tasks if tasks[0] else (tasks[1], ())
    rule = ContrastRule(name=_name_of(tasks[0] or rests[:1], tasks[1]), plus=first, minus=second)
    return Asked(_joined(tasks[0]) or rests[0], _joined(tasks[1]) or rests[0], rule, 1.0 if tasks[0] else -1.0)


def contrast_and_halves(plan: SignalPlan, blocks: tuple[Block, ...], asked: Asked) -> tuple[Array, tuple[Array, Array]]:
    """Weights (P,) of the whole comparison and of each half of its blocks.

    Raises
    ------
    StudyError : a name belongs to no regulation block, or a side has only one block and so no second half.
    """
    whole = asked.sign * contrast_vector(plan, blocks, asked.rule)
    halves = []
    for half in (0, 1):
        counted = np.zeros(whole.size, dtype=np.bool_)
        for side in (whole > 0.0, whole < 0.0):
            counted[np.flatnonzero(side)[half::2]] = True
        halves.append(shared_out(whole, counted))
    if not halves[1].any():
        raise StudyError(
            f"{asked.words}: the run has only one block of a kind; two are needed, one to choose voxels by and one to judge them in."
        )
    return whole, (halves[0], halves[1])


def blocks_in(plan: SignalPlan, contrast: Array) -> frozenset[int]:
    """Numbers of the blocks that a contrast (P,) weighs."""
    return frozenset(plan.task_blocks[int(column) - plan.tasks.start] for column in np.flatnonzero(contrast))


def _joined(names: Names) -> str:
    return " and ".join(names)


def _name_of(plus: Names, minus: Names) -> str:
    words = re.sub(r"[^A-Za-z0-9]", "", "".join(part.capitalize() for part in (*plus, *(("vs", *minus) if minus else ()))))
    return f"c{words}" if not words[:1].isalpha() else words
