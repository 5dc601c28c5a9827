"""Which noticed files are complete. Time is passed in; files are only looked at (stat) and read.

Rules:
* a file whose writer closed it or renamed it into place is read at once; any other one after two looks that find the same size and time;
* a file that is shorter than it says is looked at again until it has not changed for ``stalled_s``; then it is told of as spoilt;
* a file that changed while it was read is read again;
* the same file under another name (renamed, hard-linked) is the same file; a file that changes after it was taken is a new one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from rtfmri.acquisition.watch import Hint
from rtfmri.errors import IncompleteError, VolumeError

T = TypeVar("T")
RECHECKED = 200  # how many of the files already taken are looked at again in each rescan, in turn

Stamp = tuple[object, int, int]  # which file (device and inode; its path where the file system has none), size, time of change in ns


@dataclass(frozen=True)
class Whole(Generic[T]):
    """A complete file, as ``open_file`` made it of its bytes."""

    path: str
    content: T
    noticed_s: float
    noticed_unix_s: float | None  # None: noticed at a look, not by an event


@dataclass(frozen=True)
class Spoilt:
    """A file that cannot be used; ``truncated``: it never became as long as it says."""

    path: str
    reason: str
    truncated: bool


@dataclass(frozen=True)
class _Pending:
    stamp: Stamp | None
    look_s: float
    give_up_s: float
    hint: Hint | None = None  # its writer is done with it
    too_short: bool = False  # it was read at this stamp


class Arrivals(Generic[T]):
    """Files on their way.

    Parameters
    ----------
    open_file : (bytes, settled) -> content; raises ``IncompleteError`` to wait for more, ``VolumeError`` to refuse. ``settled`` says
        that no more is to be expected: its writer is done with it, or it has not changed for ``stalled_s``.
    settle_s : between two looks at a file that nobody was seen to close.
    stalled_s : after so long without a change an incomplete file is given up.
    """

    def __init__(self, open_file: Callable[[bytes, bool], T], *, settle_s: float, stalled_s: float) -> None:
        self._open_file, self._settle_s, self._stalled_s = open_file, settle_s, stalled_s
        self._pending: dict[str, _Pending] = {}
        self._taken: dict[str, Stamp] = {}
        self._stamps: set[Stamp] = set()
        self._turn = 0

    def ignore(self, paths: Iterable[str], before_unix_s: float) -> None:
        """Those of these files that last changed before ``before_unix_s`` are not wanted, as they are now."""
        for path in paths:
            stamp = stamp_of(path)
            if stamp is not None and stamp[2] < before_unix_s * 1e9:
                self._take(path, stamp)

    def hint(self, hint: Hint) -> None:
        """An event was seen."""
        if hint.settled:
            pending = self._pending.get(hint.path) or _Pending(None, hint.noticed_s, hint.noticed_s + self._stalled_s)
            self._pending[hint.path] = replace(pending, look_s=hint.noticed_s, hint=hint)
        elif hint.path not in self._pending:
            self._pending[hint.path] = _Pending(None, hint.noticed_s, hint.noticed_s + self._stalled_s)

    def rescan(self, paths: list[str], now_s: float) -> None:
        """The folder was listed."""
        known = [path for path in paths if path in self._taken]
        rechecked = [known[(self._turn + i) % len(known)] for i in range(min(RECHECKED, len(known)))]
        self._turn += RECHECKED
        changed = [path for path in rechecked if stamp_of(path) not in (None, self._taken[path])]
        for path in [*(path for path in paths if path not in self._taken), *changed]:
            self._pending.setdefault(path, _Pending(None, now_s, now_s + self._stalled_s))

    def deadline(self) -> float | None:
        """When the next look is due."""
        return min((pending.look_s for pending in self._pending.values()), default=None)

    def due(self, now_s: float) -> Iterator[Whole[T] | Spoilt]:
        """Look at every file whose time has come; what is complete, or never will be, in the order of noticing."""
        for path in [path for path, pending in self._pending.items() if pending.look_s <= now_s]:
            found = self._look(path, self._pending.pop(path), now_s)
            if isinstance(found, _Pending):
                self._pending[path] = found
            elif found is not None:
                yield found

    def _look(self, path: str, pending: _Pending, now_s: float) -> Whole[T] | Spoilt | _Pending | None:
        stamp = stamp_of(path)
        if stamp is None:  # it has gone
            return None
        if stamp in self._stamps:
            self._take(path, stamp)
            return None
        changed = stamp != pending.stamp
        if changed:
            pending = replace(pending, stamp=stamp, give_up_s=now_s + self._stalled_s, too_short=False)
        last = not changed and now_s >= pending.give_up_s
        if not last and ((changed and pending.hint is None) or pending.too_short):
            return replace(pending, look_s=min(now_s + self._settle_s, pending.give_up_s))
        return self._read(path, pending, stamp, now_s, last)

    def _read(self, path: str, pending: _Pending, stamp: Stamp, now_s: float, last: bool) -> Whole[T] | Spoilt | _Pending | None:
        again = replace(pending, look_s=min(now_s + self._settle_s, pending.give_up_s), hint=None, too_short=True)
        try:
            content = self._open_file(Path(path).read_bytes(), last or pending.hint is not None)
        except IncompleteError as error:
            return self._spoil(path, stamp, str(error), True) if last else again
        except VolumeError as error:
            return self._spoil(path, stamp, str(error), False)
        except FileNotFoundError:
            return None
        except OSError as error:  # a share that stutters, or no permission
            return self._spoil(path, stamp, f"it cannot be read ({error.strerror})", False) if last else replace(again, too_short=False)
        if stamp_of(path) not in (None, stamp):
            return replace(again, too_short=False)
        self._take(path, stamp)
        hint = pending.hint
        return Whole(path, content, hint.noticed_s if hint else now_s, hint.noticed_unix_s if hint else None)

    def _spoil(self, path: str, stamp: Stamp, reason: str, truncated: bool) -> Spoilt:
        self._take(path, stamp)
        return Spoilt(path, reason, truncated)

    def _take(self, path: str, stamp: Stamp) -> None:
        self._taken[path] = stamp
        self._stamps.add(stamp)


def stamp_of(path: str) -> Stamp | None:
    """What tells a file and its state; None where there is no such file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    which = (status.st_dev, status.st_ino) if status.st_ino else path
    return which, status.st_size, status.st_mtime_ns
