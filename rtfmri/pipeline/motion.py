"""Whether a volume's position can be trusted: what is held, and in which words.

Framewise displacement is taken against the last volume that came. A volume that moved further than ``fd_hold_mm`` is flagged, and so is
the next one, whose spins still carry the move; flagged volumes stay out of GLM and baseline and the display holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.messages import Motion
from rtfmri.pipeline.setup import Setup
from rtfmri.quality.displacement import framewise_displacement_mm, rms_displacement_mm
from rtfmri.registration.realign import Estimate
from rtfmri.rigid import RigidTransform


@dataclass(frozen=True)
class Head:
    """Where the head was last found, and whether that volume was flagged for its own displacement."""

    transform: RigidTransform | None = None
    moved: bool = False

    def after(self, setup: Setup, found: Estimate, motion: Motion) -> Head:
        """A lost estimate is no start for the next one."""
        moved = motion.fd_mm is not None and motion.fd_mm > setup.study.quality.fd_hold_mm
        return Head(found.transform if found.converged else self.transform, moved)


def motion_of(head: Head, found: Estimate) -> Motion:
    now, before = found.transform, head.transform
    return Motion(
        trans_mm=now.trans_mm,
        rot_rad=now.rot_rad,
        fd_mm=None if before is None else framewise_displacement_mm(before, now),
        rms_mm=None if before is None else rms_displacement_mm(before, now),
        converged=found.converged,
        residual_percent=found.residual_percent,
    )


def why_flagged(setup: Setup, head: Head, motion: Motion) -> str:
    """Why this volume is flagged, for the operator; "" where it is not."""
    if not motion.converged:
        return "the head's position could not be found"
    limit_mm = setup.study.quality.fd_hold_mm
    if motion.fd_mm is not None and motion.fd_mm > limit_mm:
        return f"the head moved {motion.fd_mm:.2f} mm, more than {limit_mm:g} mm"
    return "the volume before this one moved" if head.moved else ""
