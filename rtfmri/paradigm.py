"""What the participant is asked to do, when: blocks in seconds, and the block of any volume.

Time zero is the acquisition of the first exported volume; volume ``index`` (0-based) is at ``index * tr_s``. Dummies are a leading
block. A block owns the volumes whose time t fulfils onset <= t < onset + duration (with a microsecond's tolerance, as 19.7 s is not
ten times 1.97 s in floating point). This file imports nothing of ours: the display computes the same blocks with the same code.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

DUMMY = "dummy"
EPSILON_S = 1e-6


@dataclass(frozen=True)
class Block:
    """One stretch of the run. ``role`` is what the analysis makes of it: dummy, rest, regulate or other."""

    name: str
    onset_s: float
    duration_s: float
    role: str

    @property
    def end_s(self) -> float:
        return self.onset_s + self.duration_s


def lay_out(parts: Iterable[tuple[str, float, str]], dummies_s: float = 0.0) -> tuple[Block, ...]:
    """Blocks one after another from ``(name, duration_s, role)``; dummies first where there are any."""
    blocks = [Block(DUMMY, 0.0, dummies_s, DUMMY)] if dummies_s > 0 else []
    onset_s = dummies_s
    for name, duration_s, role in parts:
        blocks.append(Block(name, round(onset_s, 6), duration_s, role))
        onset_s += duration_s
    return tuple(blocks)


def block_number_at(blocks: tuple[Block, ...], t_s: float) -> int | None:
    """Number (0-based) of the block that holds time ``t_s``; None before the first and after the last. For clocks, not for volumes."""
    for number, block in enumerate(blocks):
        if block.onset_s - EPSILON_S <= t_s < block.end_s - EPSILON_S:
            return number
    return None


def block_number_of(blocks: tuple[Block, ...], index: int, tr_s: float) -> int | None:
    """Number (0-based) of the block that owns volume ``index``; None after the last block."""
    return next((number for number, block in enumerate(blocks) if index in volumes_of(block, tr_s)), None)


def condition_at(blocks: tuple[Block, ...], index: int, tr_s: float) -> Block | None:
    """The block of volume ``index`` (0-based); None after the last block."""
    number = block_number_of(blocks, index, tr_s)
    return None if number is None else blocks[number]


def volumes_of(block: Block, tr_s: float) -> range:
    """Indices (0-based) of the volumes that ``block`` owns."""
    return range(first_index_at(block.onset_s, tr_s), first_index_at(block.end_s, tr_s))


def first_index_at(t_s: float, tr_s: float) -> int:
    """Index of the first volume at or after ``t_s``."""
    return math.ceil((t_s - EPSILON_S) / tr_s)


def planned_volumes(blocks: tuple[Block, ...], tr_s: float) -> int:
    """How many volumes the blocks ask for."""
    return first_index_at(blocks[-1].end_s, tr_s) if blocks else 0
