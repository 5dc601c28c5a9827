"""A scenario of a few seconds, and what other tools read from DICOM files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

SIM_DATA = Path(__file__).parents[2] / "sim_data"
QUICK_STUDY = """
[study]
name = "quick"
[acquisition]
tr_s = 1.0
dummies = 2
[[roi]]
name = "dlpfc"
sphere_mni_mm = [42, 36, 28]
weight = 0.5
[[roi]]
name = "tpj"
sphere_mni_mm = [60, -40, 22]
weight = -0.5
[paradigm]
cycle = [{ block = "rest", s = 4 }, { block = "self_compassion", s = 10 }]
final_rest_s = 4
[signal]
baseline = { onset_s = 0, last_s = 4, lag_s = 0 }
"""
QUICK_SCENARIO = """
study = "study.toml"
seed = 3
tr_s = 1.0
shape = [36, 40, 18]
voxel_size_mm = [6, 6, 6]
tilt_deg = -12
multiband = 3
roi_radius_mm = 15
amplitudes_percent = { dlpfc = [20], tpj = [-10] }
noise = { thermal_tsnr = 1e6 }
"""


def converted(dicoms: Path, to: Path) -> nib.Nifti1Image:
    """What dcm2niix makes of a folder of DICOM files: one image."""
    to.mkdir(exist_ok=True)
    program = shutil.which("dcm2niix", path=str(Path(sys.executable).parent)) or shutil.which("dcm2niix")
    if program is None:
        pytest.skip("dcm2niix is not installed")
    said = subprocess.run([program, "-z", "n", "-f", "run", "-o", str(to), str(dicoms)], capture_output=True, text=True, timeout=120)
    images = sorted(to.glob("*.nii"))
    assert len(images) == 1, said.stdout
    return nib.load(images[0])


def voxels(image: nib.Nifti1Image) -> np.ndarray:
    return np.asarray(image.dataobj, dtype=float)
