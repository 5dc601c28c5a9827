"""Whether a volume can be trusted: what is held because of the head or of a spoiled image, and in which words.

Framewise displacement is taken against the last volume whose head was found. A volume that moved further than ``fd_hold_mm`` is flagged,
and so is the next one, whose spins still carry the move. So are a volume whose position is not known well enough, a spike, and one that
is spoiled in a slice that holds a region. Flagged volumes stay out of GLM and baseline, and the display holds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rtfmri.messages import Motion
from rtfmri.pipeline.setup import Setup
from rtfmri.quality.displacement import framewise_displacement_mm, rms_displacement_mm
from rtfmri.quality.gate import LEAST_RESIDUAL, History, limit_percent, spike, spoiled
from rtfmri.registration.realign import Estimate
from rtfmri.rigid import RigidTransform

LOST = "the head's position could not be found"


@dataclass(frozen=True)
class Head:
    """Where the head was last found, whether that volume was flagged for its own displacement, and how much the images change."""

    transform: RigidTransform | None = None
    moved: bool = False
    dvars: History = field(default_factory=History)
    residuals: History = field(default_factory=History)


@dataclass(frozen=True)
class Judged:
    """A volume's motion, why it is flagged ("" where it is not), and what it leaves for the next."""

    motion: Motion
    why: str
    head: Head
    jumped: bool  # a spike: later images are not compared with this one


def judge_head(setup: Setup, head: Head, found: Estimate, jump_percent: float | None, roi_slices: frozenset[int]) -> Judged:
    """``jump_percent``: DVARS against the last volume that was no spike; ``roi_slices``: those that hold voxels of a region."""
    motion = _motion_of(head, found)
    dvars, is_spike = (head.dvars, False) if jump_percent is None else spike(head.dvars, jump_percent)
    not_found = _why_not_found(setup, found)
    moved = not not_found and motion.fd_mm is not None and motion.fd_mm > setup.study.quality.fd_hold_mm
    residuals, odd = head.residuals, False
    if moved:
        residuals = History()  # where the head lies now, another residual is usual
    elif not not_found:
        residuals, odd = spike(head.residuals, found.residual_percent, LEAST_RESIDUAL)
    lost = not_found or (_why_odd(head.residuals, found.residual_percent) if odd else "")
    why_moved = _why_moved(setup, head, motion)
    jumped = is_spike and bool(lost or not why_moved)  # a head that moved changes the image too, and stays where it is
    why = lost or why_moved
    why = why or _why_spoiled(spoiled(found.bad_slices, roi_slices))
    if jumped and not why:
        why = f"the image jumped by {jump_percent:.1f} %, more than {limit_percent(head.dvars):.1f} % (a spike)"
    return Judged(motion, why, Head(head.transform if lost else found.transform, moved, dvars, residuals), jumped)


def _why_odd(residuals: History, residual_percent: float) -> str:
    limit = limit_percent(residuals, LEAST_RESIDUAL)
    return f"the image does not fit the reference: {residual_percent:.1f} % is left, more than {limit:.1f} %"


def _motion_of(head: Head, found: Estimate) -> Motion:
    now, before = found.transform, head.transform
    known = math.isfinite(found.uncertainty_mm)
    return Motion(
        trans_mm=now.trans_mm,
        rot_rad=now.rot_rad,
        fd_mm=None if before is None else framewise_displacement_mm(before, now),
        rms_mm=None if before is None else rms_displacement_mm(before, now),
        converged=found.converged,
        uncertainty_mm=found.uncertainty_mm if known else None,
        residual_percent=found.residual_percent if math.isfinite(found.residual_percent) else None,
    )


def _why_not_found(setup: Setup, found: Estimate) -> str:
    limit_mm = setup.study.registration.uncertain_mm
    if not found.converged:
        return LOST
    if found.uncertainty_mm > limit_mm:
        return f"the head's position is only known to {found.uncertainty_mm:.2f} mm, {limit_mm:g} mm is asked"
    return ""


def _why_moved(setup: Setup, head: Head, motion: Motion) -> str:
    limit_mm = setup.study.quality.fd_hold_mm
    if motion.fd_mm is not None and motion.fd_mm > limit_mm:
        return f"the head moved {motion.fd_mm:.2f} mm, more than {limit_mm:g} mm"
    return "the volume before this one moved" if head.moved else ""


def _why_spoiled(slices: tuple[int, ...]) -> str:
    if not slices:
        return ""
    numbers = ", ".join(str(z + 1) for z in slices)
    return f"spoiled in slice {numbers}, where a region lies"
