"""How far the run is: volumes, time, blocks. Pure. Times are in seconds from time zero, percent are of the whole run."""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.console.story import Story
from rtfmri.messages import BlockInfo

NOT_KNOWN = "–"


@dataclass(frozen=True)
class Progress:
    """Words for the page; ``percent`` is where the mark stands on the strip."""

    volume: str
    elapsed: str
    remaining: str
    block: str
    block_left: str
    following: str
    percent: float
    number: int | None  # of the block


@dataclass(frozen=True)
class Segment:
    """One block on the strip."""

    name: str
    role: str
    left_percent: float
    width_percent: float


def progress(story: Story) -> Progress:
    elapsed_s, whole_s = story.elapsed_s, whole_run_s(story)
    volume = 0 if story.volume is None else story.volume.index + 1
    number = block_number(story.blocks, elapsed_s)
    block = None if number is None else story.blocks[number]
    after = story.blocks[0 if number is None else number + 1 :][:1] if elapsed_s is None or number is not None else ()
    left_s = None if block is None or elapsed_s is None else block.onset_s + block.duration_s - elapsed_s
    return Progress(
        volume=NOT_KNOWN if story.start is None else f"{volume} of {story.planned or NOT_KNOWN}",
        elapsed=NOT_KNOWN if story.start is None else clock(elapsed_s or 0.0),
        remaining=NOT_KNOWN if whole_s is None else clock(max(0.0, whole_s - (elapsed_s or 0.0))),
        block=NOT_KNOWN if block is None or number is None else f"{words(block)} · {number + 1} of {len(story.blocks)}",
        block_left=NOT_KNOWN if left_s is None else clock(left_s),
        following=words(after[0]) if after else "the end" if story.blocks else NOT_KNOWN,
        percent=0.0 if not whole_s else min(100.0, 100.0 * (elapsed_s or 0.0) / whole_s),
        number=number,
    )


def whole_run_s(story: Story) -> float | None:
    if story.planned is not None and story.tr_s is not None:
        return story.planned * story.tr_s
    return story.blocks[-1].onset_s + story.blocks[-1].duration_s if story.blocks else None


def block_number(blocks: tuple[BlockInfo, ...], elapsed_s: float | None) -> int | None:
    """The block in which the newest volume's end lies."""
    if elapsed_s is None:
        return None
    for number, block in enumerate(blocks):
        if block.onset_s < elapsed_s <= block.onset_s + block.duration_s + 1e-6:
            return number
    return None


def segments(story: Story) -> tuple[Segment, ...]:
    whole_s = whole_run_s(story)
    if not whole_s:
        return ()
    return tuple(
        Segment(words(block), block.role, 100.0 * block.onset_s / whole_s, 100.0 * block.duration_s / whole_s) for block in story.blocks
    )


def words(block: BlockInfo) -> str:
    return block.name.replace("_", " ")


def clock(seconds: float) -> str:
    """``4:07``"""
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
