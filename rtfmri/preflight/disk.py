"""Whether the record fits on the disk. A record grows as float32 voxels and is compressed at its end, while both files lie there."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rtfmri.paradigm import planned_volumes
from rtfmri.preflight.check import Check, of_bytes
from rtfmri.study import Study
from rtfmri.volume import Grid

VOXEL_BYTES = 4
COMPRESSED = 1.0  # of the voxels, at worst: noise does not shrink
MESSAGE_BYTES = 16_000  # of journal and tables, a volume
BESIDE_BYTES = 50_000_000  # maps and pictures, a run
AMPLE = 3  # times the need that leave nobody worrying


@dataclass(frozen=True)
class Disk:
    """``problem``: why nothing can be written there."""

    out: Path
    free_bytes: int = 0
    problem: str = ""


def read_disk(out: Path) -> Disk:
    """A file is written and removed in OUT, or where OUT would be made."""
    folder = out.resolve()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".rtfmri-check-") as probe:
            probe.write(b"rtfmri")
            probe.flush()
        return Disk(out, shutil.disk_usage(folder).free)
    except OSError as error:
        return Disk(out, problem=error.strerror or type(error).__name__)


def bytes_of_run(volumes: int, grid: Grid) -> int:
    """The most that one run takes while it is being finished."""
    return int(volumes * (np.prod(grid.shape) * VOXEL_BYTES * (1 + COMPRESSED) + MESSAGE_BYTES)) + BESIDE_BYTES


def volumes_of(study: Study, tr_s: float | None) -> int | None:
    """How many a run has; None without a TR."""
    return None if tr_s is None else planned_volumes(study.blocks(tr_s), tr_s)


def disk_check(disk: Disk, volumes: int | None, grid: Grid | None, runs: int) -> Check:
    """``volumes`` of a run, its ``grid`` (None: not known yet), and how many ``runs`` the session still has."""
    if disk.problem:
        return Check(
            "disk", "failed", f"{disk.out} cannot be written ({disk.problem}).", "Choose another --out, or get the right to write."
        )
    free = of_bytes(disk.free_bytes)
    if volumes is None or grid is None:
        need_bytes = BESIDE_BYTES
        if disk.free_bytes > AMPLE * BESIDE_BYTES:
            return Check("disk", "unknown", f"{free} are free; how much a run takes is known when its grid and TR are.")
    else:
        need_bytes = bytes_of_run(volumes, grid)
    if disk.free_bytes < need_bytes:
        return Check("disk", "failed", f"{free} are free in {disk.out} and a run takes up to {of_bytes(need_bytes)}.", "Free some space.")
    if disk.free_bytes < need_bytes * runs:
        session = f"the session's {runs} runs take up to {of_bytes(need_bytes * runs)}"
        return Check("disk", "warning", f"{free} are free, and {session}.", "Free some space between the runs.")
    each = f"the {runs} runs left take" if runs > 1 else "a run takes"
    return Check("disk", "ok", f"{free} are free in {disk.out}; {each} up to {of_bytes(need_bytes * runs)}.")
