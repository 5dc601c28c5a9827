"""Where in the run the participant is: blocks, and time zero on the display's own clock.

The rule: time zero is the trigger's where there is one (``trigger.py``). Else volume ``index`` came at ``index * tr_s`` of the run, and the
least delayed of the last ``WINDOW`` volumes sets the clock: one late volume, or a burst after a stall, does not pull the instructions
back; a run that is late for good does. The display is then behind the scanner by the export's shortest delay, which is what the values on
it are, too. Either way the display's clock goes on by itself in between, so instructions change at block onsets even when a volume or a
pulse is missing. Steps back of less than ``STEP_BACK_S`` are waited out, so an instruction never flickers at its onset; a longer one is
taken. Without the TR, or without any sign of the scanner, the place is not known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rtfmri.paradigm import EPSILON_S, Block, block_number_at

WINDOW = 8
STEP_BACK_S = 1.0


@dataclass(frozen=True)
class Course:
    """Blocks of a run and what is known of its time zero.

    ``elapsed_s`` is None before the first sign of the scanner, and below 0 between a first pulse and time zero. ``furthest`` is the number
    of the last block that has begun (-1: none; the number of blocks: all are over), whatever the clock did since.
    """

    blocks: tuple[Block, ...] = ()
    tr_s: float | None = None
    zeros_s: tuple[float, ...] = ()  # time zero on the display's clock, as each of the last volumes has it
    elapsed_s: float | None = None
    furthest: int = -1

    def planned(self, blocks: tuple[Block, ...], tr_s: float | None) -> Course:
        """The same course with blocks and TR as the engine now says; another TR makes the old evidence of time zero void."""
        kept = self.zeros_s if tr_s == self.tr_s else ()
        return replace(self, blocks=blocks, tr_s=tr_s, zeros_s=kept)

    def heard(self, index: int, came_s: float) -> Course:
        """Volume ``index`` came at ``came_s`` of the display's clock."""
        if self.tr_s is None:
            return self
        return replace(self, zeros_s=(*self.zeros_s, came_s - index * self.tr_s)[-WINDOW:])

    @property
    def volumes_zero_s(self) -> float | None:
        """Time zero as the volumes have it."""
        return min(self.zeros_s, default=None)

    def at(self, now_s: float, zero_s: float | None) -> Course:
        """The course at ``now_s`` of the display's clock, on which time zero was at ``zero_s``; the same while that is not known."""
        if zero_s is None or self.tr_s is None:
            return self
        reckoned_s = now_s - zero_s
        if self.elapsed_s is not None and 0 < self.elapsed_s - reckoned_s < STEP_BACK_S:
            return self
        there = replace(self, elapsed_s=reckoned_s)
        number = len(self.blocks) if there.over else there.block_number
        return there if number is None or number <= self.furthest else replace(there, furthest=number)

    def lost(self) -> Course:
        """Nothing is known of time zero (any more): what seemed to be the scanner was not."""
        return self if self.elapsed_s is None else replace(self, elapsed_s=None, furthest=-1)

    @property
    def running(self) -> bool:
        """Whether time zero has come."""
        return self.elapsed_s is not None and self.elapsed_s >= -EPSILON_S

    @property
    def over(self) -> bool:
        """Whether the last block has ended."""
        return self.elapsed_s is not None and bool(self.blocks) and self.elapsed_s >= self.blocks[-1].end_s - EPSILON_S

    @property
    def block_number(self) -> int | None:
        """Number (0-based) of the block that the run is in; None before the first volume and after the last block."""
        return None if self.elapsed_s is None else block_number_at(self.blocks, self.elapsed_s)

    def last_regulated(self, number: int) -> int | None:
        """Number of the last regulation block before block ``number``."""
        before = [n for n, block in enumerate(self.blocks[:number]) if block.role == "regulate"]
        return before[-1] if before else None
