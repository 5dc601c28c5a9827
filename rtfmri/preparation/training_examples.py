"""From a recorded run's voxels to labelled examples for a linear decoder: exactly what the stream will show the decoder of a volume.

Units and baseline are those of the contract in ``rtfmri/signals/measures/decoder.py``: a voxel's value in percent of its value in the
reference; the run's nuisance taken out with its own design (task regressors in the model, their part kept); the change against the baseline
window of the last rest that ended before the block. A block's volumes are those from onset + 6 s to end + 6 s that are in the fit.

A rest is judged against the rest before it, never against itself, and the first rest is no example. Blocks of the two classes
are paired in order: a regulation block and the rest that follows it share their baseline, so its noise cannot tell them apart. What is left
without a partner is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.paradigm import Block, first_index_at
from rtfmri.signals.glm import Flags
from rtfmri.signals.plan import SignalPlan
from rtfmri.signals.windows import SCORE_LAG_S, baseline_windows
from rtfmri.volume import Array, Image

Numbers = npt.NDArray[np.intp]
LEAST_VOLUMES = 3  # usable ones of a block's window, and of its baseline, or its pair is left out


@dataclass(frozen=True, eq=False)
class VoxelRun:
    """One run: its plan and blocks, the design as its volumes filled it in (P, N), and ``percent`` (n, V) of the volumes ``indices``
    (n,), all of them in the fit, in percent of the reference."""

    name: str
    plan: SignalPlan
    blocks: tuple[Block, ...]
    design: Array
    indices: Numbers
    percent: Image


@dataclass(frozen=True, eq=False)
class Examples:
    """``changes`` (n, V) in percent; ``labels`` (n,): True for ``plus``; ``pairs`` (n,): the block pair, numbered from 0."""

    changes: Image
    labels: Flags
    pairs: Numbers

    @property
    def count(self) -> int:
        """How many pairs."""
        return len(np.unique(self.pairs))


def examples_of(runs: tuple[VoxelRun, ...], plus: str, minus: str) -> Examples:
    """All runs' examples; ``plus`` and ``minus`` are names of blocks.

    Raises
    ------
    StudyError : no run has a block of that name, or no pair of blocks is left.
    """
    known = sorted({block.name for run in runs for block in run.blocks if block.role in ("rest", "regulate")})
    problems = [f"The runs have no block {name!r}; their blocks are {', '.join(known)}." for name in (plus, minus) if name not in known]
    if plus == minus:
        problems.append(f"--plus and --minus are both {plus!r}; a decoder tells two blocks apart.")
    if problems:
        raise StudyError(*problems)
    parts: list[tuple[Image, bool, int]] = []
    pair = 0
    for run in runs:
        cleaned = clean(run)
        for ones, others in zip(_blocks(run, plus), _blocks(run, minus), strict=False):
            both = _changes(run, cleaned, ones), _changes(run, cleaned, others)
            if both[0] is not None and both[1] is not None:
                parts += [(both[0], True, pair), (both[1], False, pair)]
                pair += 1
    if not parts:
        raise StudyError(f"No pair of {plus} and {minus} blocks is whole; each needs a rest before it and usable volumes.")
    return Examples(
        changes=np.concatenate([changes for changes, _, _ in parts]),
        labels=np.concatenate([np.full(len(changes), label) for changes, label, _ in parts]),
        pairs=np.concatenate([np.full(len(changes), number, dtype=np.intp) for changes, _, number in parts]),
    )


def clean(run: VoxelRun) -> Image:
    """``run.percent`` (n, V) less its fitted nuisance, which is centred on the fit: the mean level and the task's part stay."""
    rows = run.design[:, run.indices].T
    there = (rows != 0.0).any(axis=0)
    nuisance = run.plan.nuisance & there
    coefficients, *_ = np.linalg.lstsq(rows[:, there], run.percent.astype(np.float64), rcond=None)  # off the value path: LAPACK is welcome
    of_nuisance = coefficients[nuisance[there]]
    centred = rows[:, nuisance] - rows[:, nuisance].mean(axis=0)
    return np.asarray(run.percent - centred @ of_nuisance, dtype=np.float32)


def _blocks(run: VoxelRun, name: str) -> list[int]:
    """Numbers of the blocks of that name that have a rest before them."""
    rests = [number for number, block in enumerate(run.blocks) if block.role == "rest"]
    return [number for number, block in enumerate(run.blocks) if block.name == name and rests and number > rests[0]]


def _changes(run: VoxelRun, cleaned: Image, number: int) -> Image | None:
    """The block's volumes against their baseline, (n, V); None where too few are usable."""
    block, tr_s = run.blocks[number], run.plan.tr_s
    window = range(first_index_at(block.onset_s + SCORE_LAG_S, tr_s), first_index_at(block.end_s + SCORE_LAG_S, tr_s))
    baseline = baseline_windows(run.blocks[:number], run.plan.signal.baseline, tr_s)[-1]
    volumes, reference = (np.flatnonzero((run.indices >= part.start) & (run.indices < part.stop)) for part in (window, baseline))
    if min(len(volumes), len(reference)) < LEAST_VOLUMES:
        return None
    return np.asarray(cleaned[volumes] - cleaned[reference].mean(axis=0, dtype=np.float64), dtype=np.float32)
