"""The folder that the scanner writes into: is it there, readable, local or a share, and does anything come?"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from rtfmri.acquisition.cadence import is_share
from rtfmri.acquisition.folders import files_below, kind_of_folder
from rtfmri.preflight.check import Check, ago

FRESH_S = 1800.0  # a file of this session is not older
SLOW_LISTING_S = 0.5  # a listing that takes longer delays every volume
AHEAD_S = 5.0  # a file that is younger than this clock's now by more was stamped by a clock that differs


@dataclass(frozen=True)
class Folder:
    """``problem``: why it cannot be read; ``kind``: its file system's type; ``paths``: newest first, with their ages in seconds."""

    path: Path
    problem: str = ""
    kind: str | None = None
    paths: tuple[tuple[Path, float], ...] = ()
    listing_s: float = 0.0

    @property
    def newest_s(self) -> float | None:
        """Age of the newest file."""
        return self.paths[0][1] if self.paths else None


def read_folder(path: Path, now_unix_s: float) -> Folder:
    """List the folder once; nothing is opened."""
    if not path.is_dir():
        return Folder(path, "is not there" if not path.exists() else "is no folder")
    began_s = time.monotonic()
    problems: dict[str, str] = {}
    found = [Path(name) for name in files_below(str(path), problems)]
    listing_s = time.monotonic() - began_s
    problem = problems.get(str(path), "")
    aged = sorted(
        ((file, age) for file in found if (age := _age_s(file, now_unix_s)) is not None), key=lambda item: (item[1], str(item[0]))
    )
    return Folder(path, f"cannot be read ({problem})" if problem else "", kind_of_folder(path), tuple(aged), listing_s)


def _age_s(file: Path, now_unix_s: float) -> float | None:
    try:
        return now_unix_s - os.stat(file).st_mtime
    except OSError:  # it went away meanwhile
        return None


def scanner_checks(folder: Folder | None, listen: int | None) -> tuple[Check, ...]:
    """``folder`` None: none is watched."""
    if folder is None:
        if listen is None:
            return (Check("scanner", "failed", "Nothing says where the images come from.", "Give --watch FOLDER, --listen PORT, or both."),)
        return (Check("scanner", "unknown", f"Images come over the network on port {listen}; none is heard before the session runs."),)
    if folder.problem:
        advice = "Mount the scanner's share, or correct the folder."
        return (Check("scanner folder", "failed", f"{folder.path} {folder.problem}.", advice),)
    return (_readable(folder), _fresh(folder))


def _readable(folder: Folder) -> Check:
    place = f"on a network share ({folder.kind or 'kind not known'})" if is_share(folder.kind) else "on a local disk"
    said = f"{folder.path} can be read; {_count(len(folder.paths))}, {place}"
    if folder.listing_s > SLOW_LISTING_S:
        advice = "Let the scanner write into an empty folder; each volume waits for such a listing."
        return Check("scanner folder", "warning", f"{said}, but listing it takes {folder.listing_s:.1f} s.", advice)
    return Check("scanner folder", "ok", f"{said}.")


def _fresh(folder: Folder) -> Check:
    newest_s, prove = folder.newest_s, "Scan a localizer and look here again; is the export switched on?"
    if newest_s is None:
        return Check("fresh files", "unknown", "The folder is empty: nothing has come from the scanner yet.", prove)
    if newest_s < -AHEAD_S:
        advice = "Set the clocks of scanner, share and this computer alike."
        return Check("fresh files", "warning", f"The newest file is dated {ago(-newest_s)} from now.", advice)
    if newest_s > FRESH_S:
        return Check("fresh files", "warning", f"The newest file is {ago(newest_s)} old: nothing of this session has come.", prove)
    return Check("fresh files", "ok", f"The newest file came {ago(max(0.0, newest_s))} ago.")


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files:,} files"
