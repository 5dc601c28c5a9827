"""A real run against SPM12's parameters: the convention, and how far the two estimates lie apart."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pytest

from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import estimate, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid

REFERENCE = 5  # SPM realigned to the sixth volume


def spm_matrix(parameters: Array) -> Array:
    """SPM's 4x4: translation, then rotations in the order x, y, z, left-handed; it takes a volume's mm to the reference's mm."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(parameters[3:]), np.sin(parameters[3:])
    matrix = np.eye(4)
    about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, sz, 0], [-sz, cz, 0], [0, 0, 1]])
    matrix[:3, :3] = about_x @ about_y @ about_z
    matrix[:3, 3] = parameters[:3]
    return matrix


@pytest.mark.real_data
def test_a_real_run_agrees_with_spm_to_a_twentieth_of_a_millimetre(real_data: Path, tmp_path: Path) -> None:
    run = real_data / "siemens_mosaic_bold"
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "run", "-o", str(tmp_path), str(run / "dicoms")]
    subprocess.run(command, check=True, capture_output=True, env=os.environ, timeout=120)
    image = nibabel.load(tmp_path / "run.nii")
    series = np.asarray(image.dataobj, dtype=np.float32)
    spm = [np.linalg.inv(spm_matrix(row)) for row in np.loadtxt(run / "spm12_motion.tsv", skiprows=1)]
    assert len(spm) == series.shape[3] == 155

    grid = Grid(series.shape[:3], image.affine.astype(float))
    still = np.ascontiguousarray(series[..., REFERENCE])
    reference = prepare(still, grid, head_mask(still))
    directions = np.random.default_rng(0).normal(size=(200, 3))
    sphere = np.array(reference.centre_mm) + 50 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    transform, distances = RigidTransform(centre_mm=reference.centre_mm), []
    for number in range(series.shape[3]):
        found = estimate(reference, prefilter(np.ascontiguousarray(series[..., number])), transform)
        assert found.converged
        transform = found.transform
        apart = transform.matrix - spm[number]
        distances.append(np.linalg.norm(sphere @ apart[:3, :3].T + apart[:3, 3], axis=1).mean())
    assert np.median(distances) < 0.05
    assert max(distances) < 0.1
