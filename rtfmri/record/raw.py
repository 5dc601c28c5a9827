"""Every assembled volume, lossless: a 4D NIfTI that grows volume by volume and is compressed when the run is over.

The rules. Position in the file = the volume's index; what never came is zeros. While the run goes on there are two files:
``..._bold.nii`` and beside it ``..._bold.jsonl``, which gets one line per volume *after* the volume's voxels are on the disk, so a volume
with a line is whole. A line holds what differs from the line before: slice times, TR, affine. ``finish`` moves these lines into the
header (see ``nifti``), compresses, and removes the two files last. Nothing of a volume is kept but index, voxels, grid, TR and
slice times; acquisition times are in the journal, relative to time zero.
"""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from rtfmri.errors import StudyError
from rtfmri.record.durable import open_durable, write_at, write_json, write_whole
from rtfmri.record.nifti import COUNT_OFFSET, MAX_VOLUMES, header_bytes
from rtfmri.record.raw_reader import RawRecord, compressed, facts_path, read_facts, read_raw, recorded_any
from rtfmri.volume import Grid, Missing, Volume

__all__ = ["RawVolumes", "compress", "read_raw"]

CHUNK_BYTES = 1 << 20
GZIP_LEVEL = 1  # EPI noise does not compress much further


class RawVolumes:
    """Append volumes to ``path`` (``..._bold.nii``); an unfinished file of the same grid is continued.

    Where the disk fails, volumes wait in memory and every further append tries again to write all of them: ``failed`` is the last
    error, None when all are on disk. What still waits at the end goes to ``rescued_to``, a file of the same kind in the
    ``fallback`` folder (the temporary folder by default).
    """

    def __init__(self, path: Path, grid: Grid, tr_s: float, fallback: Path | None = None) -> None:
        self.path = path
        self.failed: OSError | None = None
        self.rescued_to: Path | None = None
        self._grid, self._tr_s, self._fallback = grid, tr_s, fallback
        self._header = header_bytes(grid, 0, tr_s, {"tr_s": tr_s})
        self._volume_bytes = 4 * grid.shape[0] * grid.shape[1] * grid.shape[2]
        self._pending: list[Volume | Missing] = []
        self._voxels: int | None = None
        self._facts: int | None = None
        self._facts_end = 0
        self._count = 0
        self._last: dict[str, Any] = {"tr_s": tr_s, "affine": grid.affine.tolist(), "slice_times_s": None}
        if recorded_any(path):
            self._continue()

    def __enter__(self) -> RawVolumes:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def data_offset(self) -> int:
        """Where the first volume's voxels begin, in bytes."""
        return len(self._header)

    @property
    def waiting(self) -> int:
        """Volumes that are in memory only."""
        return len(self._pending)

    def append(self, item: Volume | Missing) -> None:
        """Write a volume at its index and sync it, or leave zeros for a missing one; see ``failed``."""
        if isinstance(item, Volume) and item.grid.shape != self._grid.shape:
            raise ValueError(f"a volume of {item.grid.shape} does not belong into a record of {self._grid.shape}")
        if item.index >= MAX_VOLUMES:
            raise ValueError(f"a NIfTI-1 file holds at most {MAX_VOLUMES} volumes")
        self._pending.append(item)
        self._write_pending()

    def close(self) -> None:
        """Try a last time, rescue what still waits, let go of the files. Never raises for a disk."""
        if self._pending:
            self._write_pending()
        if self._pending:
            self._rescue()
        self._let_go()

    def finish(self) -> Path:
        """Compress what was recorded and write its BIDS sidecar; the path of the record.

        Where the disk fails the uncompressed files stay as they are, ``failed`` says why, and their path is returned.
        """
        self.close()
        if self.failed or not recorded_any(self.path):
            return self.path
        try:
            return compress(self.path)
        except OSError as error:
            self.failed = error
            return self.path

    def _continue(self) -> None:
        """Take up the files that a crash left; a volume without its line is written anew."""
        earlier = read_raw(self.path)
        if earlier.grid.difference_mm(self._grid) > 0 or earlier.tr_s != self._tr_s:
            raise StudyError(f"{self.path} was begun with another grid or TR; record under another run number.")
        self._count = max(earlier.facts, default=-1) + 1
        facts, self._facts_end = read_facts(facts_path(self.path))
        for line in facts:
            self._last |= line
        self._last.pop("index", None)

    def _write_pending(self) -> None:
        try:
            self._open()
            while self._pending:
                self._write(self._pending[0])
                self._pending.pop(0)
        except OSError as error:
            self.failed = error
            self._let_go()
            return
        self.failed = None

    def _open(self) -> None:
        if self._voxels is None:
            self._voxels = open_durable(self.path)
            self._facts = open_durable(facts_path(self.path))
            write_at(self._voxels, self._header, 0)
            self._set_count(self._count)

    def _write(self, item: Volume | Missing) -> None:
        assert self._voxels is not None  # opened just before
        if isinstance(item, Volume):
            write_at(self._voxels, item.data.tobytes(order="F"), self._offset(item.index))
        self._set_count(max(self._count, item.index + 1))
        os.fsync(self._voxels)
        if isinstance(item, Volume):
            self._write_fact(item)

    def _write_fact(self, volume: Volume) -> None:
        assert self._facts is not None  # opened just before
        now = {"tr_s": volume.tr_s, "affine": volume.grid.affine.tolist(), "slice_times_s": _plain(volume.slice_times_s)}
        line = {"index": volume.index} | {key: value for key, value in now.items() if value != self._last[key]}
        content = json.dumps(line).encode() + b"\n"
        write_at(self._facts, content, self._facts_end)
        os.fsync(self._facts)
        self._facts_end += len(content)
        self._last = now

    def _offset(self, index: int) -> int:
        return len(self._header) + index * self._volume_bytes

    def _set_count(self, count: int) -> None:
        """Make file and header agree on ``count`` volumes, whatever was or was not written."""
        assert self._voxels is not None  # opened just before
        os.ftruncate(self._voxels, self._offset(count))
        write_at(self._voxels, struct.pack("<h", count), COUNT_OFFSET)
        self._count = count

    def _rescue(self) -> None:
        try:
            folder = Path(tempfile.mkdtemp(prefix="rtfmri_rescued_", dir=self._fallback))
        except OSError as error:
            self.failed = error
            return
        with RawVolumes(folder / self.path.name, self._grid, self._tr_s) as rescue:
            for item in self._pending:
                rescue.append(item)
            if rescue.failed is None:
                self.rescued_to = rescue.path

    def _let_go(self) -> None:
        for descriptor in (self._voxels, self._facts):
            if descriptor is not None:
                os.close(descriptor)
        self._voxels = self._facts = None


def compress(path: Path) -> Path:
    """``..._bold.nii`` with its lines -> ``..._bold.nii.gz`` and ``..._bold.json``; the first two are removed last.

    Raises
    ------
    StudyError : ``path`` is no record of volumes.
    OSError : the disk failed; the two files are still there.
    """
    raw = read_raw(path)
    lines, _ = read_facts(facts_path(path))
    finished = compressed(path)
    write_json(finished.with_name(finished.name.replace(".nii.gz", ".json")), _sidecar(path.name, raw.tr_s, lines))
    write_whole(finished, _gzipped(raw, header_bytes(raw.grid, raw.count, raw.tr_s, {"tr_s": raw.tr_s, "volumes": lines})))
    path.unlink()
    facts_path(path).unlink()
    return finished


def _gzipped(raw: RawRecord, header: bytes) -> Iterator[bytes]:
    packer = zlib.compressobj(GZIP_LEVEL, wbits=31)  # 31: with gzip's own header, which holds neither name nor time
    yield packer.compress(header)
    left = raw.count * raw.volume_bytes
    with raw.path.open("rb") as stream:
        stream.seek(raw.data_offset)
        while chunk := stream.read(min(left, CHUNK_BYTES)):
            yield packer.compress(chunk)
            left -= len(chunk)
    yield packer.compress(bytes(left))  # zeros, should a power cut have kept the header but not the file's length
    yield packer.flush()


def _sidecar(name: str, tr_s: float, lines: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The BIDS sidecar. Slice times are those of the first volume; the header holds those of every volume."""
    task = re.search(r"_task-([A-Za-z0-9]+)_", name)
    slice_times_s = next((line["slice_times_s"] for line in lines if line.get("slice_times_s")), None)
    sidecar: dict[str, Any] = {"TaskName": task[1]} if task else {}
    sidecar["RepetitionTime"] = tr_s
    if slice_times_s:
        sidecar["SliceTiming"] = slice_times_s
    return sidecar


def _plain(slice_times_s: tuple[float, ...] | None) -> list[float] | None:
    return None if slice_times_s is None else list(slice_times_s)
