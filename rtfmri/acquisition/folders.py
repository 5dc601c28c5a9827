"""Looking at a folder: which one it is, on what file system it lies, and which files are below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rtfmri.acquisition.cadence import kind_of_mount

MOUNTS = Path("/proc/self/mounts")


@dataclass(frozen=True)
class Identity:
    """Which folder this is; ``mounted``: it is the top of a share or disk."""

    device: int
    inode: int
    mounted: bool


def identity_of(root: Path) -> Identity | None:
    """None where there is no such folder, or it cannot be asked."""
    try:
        status = root.stat()
        return Identity(status.st_dev, status.st_ino, os.path.ismount(root)) if root.is_dir() else None
    except OSError:
        return None


def kind_of_folder(root: Path) -> str | None:
    """Its file system type; None where the system does not tell."""
    try:
        return kind_of_mount(str(root.resolve()), MOUNTS.read_text(errors="replace"))
    except OSError:  # not Linux
        return None


def hidden(path: str, root: Path) -> bool:
    """Whether a part of ``path`` below ``root`` starts with a dot."""
    return any(part.startswith(".") for part in os.path.relpath(path, root).split(os.sep))


def files_below(folder: str, problems: dict[str, str] | None = None) -> Iterator[str]:
    """Every file below ``folder`` whose name, and whose folders' names, do not start with a dot.

    ``problems`` gets the reason for each folder that is there but cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            listed = [entry for entry in entries if not entry.name.startswith(".")]
    except FileNotFoundError:  # it went away between two looks
        return
    except OSError as error:
        if problems is not None:
            problems[folder] = error.strerror or type(error).__name__
        return
    for entry in listed:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from files_below(entry.path, problems)
            elif entry.is_file():
                yield entry.path
        except OSError:
            continue
