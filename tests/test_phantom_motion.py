"""The demo's phantom, moved as the small run is: its true motion is found again within 0.05 mm and 0.05 degrees."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from rtfmri.acquisition.recorded import read_dicoms
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import estimate, prepare
from rtfmri.rigid import RigidTransform
from rtfmri.simulate.render import Rendering, render
from rtfmri.simulate.scenario import load_scenario
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Array, Volume

SIM_DATA = Path(__file__).parents[1] / "sim_data"


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    """64 volumes of 64x64x36 at 3.5 mm."""
    small, demo = (load_scenario(SIM_DATA / f"{name}_scenario.toml") for name in ("small", "demo"))
    scenario = demo.model_copy(update={"study": small.study, "motion": small.motion})
    return render(scenario, tmp_path_factory.mktemp("moved") / "scanner")


def estimated(run: Rendering) -> list[Array]:
    """Each volume's matrix from the reference on, each started from the last."""
    volumes = [item for item in read_dicoms(run.folder / "dicoms", SeriesRule(), Acquisition()) if isinstance(item, Volume)]
    first = volumes[run.truth.reference]
    reference = prepare(first.data, first.grid, head_mask(first.data))
    transform = RigidTransform(centre_mm=reference.centre_mm)
    matrices = []
    for volume in volumes[run.truth.reference :]:
        found = estimate(reference, prefilter(volume.data), transform)
        assert found.converged
        transform = found.transform
        matrices.append(transform.matrix)
    return matrices


def displacement_mm(apart: Array, points_mm: Array) -> float:
    """Mean distance between where two transforms, whose difference is ``apart`` (4, 4), put the points (N, 3)."""
    return float(np.linalg.norm(points_mm @ apart[:3, :3].T + apart[:3, 3], axis=1).mean())


def test_true_motion_is_recovered_within_0_05_mm_and_0_05_degrees(moved: Rendering) -> None:
    brain = nibabel.load(moved.folder / "truth" / "brain.nii.gz")
    points_mm = nibabel.affines.apply_affine(brain.affine, np.argwhere(np.asarray(brain.dataobj) > 0))
    true = moved.truth.motion[moved.truth.reference :]
    assert max(displacement_mm(matrix - np.eye(4), points_mm) for matrix in true) > 0.5, "the phantom holds still"
    found = estimated(moved)
    errors_mm = [displacement_mm(a - b, points_mm) for a, b in zip(found, true, strict=True)]
    turned = [a[:3, :3] @ b[:3, :3].T for a, b in zip(found, true, strict=True)]
    errors_deg = [float(np.degrees(np.arccos(np.clip((np.trace(r) - 1) / 2, -1, 1)))) for r in turned]
    print(f"\nmotion error, 64x64x36: median {np.median(errors_mm):.4f}, max {max(errors_mm):.4f} mm; max {max(errors_deg):.4f} degrees")
    assert max(errors_mm) <= 0.05
    assert max(errors_deg) <= 0.05
