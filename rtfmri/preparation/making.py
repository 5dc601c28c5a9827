"""From a reference image to everything that is written: anatomy, regions, checks."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata
from typing import Any

from rtfmri.preparation.anatomy import Found, Progress, find_anatomy
from rtfmri.preparation.checks import Check, region_checks, registration_checks
from rtfmri.preparation.earlier import Earlier, carry
from rtfmri.preparation.outputs import Preparation
from rtfmri.preparation.reference import ReferenceImage
from rtfmri.preparation.regions import Images, region_of
from rtfmri.study.regions import RoiRule
from rtfmri.volume import Grid, Image

Rules = tuple[RoiRule, ...]
PACKAGES = ("rtfmri", "antspyx", "nilearn", "numpy", "scipy")


def make(reference: ReferenceImage, t1: tuple[Image, Grid] | None, rules: Rules, images: Images, fast: bool, tell: Progress) -> Preparation:
    """Prepare a first session; see ``find_anatomy`` for what is raised."""
    found = find_anatomy(reference.image, reference.grid, t1, fast, tell)
    about = {"mode": "affine" if fast else "warp", "t1": t1 is not None}
    return _judged(reference, found, rules, images, about, registration_checks(found.quality, fast))


def reuse(reference: ReferenceImage, earlier: Earlier, rules: Rules, images: Images, tell: Progress, from_ses: str) -> Preparation:
    """Prepare a later session from an earlier one; see ``carry`` for what is raised."""
    tell(f"finding the head of session {from_ses}")
    found, session = carry(earlier, reference.image, reference.grid)
    about = {"mode": "session", "from_session": from_ses, "from_reference": session.transform.matrix.tolist()}
    same = Check("good", "session", f"the head of session {from_ses} was found: {session.words}, likeness {session.likeness:.2f}")
    return _judged(reference, found, rules, images, about, (same, *registration_checks(found.quality, fast=False)))


def _judged(
    reference: ReferenceImage, found: Found, rules: Rules, images: Images, about: Mapping[str, Any], checks: tuple[Check, ...]
) -> Preparation:
    anatomy = found.anatomy
    regions = tuple(region_of(rule, anatomy, images) for rule in rules)
    of_regions = [check for region in regions for check in region_checks(region, anatomy.spaces["MNI"], anatomy.grid)]
    how = {
        **about,
        "reference_volumes": reference.volumes,
        "reference_volumes_left_out": reference.left_out,
        "registration": found.quality,
        "t1_from_reference": None if found.to_t1 is None else found.to_t1.tolist(),
        "versions": {name: metadata.version(name) for name in PACKAGES},
    }
    return Preparation(reference.image, found, regions, (*checks, *of_regions), how)
