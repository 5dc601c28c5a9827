"""How often a folder must be listed, from the kind of file system that it lies on. Pure; the table of mounts is passed in.

Rule: on a local disk the system tells of every file, and the listing only makes sure; on a share (NFS, SMB, FUSE), or where the system
gives no events, other computers' files are found by nothing but the listing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

POLL_S = 0.05  # a complete file is noticed within so long where there are no events
LOCAL_SCAN_S = 0.5
SCAN_SHARE = 0.8  # of the time to notice a file: between two listings; the rest lies between the two looks at a file that nobody closed
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ncpfs", "davfs", "autofs"})
CLUSTER = frozenset({"ceph", "lustre", "glusterfs", "beegfs", "gpfs", "pvfs2", "orangefs"})
HOST = frozenset({"9p", "virtiofs", "vboxsf", "prl_fs", "drvfs"})  # of a virtual machine
SHARES = NETWORK | CLUSTER | HOST


@dataclass(frozen=True)
class Cadence:
    """``scan_s`` between two listings; ``settle_s`` between two looks at a file that nobody was seen to close."""

    scan_s: float
    settle_s: float


def cadence_of(poll_s: float | None, told_of_everything: bool) -> Cadence:
    """``poll_s``: what the operator asked for, if anything; ``told_of_everything``: a local disk whose events are armed."""
    within_s = POLL_S if poll_s is None else poll_s
    relaxed = poll_s is None and told_of_everything
    return Cadence(LOCAL_SCAN_S if relaxed else within_s * SCAN_SHARE, within_s * (1 - SCAN_SHARE))


def is_share(kind: str | None) -> bool:
    """Whether others may write there unseen; a kind that is not known counts as a share."""
    return kind is None or kind in SHARES or kind.startswith("fuse")


def kind_of_mount(path: str, mounts: str) -> str | None:
    """The file system type at an absolute, resolved ``path``, from the text of /proc/self/mounts (man 5 fstab); None: not known."""
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = PurePosixPath(_unescaped(fields[1]))
        if PurePosixPath(path).is_relative_to(point) and (found is None or len(point.parts) >= found[0]):  # the last mount hides earlier
            found = len(point.parts), fields[2]
    return found[1] if found else None


def _unescaped(text: str) -> str:
    """Spaces, tabs, line ends and backslashes are written as octal numbers there."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
