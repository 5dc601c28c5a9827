"""The files of a preparation: their BIDS derivatives names, and what is in them. Pure: arrays in, named arrays and plain data out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.preparation.anatomy import Found
from rtfmri.preparation.checks import Check
from rtfmri.preparation.prepared import FORMAT, VERSION
from rtfmri.preparation.regions import Region
from rtfmri.preparation.template import NAME
from rtfmri.study.regions import RoiRule
from rtfmri.volume import Image

TISSUES = {"grey": "GM", "white": "WM", "fluid": "CSF"}
TAKEN = ("reference", "brain", "whitematter", "csf", "dropout", "preparation")


@dataclass(frozen=True, eq=False)
class Preparation:
    """Everything that is written: the reference, its anatomy, regions, checks, and ``about``: how it was made."""

    reference: Image
    found: Found
    regions: tuple[Region, ...]
    checks: tuple[Check, ...]
    about: Mapping[str, Any]  # mode, versions, quality, seconds

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(check.words for check in self.checks if check.verdict == "refused")


def label_of(name: str) -> str:
    """A region's name as BIDS takes it, letters and digits: ``left_tpj`` is written ``leftTpj``."""
    first, *others = re.split(r"_+", name.strip("_"))
    return first + "".join(part[:1].upper() + part[1:] for part in others)


def refuse_names(rules: tuple[RoiRule, ...]) -> None:
    """
    Raises
    ------
    StudyError : two regions, or a region and another mask, would be one file.
    """
    labels = [label_of(rule.name).lower() for rule in rules]
    doubles = [rule.name for rule, label in zip(rules, labels, strict=True) if labels.count(label) > 1 or label in TAKEN]
    if doubles:
        raise StudyError(f"The regions {', '.join(doubles)} would be saved under a name that is taken; give each roi another name.")


def images_of(preparation: Preparation, stem: str) -> dict[str, Image]:
    """Every 3D image by its file name; ``stem`` is ``sub-07_ses-01``. All float32 (X, Y, Z)."""
    tissues, anatomy = preparation.found.tissues, preparation.found.anatomy
    images: dict[str, Any] = {
        f"{stem}_desc-reference_boldref.nii.gz": preparation.reference,
        f"{stem}_desc-brain_mask.nii.gz": tissues.brain,
        f"{stem}_desc-dropout_mask.nii.gz": anatomy.lost,
        f"{stem}_label-GM_probseg.nii.gz": tissues.grey,
        f"{stem}_label-WM_probseg.nii.gz": tissues.white,
        f"{stem}_label-CSF_probseg.nii.gz": tissues.fluid,
        f"{stem}_desc-whiteMatter_mask.nii.gz": tissues.white_matter,
        f"{stem}_desc-csf_mask.nii.gz": tissues.csf,
    }
    for region in preparation.regions:
        if not region.problems:
            label = label_of(region.rule.name)
            images[f"{stem}_desc-{label}_mask.nii.gz"] = region.mask
            images[f"{stem}_desc-{label}_probseg.nii.gz"] = region.weights
    return {name: np.asarray(image, dtype=np.float32) for name, image in images.items()}


def map_name(stem: str) -> str:
    """The place in MNI of every voxel: a 5D NIfTI (X, Y, Z, 1, 3), RAS mm; pulls images from MNI to the EPI."""
    return f"{stem}_from-{NAME}_to-boldref_mode-image_xfm.nii.gz"


def as_json(preparation: Preparation, sub: str, ses: str) -> dict[str, Any]:
    """What ``prepared.load_prepared`` reads; nobody has decided yet."""
    stem = f"sub-{sub}_ses-{ses}"
    return {
        "format": FORMAT,
        "version": VERSION,
        "sub": sub,
        "ses": ses,
        **preparation.about,
        "reference": f"{stem}_desc-reference_boldref.nii.gz",
        "brain_mask": f"{stem}_desc-brain_mask.nii.gz",
        "tissue": {"white_matter": f"{stem}_desc-whiteMatter_mask.nii.gz", "csf": f"{stem}_desc-csf_mask.nii.gz"},
        "probabilities": {name: f"{stem}_label-{label}_probseg.nii.gz" for name, label in TISSUES.items()},
        "transform": map_name(stem),
        "rois": {region.rule.name: _region_json(region, stem) for region in preparation.regions},
        "provisional": [region.rule.name for region in preparation.regions if region.rule.is_provisional],
        "checks": [asdict(check) for check in preparation.checks],
        "problems": list(preparation.problems),
        "accepted_by": None,
        "accepted_at": None,
        "rejected": False,
    }


def _region_json(region: Region, stem: str) -> dict[str, Any]:
    label, refused = label_of(region.rule.name), bool(region.problems)
    return {
        "mask": None if refused else f"{stem}_desc-{label}_mask.nii.gz",
        "weights": None if refused else f"{stem}_desc-{label}_probseg.nii.gz",
        "source": region.rule.source_words,
        "provisional": region.rule.is_provisional,
        "voxels": region.voxels,
        "voxels_before_cuts": int(region.whole.sum()),
        "voxels_in_brain": region.in_brain,
        "voxels_lost_to_dropout": region.lost,
        "centre_mm": None if region.centre_mm is None else [round(mm, 2) for mm in region.centre_mm],
    }
