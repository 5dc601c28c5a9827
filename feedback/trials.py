"""Which trial is to be read or looked at. Pure.

Trials of one block name are taken in their order, over all blocks of that name, and from the beginning again after the last. A block
holds one trial without a duration (it lasts as long as the block), or as many with one as fit, at least one; what is left of the block
after them has the block's own words. A trial without a duration needs a block of its own.
"""

from __future__ import annotations

from rtfmri.messages import TrialInfo
from rtfmri.paradigm import EPSILON_S, Block


def trial_at(trials: tuple[TrialInfo, ...], blocks: tuple[Block, ...], number: int, into_s: float) -> TrialInfo | None:
    """The trial ``into_s`` seconds into block ``number`` (0-based); None where the block has none then."""
    block = blocks[number]
    own = [trial for trial in trials if trial.block == block.name]
    if not own:
        return None
    taken = 0
    for earlier in blocks[:number]:
        if earlier.name == block.name:
            taken += len(_ends_s(own, taken, earlier.duration_s))
    for place, end_s in enumerate(_ends_s(own, taken, block.duration_s)):
        if into_s < end_s:
            return own[(taken + place) % len(own)]
    return None


def _ends_s(own: list[TrialInfo], taken: int, duration_s: float) -> list[float]:
    """When each of the block's trials ends, seconds from its onset; ``taken`` were shown in earlier blocks."""
    first = own[taken % len(own)]
    if first.s is None or first.s > duration_s - EPSILON_S:
        return [duration_s]
    ends_s = [first.s]
    while (s := own[(taken + len(ends_s)) % len(own)].s) is not None and ends_s[-1] + s <= duration_s + EPSILON_S:
        ends_s.append(ends_s[-1] + s)
    return ends_s
