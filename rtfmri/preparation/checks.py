"""What is looked at before a preparation is accepted: each check has a verdict, a name and a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rtfmri.preparation.regions import Region
from rtfmri.registration.mask import Mask
from rtfmri.volume import Array, Grid

Verdict = Literal["good", "look", "refused"]
LEAST_DICE, LEAST_CORRELATION, LEAST_RATIO = 0.85, 0.5, 0.2
MUCH_LOST = 0.25
MIDLINE_MM = 4.0  # a region nearer to the midline than this has no side


@dataclass(frozen=True)
class Check:
    verdict: Verdict
    name: str
    words: str


def registration_checks(quality: Mapping[str, float], fast: bool) -> tuple[Check, ...]:
    """Of the numbers of ``Found.quality``."""
    dice, correlation, ratio = (quality[name] for name in ("brain_dice", "correlation", "least_volume_ratio"))
    checks = [
        Check(_good(dice >= LEAST_DICE), "brain", f"MNI's brain and the head seen in the EPI overlap by {100 * dice:.0f} % (Dice)"),
        Check(
            _good(correlation >= LEAST_CORRELATION),
            "tissues",
            f"the EPI and what the tissues should look like correlate by {correlation:.2f}",
        ),
        Check(_good(ratio > LEAST_RATIO), "shape", f"no place is pressed to less than {ratio:.2f} of its volume"),
    ]
    if fast:
        checks.append(
            Check(
                "look",
                "affine only",
                "fast mode: the head's own shape and the EPI's distortion are not followed; regions may lie several mm off",
            )
        )
    return tuple(checks)


def region_checks(region: Region, mni_mm: Array, grid: Grid) -> tuple[Check, ...]:
    """Voxels, dropout and side of one region."""
    name = region.rule.name
    if region.problems:
        return tuple(Check("refused", name, problem) for problem in region.problems)
    share = region.lost / max(1, region.in_brain)
    counted = f"{region.voxels} usable voxels of {int(region.whole.sum())}, mean weight {float(region.weights[region.mask].mean()):.2f}"
    lost = f"{region.lost} of {region.in_brain} voxels lost to dropout"
    checks = [Check("good", name, counted), Check(_good(share <= MUCH_LOST), name, lost), side_check(region, mni_mm, grid)]
    if region.rule.is_provisional:
        checks.append(Check("look", name, "PROVISIONAL: a place from the literature, not confirmed by your lab"))
    return tuple(checks)


def side_check(region: Region, mni_mm: Array, grid: Grid) -> Check:
    """Whether the region lies on that side of the head's midline, by the scanner's own axes, on which it lies in MNI."""
    name = region.rule.name
    in_mni = float(mni_mm[region.whole][:, 0].mean())
    beside = _right_of_midline_mm(region.whole, mni_mm, grid)
    if abs(in_mni) < MIDLINE_MM:
        return Check("good", name, "it lies at the midline and has no side")
    wanted = "right" if in_mni > 0 else "left"
    found = "right" if beside > 0 else "left"
    words = f"{wanted} in MNI, {abs(beside):.0f} mm to the participant's {found} of the midline by the scanner's header"
    return Check("good" if wanted == found else "refused", name, words)


def _right_of_midline_mm(mask: Mask, mni_mm: Array, grid: Grid) -> float:
    """How far right (RAS +x) of the voxels at MNI's midline near it the mask lies."""
    index = np.argwhere(mask)
    centre_mni = mni_mm[mask].mean(axis=0)
    away = np.abs(mni_mm - np.array([0.0, centre_mni[1], centre_mni[2]])).max(axis=-1)
    middle = np.argwhere(away <= max(MIDLINE_MM, float(away.min())))
    step = index.mean(axis=0) - middle.mean(axis=0)
    return float((grid.affine[0, :3] * step).sum())


def _good(fine: bool) -> Verdict:
    return "good" if fine else "look"
