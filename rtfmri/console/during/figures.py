"""The figures of the moment, each with the limit that it is held against. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rtfmri.console.story import Story, percentile
from rtfmri.record.verdict import MOST_UNUSABLE

Mark = Literal["", "warning", "alarm"]
MOST_FLAGGED_PERCENT = 100.0 * MOST_UNUSABLE  # as the verdict after the run has it
FLAGGED_FROM_VOLUMES = 20  # before that a share says little


@dataclass(frozen=True)
class Figure:
    """``note`` stands beside the value and says the limit, or what is beyond it."""

    value: str
    note: str = ""
    mark: Mark = ""


def displacement(story: Story) -> Figure:
    motion = None if story.volume is None else story.volume.motion
    if story.start is None:
        return Figure("–")
    limit_mm, fd_mm = story.start.fd_hold_mm, None if motion is None else motion.fd_mm
    beyond = fd_mm is not None and fd_mm > limit_mm
    return Figure("–" if fd_mm is None else f"{fd_mm:.2f} mm", f"limit {limit_mm:g} mm", "warning" if beyond else "")


def flagged(story: Story) -> Figure:
    """Volumes that gave nothing: held or missing."""
    counts = dict(story.counts)
    done = sum(counts.values())
    if not done:
        return Figure("–", f"limit {MOST_FLAGGED_PERCENT:g} %")
    share = 100.0 * (counts["held"] + counts["missing"]) / done
    beyond = done >= FLAGGED_FROM_VOLUMES and share > MOST_FLAGGED_PERCENT
    note = f"over {MOST_FLAGGED_PERCENT:g} %: ask them to lie still" if beyond else f"limit {MOST_FLAGGED_PERCENT:g} %"
    return Figure(f"{share:.0f} %", note, "warning" if beyond else "")


def tsnr(story: Story) -> Figure:
    """Of the brain; the regions' beside it."""
    known = {} if story.quality is None else dict(story.quality.tsnr)
    brain = known.pop("brain", None)
    regions = " · ".join(f"{name} {value:.0f}" for name, value in known.items())
    return Figure("–" if brain is None else f"{brain:.0f}", regions or "brain, median")


def latency(story: Story) -> Figure:
    """The middle of the last volumes; p95 and the longest beside it, against the TR."""
    totals, tr_s = story.totals_ms, story.tr_s
    p50, p95 = percentile(totals, 50), percentile(totals, 95)
    if p50 is None or p95 is None:
        return Figure("–", "complete file → published")
    beyond = tr_s is not None and p95 > 1000.0 * tr_s
    note = f"p95 {p95:.0f} · max {max(totals):.0f}" + (f" · TR {1000 * tr_s:.0f}" if tr_s else "")
    return Figure(f"{p50:.0f} ms", note, "warning" if beyond else "")
