"""From a recorded run's voxels to labelled examples for a linear decoder: what the stream will show the decoder of a volume.

Units and baseline are those of the contract in ``rtfmri/signals/measures/decoder.py``: a voxel's value in percent of its value in the
reference; the run's nuisance taken out with its own design; the change against the baseline window of the last rest that ended before the
block. A block's volumes are those from onset + 6 s to end + 6 s that are in the fit. One thing is not as in the stream: while the nuisance
is fitted, every stretch of both classes has a level of its own, in place of the task regressors. A model that frees the regulation
blocks alone leaves more nuisance in them than in rest, and pure noise could then be told apart (README.md has the figures).

Pairs. A regulation block goes with the second half of the rest before it and the first half of the rest after it, all against the same
baseline. So what is left of a slow drift lies on both sides of the block and cannot tell the classes apart. Two regulation blocks are
paired in order, each against its own baseline. A block without its rests, or with too few usable volumes, is not used.
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


@dataclass(frozen=True)
class Side:
    """One class of a pair: its volumes, and the number of the block whose baseline they are judged against."""

    windows: tuple[range, ...]
    baseline_of: int


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
        pairs_of_run = _pairs(run, plus, minus)
        cleaned = clean(run, tuple(window for sides in pairs_of_run for side in sides for window in side.windows))
        for sides in pairs_of_run:
            ones, others = (_changes(run, cleaned, side) for side in sides)
            if ones is not None and others is not None:
                parts += [(ones, True, pair), (others, False, pair)]
                pair += 1
    if not parts:
        raise StudyError(f"No pair of {plus} and {minus} blocks is whole; each needs a rest before it and usable volumes.")
    return Examples(
        changes=np.concatenate([changes for changes, _, _ in parts]),
        labels=np.concatenate([np.full(len(changes), label) for changes, label, _ in parts]),
        pairs=np.concatenate([np.full(len(changes), number, dtype=np.intp) for changes, _, number in parts]),
    )


def clean(run: VoxelRun, stretches: tuple[range, ...]) -> Image:
    """``run.percent`` (n, V) less its fitted nuisance, which is centred: the mean level stays. Each of ``stretches`` has its own level."""
    nuisance = run.design[run.plan.nuisance][:, run.indices].T
    centred = nuisance - nuisance.mean(axis=0)
    levels = [(run.indices >= part.start) & (run.indices < part.stop) for part in stretches]
    model = np.column_stack((centred, np.ones(len(centred)), *levels))
    coefficients, *_ = np.linalg.lstsq(model, run.percent.astype(np.float64), rcond=None)  # off the value path: LAPACK is welcome
    return np.asarray(run.percent - centred @ coefficients[: centred.shape[1]], dtype=np.float32)


def _pairs(run: VoxelRun, plus: str, minus: str) -> list[tuple[Side, Side]]:
    roles = {block.name: block.role for block in run.blocks}
    if roles.get(minus) == "rest":
        return _with_their_rests(run, plus)
    if roles.get(plus) == "rest":
        return [(rest, block) for block, rest in _with_their_rests(run, minus)]
    of_name = {name: [n for n, block in enumerate(run.blocks) if block.name == name] for name in (plus, minus)}
    sides = ([Side((_window(run, n),), n) for n in of_name[name]] for name in (plus, minus))
    return list(zip(*sides, strict=False))


def _with_their_rests(run: VoxelRun, name: str) -> list[tuple[Side, Side]]:
    """Each block of that name with half a rest before and after it; no half serves twice, or a fold would know what it is asked."""
    rests = [n for n, block in enumerate(run.blocks) if block.role == "rest"]
    pairs, taken = [], -1  # the last rest whose first half is taken
    for number, block in enumerate(run.blocks):
        before, after = [n for n in rests if n < number], [n for n in rests if n > number]
        if block.name == name and before and after and before[-1] >= taken:
            first, last = _window(run, before[-1]), _window(run, after[0])
            halves = range(first.start + len(first) // 2, first.stop), range(last.start, last.start + len(last) // 2)
            pairs.append((Side((_window(run, number),), number), Side(halves, number)))
            taken = after[0]
    return pairs


def _window(run: VoxelRun, number: int) -> range:
    """The volumes that a block's response is in."""
    block, tr_s = run.blocks[number], run.plan.tr_s
    return range(first_index_at(block.onset_s + SCORE_LAG_S, tr_s), first_index_at(block.end_s + SCORE_LAG_S, tr_s))


def _changes(run: VoxelRun, cleaned: Image, side: Side) -> Image | None:
    """The side's volumes against the baseline of its block, (n, V); None where too few are usable."""
    windows = baseline_windows(run.blocks[: side.baseline_of], run.plan.signal.baseline, run.plan.tr_s)
    if not windows:
        return None
    volumes = np.concatenate([_usable(run, window) for window in side.windows])
    reference = _usable(run, windows[-1])
    if min(len(volumes), len(reference)) < LEAST_VOLUMES:
        return None
    return np.asarray(cleaned[volumes] - cleaned[reference].mean(axis=0, dtype=np.float64), dtype=np.float32)


def _usable(run: VoxelRun, window: range) -> Numbers:
    """Where the window's volumes stand in ``indices``."""
    return np.flatnonzero((run.indices >= window.start) & (run.indices < window.stop))
