"""Reading recorded volumes again, bit for bit: from a finished record, a running one, or one that a crash cut off."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.record.nifti import Header, read_header
from rtfmri.volume import Array, Grid, Volume


@dataclass(frozen=True, eq=False)
class Fact:
    """What is kept of a volume beside its voxels."""

    grid: Grid
    tr_s: float
    slice_times_s: tuple[float, ...] | None


@dataclass(frozen=True, eq=False)
class RawRecord:
    """A recorded series: ``facts`` by index of every volume that is whole; ``count`` includes the missing ones."""

    path: Path
    grid: Grid
    tr_s: float
    count: int
    data_offset: int
    volume_bytes: int
    facts: dict[int, Fact]

    def read(self, indices: Iterable[int] | None = None) -> Iterator[Volume | None]:
        """The volumes with these indices (quickest when rising; all whole ones by default), None for one that is not there.

        Raises
        ------
        StudyError : the file is damaged.
        """
        try:
            with _open(self.path) as stream:
                for index in self.facts if indices is None else indices:
                    yield self._volume(stream, index)
                stream.read()  # to the end, where gzip compares its checksum
        except (OSError, EOFError, zlib.error) as error:
            raise StudyError(f"{self.path} is damaged ({error}); use a copy of it.") from None

    def _volume(self, stream: BinaryIO, index: int) -> Volume | None:
        if index not in self.facts:
            return None
        stream.seek(self.data_offset + index * self.volume_bytes)
        content = stream.read(self.volume_bytes)
        if len(content) < self.volume_bytes:
            return None
        fact = self.facts[index]
        voxels = np.frombuffer(content, dtype="<f4").reshape(self.grid.shape, order="F")
        return Volume(index, np.ascontiguousarray(voxels, dtype=np.float32), fact.grid, fact.tr_s, slice_times_s=fact.slice_times_s)


def read_raw(path: Path) -> RawRecord:
    """Open ``..._bold.nii.gz``, or ``..._bold.nii`` of a run that goes on or was cut off; the finished one where both are there.

    Raises
    ------
    StudyError : neither is there, or it was not written by a run.
    """
    finished = compressed(path)
    path = finished if finished.exists() else facts_path(path).with_suffix(".nii")
    try:
        with _open(path) as stream:
            header = read_header(stream)
        lines = header.exact["volumes"] if path == finished else read_facts(facts_path(path))[0]
    except (OSError, EOFError, zlib.error, ValueError, KeyError) as error:
        raise StudyError(f"The recorded volumes {path} cannot be read ({error}); a record needs them to be computed again.") from None
    facts = _unfold(header, lines)
    tr_s = float(header.exact["tr_s"])
    return RawRecord(path, header.grid, tr_s, header.count, header.data_offset, header.volume_bytes, facts)


def recorded_any(path: Path) -> bool:
    """Whether there is a finished file, or a growing one with at least one whole volume."""
    facts = facts_path(path)
    return compressed(path).exists() or (facts.exists() and facts.stat().st_size > 0)


def read_facts(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines beside a growing file, without a torn last one, and the number of sound bytes.

    Raises
    ------
    OSError : the file cannot be read.
    ValueError : a line before the last is damaged.
    """
    content = path.read_bytes()
    lines = content.split(b"\n")[:-1]
    facts: list[dict[str, Any]] = []
    length = 0
    for number, line in enumerate(lines, start=1):
        try:
            facts.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise ValueError(f"line {number} of {path.name} is damaged") from None
            break  # its end reached the disk before its beginning did
        length += len(line) + 1
    return facts, length


def compressed(path: Path) -> Path:
    """The finished file's path, from it or from the growing one."""
    return path if path.name.endswith(".nii.gz") else path.with_name(f"{path.name}.gz")


def facts_path(path: Path) -> Path:
    """The lines beside the growing file, from its path or the finished one's."""
    return path.with_name(path.name.removesuffix(".gz").removesuffix(".nii") + ".jsonl")


def _unfold(header: Header, lines: list[dict[str, Any]]) -> dict[int, Fact]:
    """Lines hold only what changed; the volume recorded last under an index counts."""
    facts: dict[int, Fact] = {}
    now: dict[str, Any] = {"tr_s": header.exact["tr_s"], "affine": header.exact["affine"], "slice_times_s": None}
    grid = header.grid
    for line in lines:
        now = now | line
        if "affine" in line:
            affine: Array = np.array(now["affine"], dtype=np.float64)
            grid = Grid(header.grid.shape, affine)
        times = now["slice_times_s"]
        facts[now["index"]] = Fact(grid, float(now["tr_s"]), None if times is None else tuple(float(t) for t in times))
    return facts


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path, "rb")) if path.name.endswith(".gz") else path.open("rb")
