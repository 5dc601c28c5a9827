"""dcm2niix as a witness."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from rtfmri.volume import Grid, Volume

AFFINE_MM, TIME_S = 1e-3, 1e-3


def converted(source: Path, out: Path) -> list[tuple[Any, dict[str, Any]]]:
    """The NIfTI images that dcm2niix makes of the files in ``source``, and their sidecars, by name."""
    tool = Path(sys.executable).with_name("dcm2niix")
    command = str(tool) if tool.exists() else shutil.which("dcm2niix")
    if command is None:
        pytest.skip("dcm2niix is not installed")
    out.mkdir()
    subprocess.run([command, "-z", "n", "-f", "%s_%p", "-o", str(out), str(source)], check=True, capture_output=True, timeout=60)
    return [(nibabel.load(path), json.loads(path.with_suffix(".json").read_text())) for path in sorted(out.glob("*.nii"))]


def assert_same(volumes: Iterable[Volume], image: Any, sidecar: dict[str, Any]) -> None:
    """Every voxel, every corner; TR and slice times where dcm2niix has them."""
    expected = np.asarray(image.dataobj)
    expected = expected if expected.ndim == 4 else expected[..., None]
    by_index = {volume.index: volume for volume in volumes}
    assert sorted(by_index) == list(range(expected.shape[3]))
    for index, volume in by_index.items():
        assert np.array_equal(volume.data, expected[..., index].astype(np.float32))
        assert volume.grid.difference_mm(Grid(volume.grid.shape, np.array(image.affine, dtype=np.float64))) < AFFINE_MM
        if "RepetitionTime" in sidecar:  # not for PAR
            assert volume.tr_s == pytest.approx(sidecar["RepetitionTime"], abs=1e-6)
        if "SliceTiming" in sidecar:
            assert volume.slice_times_s is not None
            assert np.abs(np.array(volume.slice_times_s) - sidecar["SliceTiming"]).max() < TIME_S
