"""Where in the run the participant is: blocks, and time zero on the display's own clock.

The rule: volume ``index`` came at ``index * tr_s`` of the run, and between volumes the display's clock goes on by itself, so
instructions change at block onsets even when a volume is late. The least delayed of the last ``WINDOW`` volumes sets the clock: one late
volume, or a burst after a stall, does not pull the instructions back; a run that is late for good does. Steps back of less than
``STEP_BACK_S`` are waited out instead, so an instruction never flickers at its onset. The display is therefore behind the scanner by the
export's shortest delay, which is what the values on it are, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rtfmri.paradigm import Block, block_number_at

WINDOW = 8
STEP_BACK_S = 1.0


@dataclass(frozen=True)
class Course:
    """Blocks of a run and what is known of its time zero; ``elapsed_s`` is None before the first volume."""

    blocks: tuple[Block, ...] = ()
    tr_s: float | None = None
    zeros_s: tuple[float, ...] = ()  # time zero on the display's clock, as each of the last volumes has it
    elapsed_s: float | None = None

    def planned(self, blocks: tuple[Block, ...], tr_s: float | None) -> Course:
        """The same course with blocks and TR as the engine now says; another TR makes the old evidence of time zero void."""
        kept = self.zeros_s if tr_s == self.tr_s else ()
        return replace(self, blocks=blocks, tr_s=tr_s, zeros_s=kept)

    def heard(self, index: int, came_s: float) -> Course:
        """Volume ``index`` came at ``came_s`` of the display's clock."""
        if self.tr_s is None:
            return self
        return replace(self, zeros_s=(*self.zeros_s, came_s - index * self.tr_s)[-WINDOW:])

    def at(self, now_s: float) -> Course:
        """The course at ``now_s`` of the display's clock."""
        if not self.zeros_s:
            return self
        reckoned_s = now_s - min(self.zeros_s)
        if self.elapsed_s is not None and 0 < self.elapsed_s - reckoned_s < STEP_BACK_S:
            return self
        return replace(self, elapsed_s=reckoned_s)

    @property
    def block_number(self) -> int | None:
        """Number (0-based) of the block that the run is in; None before the first volume and after the last block."""
        return None if self.elapsed_s is None else block_number_at(self.blocks, self.elapsed_s)

    def last_regulated(self, number: int) -> int | None:
        """Number of the last regulation block before block ``number``."""
        before = [n for n, block in enumerate(self.blocks[:number]) if block.role == "regulate"]
        return before[-1] if before else None
