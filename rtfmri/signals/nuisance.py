"""The columns that come with each volume: motion and its expansions, tissue signals, physiology. One mechanism for all.

A block of carried columns has its place in the design (a slice) and is zero there until its volume comes. What a block cannot tell of a
volume keeps that volume out of the fit, with a reason; but physiology that is not there (in time) is zero, its own mean, as a belt that
falls off must not end the feedback.

Motion, in order: the six parameters; their derivatives (backward differences per volume, over a gap the mean rate, zero at the first
volume); the squares of all of these. All together are 24 columns: Friston et al. 1996 (MRM 35:346-355), in the form with derivatives
(Satterthwaite et al. 2013, NeuroImage 64:240-256). A tissue gives its mean, or its leading components (``components.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from rtfmri.signals.components import Components, learn, project
from rtfmri.signals.reading import Sample
from rtfmri.signals.rois import roi_mean
from rtfmri.study.signal import Signal
from rtfmri.volume import Array, Image

MOTION_PARAMETERS = 6
ARC_MM = 50.0  # as in Power's framewise displacement
TISSUES = ("white_matter", "csf")
MINIMUM_LEARNED = 10  # volumes from which components are learned, at least; and twice as many as components


@dataclass(frozen=True)
class Carried:
    """Where a block of columns ("motion", a tissue, "physiology") stands in the design, and what of motion there is."""

    name: str
    columns: slice
    derivatives: bool = False
    squares: bool = False
    leading: bool = False  # a tissue's leading components, not its mean

    @property
    def size(self) -> int:
        return int(self.columns.stop - self.columns.start)

    @property
    def mm_per_unit(self) -> Array:
        """Motion's columns (size,): 1 for mm, 50 mm for rad; their squares for squares."""
        linear = np.tile(np.repeat([1.0, ARC_MM], MOTION_PARAMETERS // 2), 1 + self.derivatives)
        return np.concatenate((linear, linear * linear)) if self.squares else linear


@dataclass(frozen=True)
class Memory:
    """What earlier volumes leave for the columns of later ones: the last known motion, and each tissue's way to its components."""

    motion_index: int = -1
    motion: tuple[float, ...] | None = None
    components: Mapping[str, Components] = field(default_factory=dict)
    collected: tuple[tuple[int, Mapping[str, Image]], ...] = ()  # volumes in the fit that came before the components were learned


def carried_blocks(signal: Signal, physiology_columns: int, first: int) -> tuple[Carried, ...]:
    """The blocks that the study asks for, in the order of the design, from column ``first`` on; blocks without columns are left out."""
    asked = set(signal.nuisance)
    derivatives, squares = "motion_derivatives" in asked, "motion_squares" in asked
    sizes = {"motion": MOTION_PARAMETERS * (1 + derivatives) * (1 + squares) if "motion6" in asked else 0}
    sizes |= {tissue: max(1, signal.tissue_components) if tissue in asked else 0 for tissue in TISSUES}
    sizes["physiology"] = physiology_columns if "physiology" in asked else 0
    blocks = []
    for name, size in sizes.items():
        if size:
            motion = name == "motion"
            leading = name in TISSUES and signal.tissue_components > 0
            blocks.append(Carried(name, slice(first, first + size), motion and derivatives, motion and squares, leading))
            first += size
    return tuple(blocks)


def columns_of(block: Carried, memory: Memory, sample: Sample) -> Array | None:
    """The block's columns (size,) for this volume; None where they are not known. Components that are not learned yet are zero.

    Raises
    ------
    ValueError : physiology has another number of columns than was announced (a bug of the caller).
    """
    if block.name == "motion":
        return _motion_columns(block, memory, sample)
    if block.name == "physiology":
        return _physiology_columns(block, sample)
    values = sample.tissue.get(block.name)
    if values is None or not len(values) or not np.isfinite(values).all():
        return None
    if not block.leading:
        return np.array([roi_mean(np.asarray(values, dtype=np.float64), np.ones(len(values)))])
    components = memory.components.get(block.name)
    return np.zeros(block.size) if components is None else project(components, values)


def _motion_columns(block: Carried, memory: Memory, sample: Sample) -> Array | None:
    motion = known_motion(sample)
    if motion is None:
        return None
    columns = [np.array(motion)]
    if block.derivatives:
        before = motion if memory.motion is None else memory.motion
        columns.append((np.array(motion) - np.array(before)) / max(1, sample.index - memory.motion_index))
    if block.squares:
        columns += [part * part for part in columns]
    return np.concatenate(columns)


def _physiology_columns(block: Carried, sample: Sample) -> Array:
    if sample.physiology is None or not all(math.isfinite(value) for value in sample.physiology):
        return np.zeros(block.size)
    if len(sample.physiology) != block.size:
        raise ValueError(f"{len(sample.physiology)} columns of physiology came where {block.size} were announced")
    return np.array(sample.physiology)


def known_motion(sample: Sample) -> tuple[float, ...] | None:
    """The six parameters, where all of them are numbers."""
    motion = sample.motion
    known = motion is not None and len(motion) == MOTION_PARAMETERS and all(math.isfinite(value) for value in motion)
    return motion if known else None


def remembered(memory: Memory, sample: Sample) -> Memory:
    """With this volume's motion as the last known one; that of a flagged volume too, as the head was there."""
    motion = known_motion(sample)
    return memory if motion is None else replace(memory, motion=motion, motion_index=sample.index)


def to_learn(blocks: tuple[Carried, ...], memory: Memory) -> tuple[Carried, ...]:
    """Those of ``blocks`` that are components and not learned yet."""
    return tuple(block for block in blocks if block.leading and block.name not in memory.components)


def collected(memory: Memory, sample: Sample, tissues: tuple[str, ...]) -> Memory:
    """With the tissues' voxel values of one more volume, single precision."""
    values = {name: np.asarray(sample.tissue[name], dtype=np.float32) for name in tissues}
    return replace(memory, collected=(*memory.collected, (sample.index, values)))


def with_components(memory: Memory, blocks: tuple[Carried, ...]) -> Memory:
    """With the components of every tissue in ``blocks``, learned from the volumes collected, which stay to be gone over once more."""
    found = {
        block.name: learn(np.array([values[block.name] for _, values in memory.collected], dtype=np.float64), block.size)
        for block in blocks
    }
    return replace(memory, components={**memory.components, **found})
