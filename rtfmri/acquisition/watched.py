"""A folder that a scanner writes into, as a mouth of a live run: what is noticed there, once it is complete."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rtfmri.acquisition.arrivals import Arrivals, Spoilt
from rtfmri.acquisition.folders import files_below
from rtfmri.acquisition.intake import Opened
from rtfmri.acquisition.live import Arrived, OpenFile
from rtfmri.acquisition.watch import FolderWatch
from rtfmri.errors import StudyError
from rtfmri.volume import SourceFault

STALLED_S = 5.0  # a file that ends too early and has not grown for so long is given up


class WatchedFolder:
    """A mouth.

    Parameters
    ----------
    folder : what the scanner writes into; sub-folders count.
    poll_s : a file of which the system says nothing is noticed within so long; None: as the folder's file system asks for.
    ignore_existing : files that are there at the start are not of the run.
    not_before_unix_s : with ``ignore_existing=False`` (a resumed run), files last changed before it are of earlier runs: ignored.
    stalled_s : how long a file may be too short, without growing, until it is given up.
    """

    def __init__(
        self,
        folder: Path,
        *,
        poll_s: float | None = None,
        ignore_existing: bool = True,
        not_before_unix_s: float | None = None,
        stalled_s: float = STALLED_S,
    ) -> None:
        self._folder, self._stalled_s = folder, stalled_s
        self._not_before_unix_s = math.inf if ignore_existing else (not_before_unix_s or 0.0)
        self._watch = FolderWatch(folder, poll_s)
        self._arrivals: Arrivals[Opened]
        self._told: set[tuple[str, str, str]] = set()

    @contextmanager
    def opened(self, open_file: OpenFile, wake: Callable[[], None]) -> Iterator[WatchedFolder]:
        """Watch.

        Raises
        ------
        StudyError : there is no such folder.
        """
        if not self._folder.is_dir():
            raise StudyError(f"The folder {self._folder} is not there; make it, or correct --watch, before the scanner starts.")
        self._arrivals = Arrivals(open_file, settle_s=self._watch.cadence.settle_s, stalled_s=self._stalled_s)
        with self._watch.armed(wake):
            self._arrivals.ignore(files_below(str(self._folder)), self._not_before_unix_s)
            yield self

    def deadline(self) -> float | None:
        """The next listing, or the next look at a file."""
        looks_s = self._arrivals.deadline()
        return self._watch.due_s if looks_s is None else min(looks_s, self._watch.due_s)

    def arrived(self) -> Iterator[Arrived | SourceFault]:
        """Files that are complete by now, and what will never be."""
        for hint in self._watch.hints():
            self._arrivals.hint(hint)
        if time.perf_counter() >= self._watch.due_s:
            paths, faults = self._watch.rescan()
            yield from faults
            self._arrivals.rescan(paths, time.perf_counter())
        for arrival in self._arrivals.due(time.perf_counter()):
            if isinstance(arrival, Spoilt):
                yield from self._untold(arrival)
            else:
                unix_s = arrival.noticed_unix_s or time.time() - (time.perf_counter() - arrival.noticed_s)
                yield Arrived(arrival.content, arrival.noticed_s, unix_s, os.path.basename(arrival.path))

    def _untold(self, spoilt: Spoilt) -> Iterator[SourceFault]:
        """Once for each truncated file; for anything else once for each kind of name in a folder, for there may be thousands."""
        name = os.path.basename(spoilt.path)
        pattern = (os.path.dirname(spoilt.path), name if spoilt.truncated else os.path.splitext(name)[1], spoilt.reason)
        if pattern not in self._told:
            self._told.add(pattern)
            advice = "Look at the export; the file is not complete." if spoilt.truncated else ""
            code = "truncated" if spoilt.truncated else "unusable_file"
            yield SourceFault(code, f"the file {name} is ignored: {spoilt.reason}", advice)
