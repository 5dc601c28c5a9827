"""What aftercare writes: pictures while the run goes on, maps and the realigned run at its end.

Pictures and maps appear whole: written beside their place and renamed. Of the pictures of one contrast the newest ``PICTURES`` stay. The
realigned run grows in a file without a name, so nothing is left of it should the process be ended. Every function here raises OSError
where the disk is full or gone; ``care.py`` tells it once and goes on.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from rtfmri.aftercare import naming
from rtfmri.volume import Grid, Image

PICTURES = 8  # of one contrast that stay
SCANNER = 1  # NIfTI's code of the scanner's space


def write_picture(folder: Path, label: str, what: str, index: int, png: bytes) -> Path:
    """Write it, and remove those of the same contrast that are too old, an interrupted run's included."""
    path = naming.picture(folder, label, what, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        beside.write_bytes(png)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    pictures = sorted(path.parent.glob(path.name.replace(f"{index:05d}", "*")), key=lambda picture: picture.stat().st_mtime_ns)
    for old in pictures[:-PICTURES]:
        old.unlink(missing_ok=True)
    return path


def write_image(path: Path, data: npt.NDArray[np.float32], grid: Grid, about: dict[str, Any], tr_s: float = 0.0) -> None:
    """float32 (X, Y, Z) or (X, Y, Z, N) as NIfTI, and beside it ``about`` as JSON."""
    image = nib.Nifti1Image(data, grid.affine)
    image.set_qform(grid.affine, SCANNER)
    image.set_sform(grid.affine, SCANNER)
    image.header.set_xyzt_units("mm", "sec")
    if data.ndim == 4:
        image.header.set_zooms((*grid.voxel_size_mm, tr_s))
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = _beside(path)
    try:
        nib.save(image, beside)
        os.replace(beside, path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    naming.sidecar(path).write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


class RealignedRun:
    """The realigned run while it grows, on the disk. What never came, or could not be realigned, is zeros."""

    def __init__(self, folder: Path, grid: Grid) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._grid = grid
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  (closed by close)
        self._count = 0

    def put(self, index: int, image: Image) -> None:
        """Volume ``index``; they come in ascending order."""
        self._file.seek(index * image.nbytes)
        self._file.write(image.tobytes(order="F"))
        self._file.flush()
        self._count = index + 1

    def write(self, path: Path, tr_s: float, about: dict[str, Any]) -> None:
        """The whole run, read back slice by slice."""
        if self._count:
            shape = (*self._grid.shape, self._count)
            voxels: npt.NDArray[np.float32] = np.memmap(self._file, dtype=np.float32, mode="r", shape=shape, order="F")
            write_image(path, voxels, self._grid, about, tr_s)

    def close(self) -> None:
        self._file.close()


def _beside(path: Path) -> Path:
    return path.with_name(f".part-{path.name}")
