"""A real run against SPM12's parameters: the convention, how far the two estimates lie apart, and which leaves less variance."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import dcm2niix
import nibabel
import numpy as np
import pytest

from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import inside, prefilter, sample
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Estimate, Reference, estimate, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

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


@dataclass(frozen=True, eq=False)
class Run:
    """155 real volumes, and where SPM and we find the head in each: 4x4, reference -> volume."""

    coefficients: list[Image]
    reference: Reference
    spm: list[Array]
    found: list[Estimate]


@pytest.fixture(scope="module")
def run(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder, converted = real_data / "siemens_mosaic_bold", tmp_path_factory.mktemp("converted")
    command = [dcm2niix.bin, "-z", "n", "-b", "n", "-f", "run", "-o", str(converted), str(folder / "dicoms")]
    subprocess.run(command, check=True, capture_output=True, env=os.environ, timeout=120)
    image = nibabel.load(converted / "run.nii")
    series = np.asarray(image.dataobj, dtype=np.float32)
    spm = [np.linalg.inv(spm_matrix(row)) for row in np.loadtxt(folder / "spm12_motion.tsv", skiprows=1)]
    assert len(spm) == series.shape[3] == 155
    still = np.ascontiguousarray(series[..., REFERENCE])
    reference = prepare(still, Grid(series.shape[:3], image.affine.astype(float)), head_mask(still))
    coefficients = [prefilter(np.ascontiguousarray(series[..., number])) for number in range(155)]
    found, start = [], RigidTransform(centre_mm=reference.centre_mm)
    for one in coefficients:
        found.append(estimate(reference, one, start))
        start = found[-1].transform
    return Run(coefficients, reference, spm, found)


@pytest.mark.real_data
def test_a_real_run_agrees_with_spm_to_a_twentieth_of_a_millimetre(run: Run) -> None:
    directions = np.random.default_rng(0).normal(size=(200, 3))
    sphere = np.array(run.reference.centre_mm) + 50 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    apart = [found.transform.matrix - spm for found, spm in zip(run.found, run.spm, strict=True)]
    distances = [np.linalg.norm(sphere @ one[:3, :3].T + one[:3, 3], axis=1).mean() for one in apart]
    print(f"to SPM12 at 50 mm: median {np.median(distances):.3f}, largest {max(distances):.3f} mm")
    assert all(found.converged and found.uncertainty_mm < 0.1 for found in run.found)
    assert np.median(distances) < 0.05
    assert max(distances) < 0.1


@pytest.mark.real_data
def test_no_more_variance_is_left_than_with_the_parameters_of_spm(run: Run) -> None:
    def left(transforms: list[RigidTransform]) -> float:
        """Mean over the head's voxels of the variance in time, each volume sampled at its own transform."""
        points = [transform_points(grid, transform, grid, voxels) for transform in transforms]
        seen = np.stack([sample(one, at) for one, at in zip(run.coefficients, points, strict=True)])
        return float(seen[:, within].var(axis=0).mean())

    grid, voxels = run.reference.grid, np.argwhere(run.reference.mask)[::4]
    spm = [RigidTransform.from_matrix(matrix, run.reference.centre_mm) for matrix in run.spm]
    ours = [found.transform for found in run.found]
    within = np.all([inside(transform_points(grid, one, grid, voxels), grid.shape) for one in spm + ours], axis=0)
    variances = left(ours), left(spm)
    print(f"variance left after resampling: {variances[0]:.2f}, with SPM12's parameters {variances[1]:.2f}")
    assert variances[0] <= variances[1]
