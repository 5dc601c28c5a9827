"""What ``rtfmri realign`` leaves behind: matrices, resliced series, confounds, and a few lines in the terminal."""

from __future__ import annotations

import gzip
import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from rich.console import Console
from rich.table import Table as Drawn

from rtfmri.errors import StudyError
from rtfmri.quality.displacement import framewise_displacement_mm, rms_displacement_mm
from rtfmri.record.nifti import MAX_VOLUMES, header_bytes
from rtfmri.record.tables import Cell, Column, tabulate, write_table
from rtfmri.rigid import RigidTransform
from rtfmri.volume import Array, Grid, Image

AXES = ("x", "y", "z")
ABOUT = "of the head against the reference, RAS+, about the centroid of the reference's mask; the transform maps reference to volume"


@dataclass(frozen=True)
class Realigned:
    """One volume: where it was found (None: not at all), why it is flagged ("" where it is not), and what it cost."""

    index: int
    transform: RigidTransform | None
    flag: str = ""
    estimate_ms: float | None = None
    reslice_ms: float | None = None


def check_writable(*paths: Path | None) -> None:
    """Better now than after the last volume.

    Raises
    ------
    StudyError : a file cannot be written where it is asked for, or has the wrong ending.
    """
    problems = []
    for path in paths:
        if path is None:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            problems.append(f"{path} cannot be written ({error.strerror}); choose another place.")
        else:
            problems += [f"{path} is a folder; give the name of a file."] if path.is_dir() else []
    if problems:
        raise StudyError(*problems)


def matrices_of(found: Sequence[Realigned]) -> Array:
    """(N, 4, 4), RAS mm, reference -> volume; NaN where a volume is missing or was not found."""
    matrices = np.full((len(found), 4, 4), np.nan)
    for one in found:
        if one.transform is not None:
            matrices[one.index] = one.transform.matrix
    return matrices


class ReslicedSeries:
    """A 4D float32 NIfTI that is written as volumes come, in any order, through a scratch file beside it; a context manager."""

    def __init__(self, path: Path, grid: Grid) -> None:
        self._path, self.grid = path, grid
        self._bytes = 4 * math.prod(grid.shape)
        self._scratch: IO[bytes] = tempfile.TemporaryFile(dir=path.parent)  # noqa: SIM115  (closed on exit)

    def __enter__(self) -> ReslicedSeries:
        return self

    def __exit__(self, *_: object) -> None:
        self._scratch.close()

    def put(self, index: int, image: Image) -> None:
        """Volume ``index``; numbers that are never put stay zero."""
        self._scratch.seek(index * self._bytes)
        self._scratch.write(image.tobytes(order="F"))

    def finish(self, count: int, tr_s: float) -> None:
        """Write the file; called once.

        Raises
        ------
        StudyError : there are more volumes than NIfTI can hold.
        """
        if count > MAX_VOLUMES:
            raise StudyError(f"{self._path.name}: a NIfTI file holds at most {MAX_VOLUMES} volumes, the run has {count}.")
        self._scratch.truncate(count * self._bytes)
        self._scratch.seek(0)
        packed = self._path.name.endswith(".gz")
        with gzip.open(self._path, "wb", compresslevel=1) if packed else self._path.open("wb") as out:
            out.write(header_bytes(self.grid, count, tr_s))
            shutil.copyfileobj(self._scratch, out, 1 << 20)


def write_confounds(path: Path, found: Sequence[Realigned]) -> None:
    """fMRIPrep's names, one row a volume, n/a where there is no estimate; a JSON beside it says what each column is."""
    columns = [
        *(_parameter(f"trans_{axis}", f"Translation along {axis} {ABOUT}.", "mm", "trans_mm", i) for i, axis in enumerate(AXES)),
        *(_parameter(f"rot_{axis}", f"Rotation about {axis} (R = Rx Ry Rz) {ABOUT}.", "rad", "rot_rad", i) for i, axis in enumerate(AXES)),
        Column("framewise_displacement", "Power et al. 2012, with a radius of 50 mm, against the volume before.", lambda row: row[1], "mm"),
        Column("rmsd", "Jenkinson 1999, RMS displacement of a sphere of 80 mm, against the volume before.", lambda row: row[2], "mm"),
    ]
    write_table(path, tabulate(columns, _rows(found)))


Row = tuple[RigidTransform | None, float | None, float | None]  # where, framewise displacement, RMS displacement


def _rows(found: Sequence[Realigned]) -> list[Row]:
    """Displacement against the last volume that was surely found."""
    rows: list[Row] = []
    last: RigidTransform | None = None
    for one in found:
        here = one.transform
        if here is None or last is None:
            rows.append((here, None, None))
        else:
            rows.append((here, framewise_displacement_mm(last, here), rms_displacement_mm(last, here)))
        last = last if one.flag else here
    return rows


def _parameter(name: str, description: str, units: str, field: str, axis: int) -> Column[Row]:
    def value(row: Row) -> Cell:
        return None if row[0] is None else float(getattr(row[0], field)[axis])

    return Column(name, description, value, units)


def report(found: Sequence[Realigned], console: Console) -> None:
    """CPU time, the motion of the volumes that are not flagged, and which are."""
    table = Drawn(box=None, padding=(0, 2))
    for heading in ("CPU ms per volume", "median", "p95", "total"):
        table.add_column(heading, justify="left" if heading[0] == "C" else "right")
    for name, costs in (
        ("estimate, prefilter included", [one.estimate_ms for one in found if one.estimate_ms is not None]),
        ("reslice", [one.reslice_ms for one in found if one.reslice_ms is not None]),
    ):
        if costs:
            table.add_row(name, f"{np.median(costs):.2f}", f"{np.percentile(costs, 95):.2f}", f"{sum(costs):.0f}")
    console.print(table)
    console.print(_motion(found), soft_wrap=True)
    console.print(_flags(found), soft_wrap=True)


def _motion(found: Sequence[Realigned]) -> str:
    sure = [one for one in found if not one.flag]
    where = [one.transform for one in sure if one.transform is not None]
    if not where:
        return "Motion: no volume was surely found."
    furthest = max(rms_displacement_mm(RigidTransform(centre_mm=one.centre_mm), one) for one in where)
    steps = [row[1] for row in _rows(sure) if row[1] is not None]
    displaced = f"framewise displacement mean {np.mean(steps):.3f} mm, largest {max(steps):.3f} mm" if steps else "one volume"
    return f"Motion: at most {furthest:.2f} mm from the reference (RMS over 80 mm); {displaced}."


def _flags(found: Sequence[Realigned]) -> str:
    flagged = [one for one in found if one.flag]
    if not flagged:
        return f"Flagged: none of {len(found)} estimates."
    return f"Flagged: {len(flagged)} of {len(found)}, counted from 0: " + "; ".join(f"{one.index} ({one.flag})" for one in flagged) + "."
