"""Physiology as BIDS has it: ``_physio.tsv.gz`` without a head line, and a JSON beside it with SamplingFrequency, StartTime and Columns.

Reading takes any BIDS file. Writing keeps what a run received live: while the run goes on, rows of float64 in a growing file of their own;
at its end the compressed table, whose numbers give back the same bits. Nothing of the belt's program but columns and rate is kept.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.record.durable import open_durable, write_at, write_json, write_whole
from rtfmri.volume import Array

ENDING = "_physio.tsv.gz"
AT_ONCE = 20_000  # rows that are written as text at once
UNITS = "arbitrary"


@dataclass(frozen=True, eq=False)
class PhysioRecord:
    """``samples`` (n, columns), NaN where not known; row 0 is at ``start_s``, seconds from the first stored volume's start."""

    rate_hz: float
    start_s: float
    columns: tuple[str, ...]
    samples: Array

    def column(self, name: str) -> Array:
        """One column (n,); NaN throughout where there is none of this name."""
        if name not in self.columns:
            return np.full(len(self.samples), np.nan)
        return np.ascontiguousarray(self.samples[:, self.columns.index(name)])


def read_physio(path: Path) -> PhysioRecord:
    """A BIDS physio file and its sidecar.

    Raises
    ------
    StudyError : one of them is not there, damaged, or does not say what it must.
    """
    sidecar = path.with_name(path.name.removesuffix(".gz").removesuffix(".tsv") + ".json")
    rate_hz, start_s, columns = _said(sidecar)
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
            rows = [line.split() for line in stream if line.strip()]
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise StudyError(f"The physiology {path} cannot be read ({_reason(error)}); put a whole BIDS physio file there.") from None
    wrong = next((number for number, row in enumerate(rows, start=1) if len(row) != len(columns)), None)
    if wrong is not None:
        raise StudyError(
            f"The physiology {path} has not {len(columns)} columns in line {wrong}, as its JSON says; correct the one that errs."
        )
    try:
        samples = np.array([[np.nan if cell == "n/a" else float(cell) for cell in row] for row in rows], dtype=np.float64)
    except ValueError as error:
        raise StudyError(f"The physiology {path} holds what is no number ({error}); a BIDS physio file has no head line.") from None
    samples = samples.reshape(-1, len(columns))
    samples[~np.isfinite(samples)] = np.nan
    return PhysioRecord(rate_hz, start_s, columns, samples)


def merged(records: Sequence[PhysioRecord]) -> PhysioRecord:
    """Recordings of their own rates as one: at the highest rate, each sample in the nearest row, NaN between them. At least one record.

    Raises
    ------
    StudyError : two of them have a column of the same name.
    """
    names = tuple(name for record in records for name in record.columns)
    if len(set(names)) < len(names):
        raise StudyError(f"The physiology files have the column {max(names, key=names.count)} twice; name files with different columns.")
    rate_hz, start_s = max(record.rate_hz for record in records), min(record.start_s for record in records)
    places = [
        np.rint((record.start_s - start_s + np.arange(len(record.samples)) / record.rate_hz) * rate_hz).astype(np.intp)
        for record in records
    ]
    samples = np.full((max((int(place[-1]) + 1 for place in places if len(place)), default=0), len(names)), np.nan)
    first = 0
    for record, place in zip(records, places, strict=True):
        samples[place, first : first + len(record.columns)] = record.samples
        first += len(record.columns)
    return PhysioRecord(rate_hz, start_s, names, samples)


def _said(sidecar: Path) -> tuple[float, float, tuple[str, ...]]:
    try:
        plain: Any = json.loads(sidecar.read_text(encoding="utf-8"))
        rate_hz, start_s = float(plain["SamplingFrequency"]), float(plain.get("StartTime", 0.0))
        columns = tuple(str(name) for name in plain["Columns"])
    except OSError as error:
        raise StudyError(f"{sidecar} cannot be read ({_reason(error)}); a BIDS physio file has this JSON beside it.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StudyError(f"{sidecar} must give SamplingFrequency (samples per second), StartTime (s) and Columns (their names).") from None
    if not (0 < rate_hz < 1e5 and np.isfinite(start_s)) or not columns or len(set(columns)) < len(columns):
        raise StudyError(f"{sidecar}: SamplingFrequency must be above 0, StartTime a number, and Columns different names.")
    return rate_hz, start_s, columns


class PhysioWriter:
    """Context manager: rows received live, appended to ``growing`` (synced by ``sync``). A disk that fails is noted and stops no run."""

    def __init__(self, growing: Path, columns: tuple[str, ...]) -> None:
        self.failed: OSError | None = None
        self._growing, self._columns = growing, columns
        self._descriptor: int | None = None
        self._unwritten: list[Array] = []
        self._bytes = 0
        self._synced = True

    def __enter__(self) -> PhysioWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.append(np.empty((0, len(self._columns))))
        self.sync()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def append(self, rows: Array) -> None:
        """Write ``rows`` (n, columns), and what an earlier failure left; ``failed`` says whether all is on the disk."""
        if len(rows):
            self._unwritten.append(rows)
        if not self._unwritten:
            return
        content = np.ascontiguousarray(np.concatenate(self._unwritten), dtype="<f8").tobytes()
        try:
            if self._descriptor is None:
                self._descriptor = open_durable(self._growing)
                self._bytes = self._whole_rows(os.fstat(self._descriptor).st_size)
            write_at(self._descriptor, content, self._bytes)
        except OSError as error:
            self.failed = error
            return
        self.failed, self._unwritten = None, []
        self._bytes += len(content)
        self._synced = False

    def sync(self) -> None:
        """Wait until the disk itself has them."""
        if self._descriptor is None or self._synced:
            return
        try:
            os.fsync(self._descriptor)
            self._synced = True
        except OSError as error:
            self.failed = error

    def _whole_rows(self, size: int) -> int:
        """Where to go on after a crash, which may have left part of a row."""
        return size - size % (8 * len(self._columns))


def read_growing(growing: Path, columns: tuple[str, ...]) -> Array:
    """The rows (n, columns) of an unfinished run; none where there is no file."""
    content = growing.read_bytes() if growing.exists() else b""
    whole = len(content) - len(content) % (8 * len(columns))
    return np.frombuffer(content[:whole], dtype="<f8").reshape(-1, len(columns)).astype(np.float64)


def write_physio(path: Path, record: PhysioRecord) -> None:
    """The table at ``path`` (``..._physio.tsv.gz``) and its sidecar; the same bytes from the same record.

    Raises
    ------
    OSError : a file cannot be written.
    """
    write_whole(path, compressed(record.samples))
    described = {name: {"Units": UNITS} for name in record.columns}
    said = {"SamplingFrequency": record.rate_hz, "StartTime": record.start_s, "Columns": list(record.columns)}
    write_json(path.with_name(path.name.removesuffix(".tsv.gz") + ".json"), said | described)


def compressed(samples: Array) -> Iterator[bytes]:
    """Rows (n, columns) as the pieces of a ``.tsv.gz``: no head line, ``n/a`` for NaN; the same bytes from the same numbers."""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, 31)  # a gzip head without name and time
    for first in range(0, len(samples), AT_ONCE):
        lines = ("\t".join(_text(value) for value in row) + "\n" for row in samples[first : first + AT_ONCE].tolist())
        yield squeeze.compress("".join(lines).encode())
    yield squeeze.flush()


def _text(value: float) -> str:
    return "n/a" if value != value else repr(value).removesuffix(".0")


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)).lower() if isinstance(error, OSError) else str(error)
