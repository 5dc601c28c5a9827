"""What a study only names becomes this participant's files and numbers at arm, or is refused with what to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.engine.materials import read_materials
from rtfmri.engine.participant import for_participant
from rtfmri.errors import StudyError
from rtfmri.messages import Entities
from rtfmri.preparation.localizer import FORMAT as LOCALIZER
from rtfmri.preparation.prepared import FORMAT, prepared_path
from rtfmri.study import Study, parse_study
from rtfmri.study.signal import full_range

WHO = Entities(sub="07", task="nf", run=2)
SPHERES = [
    {"name": "dlpfc", "sphere_mni_mm": [42, 36, 28], "weight": 0.5},
    {"name": "tpj", "sphere_mni_mm": [60, -40, 22], "weight": -0.5},
]


def a_study(rois: list[dict[str, Any]] | None = None, **signal: Any) -> Study:
    cycle = [{"block": "rest", "s": 30}, {"block": "self_compassion", "s": 40}]
    return parse_study({"study": {"name": "nf"}, "roi": rois or SPHERES, "paradigm": {"cycle": cycle}, "signal": signal}, Path())


def an_image(path: Path, value: float = 1.0) -> str:
    nibabel.save(nibabel.Nifti1Image(np.full((8, 8, 8), value, np.float32), np.diag([3.0, 3.0, 3.0, 1.0])), path)
    return path.name


def prepared(out: Path, study: Study, **changes: Any) -> Path:
    """A preparation as `rtfmri prepare` writes it, accepted."""
    path = prepared_path(out, "07", "01")
    path.parent.mkdir(parents=True)
    rois = {
        roi.name: {
            "mask": an_image(path.parent / f"{roi.name}_mask.nii.gz"),
            "weights": an_image(path.parent / f"{roi.name}_probseg.nii.gz", 0.7),
            "source": roi.source_words,
            "provisional": roi.is_provisional,
        }
        for roi in study.roi
    }
    plain = {
        "format": FORMAT,
        "version": 1,
        "sub": "07",
        "ses": "01",
        "reference": an_image(path.parent / "boldref.nii.gz"),
        "brain_mask": an_image(path.parent / "brain.nii.gz"),
        "rois": rois,
        "tissue": {name: an_image(path.parent / f"{name}.nii.gz") for name in ("white_matter", "csf")},
        "accepted_by": "Lea",
        "accepted_at": "2026-11-22T10:00:00",
        "rejected": False,
        "problems": [],
    }
    path.write_text(json.dumps(plain | changes))
    return path


def test_spheres_become_the_prepared_voxels_and_stay_provisional(tmp_path: Path) -> None:
    study = a_study(nuisance=["drift", "motion6", "csf"])
    folder = prepared(tmp_path, study).parent
    mine = for_participant(study, WHO, tmp_path)
    assert [roi.mask for roi in mine.roi] == [folder / "dlpfc_mask.nii.gz", folder / "tpj_mask.nii.gz"]
    assert all(roi.is_provisional and not roi.needs_preparation for roi in mine.roi)
    assert mine.registration.file == folder / "boldref.nii.gz"
    assert (mine.tissue.csf, mine.tissue.white_matter) == (folder / "csf.nii.gz", None)
    materials = read_materials(mine)
    assert set(materials.tissue) == {"csf"}
    assert materials.voxel_weights["tpj"].data.max() == pytest.approx(0.7)
    assert for_participant(mine, WHO, tmp_path / "elsewhere") == mine


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"accepted_by": None}, "has not been accepted"),
        ({"rejected": True}, "was rejected"),
        ({"problems": ["tpj: lost"]}, "holds a refused region"),
    ],
)
def test_a_preparation_that_nobody_accepted_is_refused(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    prepared(tmp_path, a_study(), **changes)
    with pytest.raises(StudyError, match=words):
        for_participant(a_study(), WHO, tmp_path)


def test_without_a_preparation_the_sentence_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="rtfmri prepare"):
        for_participant(a_study(), WHO, tmp_path)


def test_a_region_that_was_moved_since_must_be_prepared_again(tmp_path: Path) -> None:
    prepared(tmp_path, a_study())
    moved = a_study([SPHERES[0], SPHERES[1] | {"sphere_mni_mm": [58, -40, 22]}])
    with pytest.raises(StudyError, match="tpj otherwise than it was prepared"):
        for_participant(moved, WHO, tmp_path)


def localized(out: Path, full: float = 0.6) -> None:
    folder = out / "derivatives/rtfmri/sub-07/ses-01/func"
    folder.mkdir(parents=True)
    region = {"of_voxels": 100, "share": 0.3, "threshold_t": 2.0, "mean_t": 4.0, "peak_t": 6.0, "peak_mm": [1.0, 2.0, 3.0]}
    region |= {"voxels": 30, "effect_percent": 0.5, "effect_se_percent": 0.1}
    plain = {
        "format": LOCALIZER,
        "version": 1,
        "run": "sub-07_ses-01_task-nf_run-01",
        "contrast": "regulate",
        "settings": {},
        "reference": an_image(folder / "boldref.nii.gz"),
        "regions": {name: region | {"mask": an_image(folder / f"{name}.nii.gz")} for name in ("dlpfc", "tpj")},
        "range": {"full": full, "unit": "percent", "measure": "difference", "quartile": full, "values": 40, "why": ""},
    }
    (folder / "sub-07_ses-01_task-nf_run-01_desc-localizer_regions.json").write_text(json.dumps(plain))


def test_localized_voxels_and_range_take_their_place(tmp_path: Path) -> None:
    localized(tmp_path)
    mine = for_participant(a_study([roi | {"localized": True} for roi in SPHERES], range_from="localizer"), WHO, tmp_path)
    assert [roi.mask.name for roi in mine.roi if roi.mask] == ["dlpfc.nii.gz", "tpj.nii.gz"]
    assert (full_range(mine.signal), mine.signal.range_from) == (0.6, "fixed")
    assert mine.registration.file is not None


def test_the_localizers_range_is_refused_for_another_measure(tmp_path: Path) -> None:
    localized(tmp_path)
    study = a_study([roi | {"localized": True} for roi in SPHERES], range_from="localizer", measure={"kind": "z"})
    with pytest.raises(StudyError, match="measured difference"):
        for_participant(study, WHO, tmp_path)


def test_an_adaptive_range_begins_with_the_studys_own(tmp_path: Path) -> None:
    prepared(tmp_path, a_study())
    mine = for_participant(a_study(range_from="adaptive", range_percent=0.8), WHO, tmp_path)
    assert full_range(mine.signal) == 0.8
