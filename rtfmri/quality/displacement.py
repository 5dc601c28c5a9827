"""How far the head moved between two volumes: one number each.

Both transforms are those of `rtfmri.rigid`, reference -> volume, about the same centre.
"""

from __future__ import annotations

import math

from rtfmri.rigid import RigidTransform

POWER_RADIUS_MM = 50.0
JENKINSON_RADIUS_MM = 80.0


def framewise_displacement_mm(previous: RigidTransform, current: RigidTransform) -> float:
    """Framewise displacement of Power et al. 2012 (NeuroImage 59:2142): sum of |change| of the six parameters, rotations on 50 mm.

    Raises
    ------
    ValueError : the two transforms turn about different centres.
    """
    _same_centre(previous, current)
    trans_mm = sum(abs(b - a) for a, b in zip(previous.trans_mm, current.trans_mm, strict=True))
    rot_rad = sum(abs(b - a) for a, b in zip(previous.rot_rad, current.rot_rad, strict=True))
    return trans_mm + POWER_RADIUS_MM * rot_rad


def rms_displacement_mm(previous: RigidTransform, current: RigidTransform) -> float:
    """Root mean square displacement of Jenkinson 1999 (FMRIB report TR99MJ1), over a sphere of 80 mm about the centre.

    With B the change from previous to current as a matrix, A = R_B - I and t = B c - c: sqrt(80^2 / 5 trace(A'A) + t't). Both are
    taken from B = current . inverse(previous), where A has the size of R_current - R_previous and the sphere's centre is previous(c).

    Raises
    ------
    ValueError : the two transforms turn about different centres.
    """
    _same_centre(previous, current)
    before, after = previous.matrix, current.matrix
    turned = sum(float(after[i, j] - before[i, j]) ** 2 for i in range(3) for j in range(3))
    moved = sum((b - a) ** 2 for a, b in zip(previous.trans_mm, current.trans_mm, strict=True))
    return math.sqrt(JENKINSON_RADIUS_MM**2 / 5.0 * turned + moved)


def _same_centre(previous: RigidTransform, current: RigidTransform) -> None:
    if previous.centre_mm != current.centre_mm:
        raise ValueError(f"displacement between transforms about different centres: {previous.centre_mm} and {current.centre_mm}")
