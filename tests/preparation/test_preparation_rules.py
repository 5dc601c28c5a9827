"""Where a region comes from, as a study file says it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from rtfmri.study.regions import RoiRule

SPHERE = {"sphere_mni_mm": (60, -40, 22)}
LABELS = {"label_image": "atlas.nii.gz", "labels": (3, 4), "space": "MNI"}


def rule(**parts: Any) -> RoiRule:
    return RoiRule.model_validate({"name": "tpj", "weight": -0.5, **parts})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, "either mask"),
        ({"mask": "m.nii", **SPHERE}, "either mask"),
        ({"sources": (SPHERE,), **SPHERE}, "either mask"),
        ({"sources": ({"mask": "m.nii", **SPHERE},)}, "each source is either"),
        ({"label_image": "atlas.nii"}, "belong together"),
        ({"mask": "m.nii", "labels": (1,)}, "belong together"),
        ({"space": "T1", **SPHERE}, "leave out space"),
    ],
)
def test_a_source_that_is_not_one_is_refused(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        rule(**parts)


def test_only_a_mask_on_the_epis_own_grid_needs_no_preparation() -> None:
    assert not rule(mask="m.nii").needs_preparation
    for parts in (SPHERE, LABELS, {"mask": "m.nii", "space": "MNI"}, {"mask": "m.nii", "grey_matter": True}, {"sources": (SPHERE, LABELS)}):
        assert rule(**parts).needs_preparation


def test_a_sphere_is_provisional_and_cut_by_grey_matter_unless_told_otherwise() -> None:
    assert rule(**SPHERE).is_provisional
    assert rule(sources=(LABELS, SPHERE)).is_provisional
    assert not rule(**LABELS).is_provisional
    assert rule(**SPHERE).cut_by_grey_matter
    assert not rule(**SPHERE, grey_matter=False).cut_by_grey_matter
    assert not rule(**LABELS).cut_by_grey_matter
