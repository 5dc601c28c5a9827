"""Every vendor's files through the whole pipeline: `rtfmri replay FOLDER --verify` on real series, with a study made for their grid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.messages import RunStop, VolumeMessage
from rtfmri.record.journal import read_journal

Cli = Any
SERIES = (
    "siemens_ve11_mosaic_rtcloud",
    "siemens_xa10_enhanced",
    "siemens_xa30_classic",
    "ge_dv26_epi",
    "philips_r511_classic_bold12",
    "noisepix_philips_enhanced_fmri",
    "uih_r002_vframe_grid",
    "canon_v61_enhanced_dti",
)
STUDY = """
[study]
name = "vendor"
[acquisition]
series = {{ number = {number} }}
tr_s = {tr_s}
[[roi]]
name = "block"
mask = "block.nii"
weight = 1.0
[paradigm]
cycle = [{{ block = "rest", s = {rest_s} }}, {{ block = "regulate", s = {regulate_s} }}]
[signal]
baseline = {{ onset_s = 0, last_s = {rest_s}, lag_s = 0 }}
[registration]
reference = "first"
"""


def study_for(found: dict[str, Any], converted: Path, folder: Path) -> Path:
    """A rest of half the run, regulation for the other; the region is a block of its brightest part."""
    image = nibabel.load(converted)
    first = np.asanyarray(image.dataobj)[..., 0]
    block = np.zeros(first.shape, np.uint8)
    x, y, z = (size // 3 for size in first.shape)
    block[x : 2 * x, y : 2 * y, z : 2 * z + 1] = 1
    block &= (first > np.median(first[block > 0])).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(block, image.affine), folder / "block.nii")
    rest = found["volumes"] // 2
    times = {"rest_s": rest * found["tr_s"], "regulate_s": (found["volumes"] - rest) * found["tr_s"]}
    (folder / "study.toml").write_text(STUDY.format(number=found["series"], tr_s=found["tr_s"], **times))
    return folder / "study.toml"


@pytest.mark.parametrize("name", SERIES)
def test_a_real_series_runs_through_and_again_to_the_same_bits(cli: Cli, real_data: Path, tmp_path: Path, name: str) -> None:
    folder = real_data / "ingest" / name
    converted = tmp_path / "series.nii"
    listed = json.loads(cli("inspect", folder, "--json", "--nifti", converted).stdout)
    (found,) = [entry for entry in listed if entry["series"] is not None]
    study = study_for(found, converted, tmp_path)
    done = cli("replay", folder, "--study", study, "--out", tmp_path / "out", "--verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All values of all {found['volumes']} volumes are bit-identical." in done.stdout
    (journal,) = (tmp_path / "out").rglob("*_journal.jsonl")
    messages = [envelope.message for envelope in read_journal(journal)]
    volumes = [message for message in messages if isinstance(message, VolumeMessage)]
    assert [message.index for message in volumes] == list(range(found["volumes"]))
    assert all(message.validity != "missing" for message in volumes)
    raw = np.asanyarray(nibabel.load(converted).dataobj)
    mask = np.asanyarray(nibabel.load(tmp_path / "block.nii").dataobj) > 0
    assert volumes[0].rois["block"].raw == pytest.approx(raw[..., 0][mask].mean(), rel=1e-4), "the region lies where it was drawn"
    assert [message.exit_status for message in messages if isinstance(message, RunStop)] == ["completed"]
