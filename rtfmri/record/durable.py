"""Writing that survives: every byte of it, on the disk itself, or an OSError.

``write_at`` writes at a known place, so a second try after a failure overwrites what the first left half done. Whole files are written
beside their place and renamed into it: a reader sees the old file or the new one, never a half.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def open_durable(path: Path) -> int:
    """A file descriptor to read and write ``path``; the file is created where it is absent, its name synced to the disk.

    Raises
    ------
    OSError : the folder or the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    sync_folder(path.parent)
    return descriptor


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of ``content`` at byte ``offset``; the caller syncs.

    Raises
    ------
    OSError : the disk is full, gone or broken; part of the content may have been written.
    """
    left = memoryview(content)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written


def write_whole(path: Path, pieces: Iterable[bytes]) -> None:
    """Write ``path`` in one step as others see it: a file beside it, synced, then renamed over it.

    Raises
    ------
    OSError : nothing was changed at ``path``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as stream:
            for piece in pieces:
                stream.write(piece)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, plain: dict[str, Any]) -> None:
    """Write plain data as readable JSON; see ``write_whole``."""
    write_whole(path, [(json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()])


def sync_folder(folder: Path) -> None:
    """Make names created or renamed in ``folder`` last; file systems that cannot (some network shares) are left as they are."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError:
        return  # the file's own sync has succeeded or will say so
    finally:
        os.close(descriptor)
