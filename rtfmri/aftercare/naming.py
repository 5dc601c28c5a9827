"""Names and words: where aftercare's files lie, what a contrast and a column of the design are called.

File names are those of BIDS derivatives, ``<label>_desc-<contrast>_stat-t_statmap.nii.gz``. BIDS labels hold letters and digits only:
``left_tpj`` is written ``leftTpj``.
"""

from __future__ import annotations

from pathlib import Path

from rtfmri.paradigm import Block
from rtfmri.signals.design import drift_order
from rtfmri.signals.plan import SignalPlan
from rtfmri.study.aftercare import ContrastRule


def statmap(folder: Path, label: str, what: str, statistic: str) -> Path:
    return folder / f"{label}_desc-{bids_label(what)}_stat-{statistic}_statmap.nii.gz"


def realigned(folder: Path, label: str) -> Path:
    return folder / f"{label}_desc-preproc_bold.nii.gz"


def sidecar(image: Path) -> Path:
    return image.with_name(image.name.replace(".nii.gz", ".json"))


def picture(folder: Path, label: str, what: str, index: int) -> Path:
    """Five digits, so that names sort as volumes do."""
    return folder / "figures" / f"{label}_desc-{bids_label(what)}_vol-{index:05d}.png"


def bids_label(name: str) -> str:
    first, *others = (part for part in name.split("_") if part)
    return first + "".join(other[:1].upper() + other[1:] for other in others)


def words(rule: ContrastRule) -> str:
    """``self_compassion > rest``."""
    return f"{' + '.join(rule.plus)} > {' + '.join(rule.minus) or 'rest'}"


def regressors(plan: SignalPlan, blocks: tuple[Block, ...]) -> tuple[str, ...]:
    """What each of the design's P columns is; ``signals/plan.py`` has their order."""
    drift = drift_order(plan.planned_volumes * plan.tr_s) if "drift" in plan.signal.nuisance else 0
    names = ["constant", *(f"drift_{degree}" for degree in range(1, 1 + drift))]
    for block in plan.carried:
        names += [f"{block.name}_{number}" for number in range(1, 1 + block.size)]
    names += [f"user_{number}" for number in range(1, 1 + plan.tasks.start - len(names))]
    return (*names, *(f"task_{1 + n}_{blocks[number].name}" for n, number in enumerate(plan.task_blocks)))
