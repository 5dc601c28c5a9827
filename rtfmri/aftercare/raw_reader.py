"""Reads volumes from the run's record while the engine appends them; see ``job.RawFile``.

By pread, not by mapping: a file that is cut off must not kill the reader. The growing file stays open once it was found, so what the engine
compresses and removes after the run can still be read. A reader that comes too late for it, because the run was over before this process
had started, reads the compressed record from its beginning.
"""

from __future__ import annotations

import gzip
import os
import struct
from typing import BinaryIO, cast

import numpy as np

from rtfmri.aftercare.job import RawFile
from rtfmri.volume import Image

_OFFSET_AT = 108  # in a NIfTI-1 header: where the voxels begin, a float32


class RawReader:
    """Ask for ascending indices: the compressed record is read forward only."""

    def __init__(self, raw: RawFile) -> None:
        self._raw = raw
        self._growing: int | None = None
        self._compressed: BinaryIO | None = None
        self._begin = 0  # of the compressed record's voxels

    def read(self, index: int) -> Image | None:
        """float32 (X, Y, Z) of volume ``index``; None while it is not in the file."""
        try:
            content = self._bytes(index)
        except (OSError, EOFError):
            return None
        if len(content) < self._raw.volume_bytes:
            return None
        return np.ascontiguousarray(np.frombuffer(content, "<f4").reshape(self._raw.grid.shape, order="F"))

    def _bytes(self, index: int) -> bytes:
        size = self._raw.volume_bytes
        if self._growing is None and self._compressed is None:
            self._open()
        if self._growing is not None:
            return os.pread(self._growing, size, self._raw.data_offset + index * size)
        assert self._compressed is not None
        self._compressed.seek(self._begin + index * size)
        return self._compressed.read(size)

    def _open(self) -> None:
        try:
            self._growing = os.open(self._raw.path, os.O_RDONLY)
        except FileNotFoundError:
            self._compressed = cast(BinaryIO, gzip.open(self._raw.compressed))  # noqa: SIM115  (closed by close)
            self._begin = int(struct.unpack_from("<f", self._compressed.read(_OFFSET_AT + 4), _OFFSET_AT)[0])

    def close(self) -> None:
        if self._growing is not None:
            os.close(self._growing)
        if self._compressed is not None:
            self._compressed.close()
        self._growing = self._compressed = None
