"""A folder that a scanner writes into, as a run: watch -> decode -> assemble -> deliver, on one thread of its own.

The thread wakes on an event, on the next rescan, or when the assembler or a half-written file has its deadline; it never just sleeps.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from rtfmri.acquisition.arrivals import Arrivals, Spoilt, Whole
from rtfmri.acquisition.assemble import Assembler
from rtfmri.acquisition.files import read
from rtfmri.acquisition.headers import Header
from rtfmri.acquisition.series import SeriesChooser
from rtfmri.acquisition.vendors import decode, decoder_for
from rtfmri.acquisition.watch import FolderWatch, files_below
from rtfmri.errors import IncompleteError, StudyError, VolumeError
from rtfmri.study import Acquisition, SeriesRule
from rtfmri.volume import Arrival, EndOfSource, SourceFault, SourceItem, Volume

STALLED_S = 5.0  # a file that ends too early and has not grown for so long is given up
JOIN_S = 5.0
SCAN_SHARE = 0.8  # of ``poll_s`` between two listings; the rest lies between the two looks at a file that nobody closed


@dataclass(frozen=True, eq=False)
class _Opened:
    """What one complete file turned out to be: a volume of the run, or why it is none."""

    volume: Volume | None = None
    index: int | None = None  # of a file of the run that cannot be used
    fault: SourceFault | None = None
    decode_s: float = 0.0


class LiveFolder:
    """Delivers the volumes of one run, in order, as they come; a context manager that owns the acquisition thread.

    Parameters
    ----------
    folder : what the scanner writes into; sub-folders count.
    rule : which series is the run.
    settings : ``missing_after_tr`` is used.
    deliver : called on the acquisition thread for each item, in order; it must not block for long.
    poll_s : a file of which the system says nothing is noticed within so long.
    ignore_existing : files that are there at the start are not of the run.
    not_before_unix_s : with ``ignore_existing=False`` (a resumed run), files last changed before it are of earlier runs: ignored.
    first_index : volumes before it are ignored (a resumed run).
    stalled_s : how long a file may be too short, without growing, until it is given up.

    Raises
    ------
    StudyError : on entering, if there is no such folder.
    """

    def __init__(
        self,
        folder: Path,
        rule: SeriesRule,
        settings: Acquisition,
        deliver: Callable[[SourceItem], None],
        *,
        poll_s: float = 0.05,
        ignore_existing: bool = True,
        not_before_unix_s: float | None = None,
        first_index: int = 0,
        stalled_s: float = STALLED_S,
    ) -> None:
        self._folder, self._deliver = folder, deliver
        self._scan_s = poll_s * SCAN_SHARE
        self._not_before_unix_s = math.inf if ignore_existing else (not_before_unix_s or 0.0)
        self._watch = FolderWatch(folder)
        self._arrivals = Arrivals(self._open, settle_s=poll_s * (1 - SCAN_SHARE), stalled_s=stalled_s)
        self._chooser = SeriesChooser(rule)
        self._assembler = Assembler(missing_after_tr=settings.missing_after_tr, first_index=first_index)
        self._told: set[tuple[str, str, str]] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="acquisition", daemon=True)

    def __enter__(self) -> LiveFolder:
        if not self._folder.is_dir():
            raise StudyError(f"The folder {self._folder} is not there; make it, or correct --watch, before the scanner starts.")
        self._watch.__enter__()
        self._arrivals.ignore(files_below(str(self._folder)), self._not_before_unix_s)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop within ``JOIN_S``; volumes that still waited for an earlier one are delivered first."""
        self._stop.set()
        self._watch.wake()
        self._thread.join(JOIN_S)
        self._watch.__exit__(kind, error, trace)

    def _run(self) -> None:
        try:
            if not self._watch.native:
                text = "this system gives no file events here: the folder is listed again and again instead"
                self._deliver(SourceFault("no_events", text, severity="info"))
            next_scan_s = time.perf_counter()
            while not self._stop.is_set():
                next_scan_s = self._turn(next_scan_s)
            self._hand_on(self._assembler.finish(time.perf_counter()))
        except Exception as error:  # a bug: whoever listens must know that no more will come
            self._deliver(EndOfSource(f"acquisition stopped on an internal error: {type(error).__name__}: {error}", failed=True))

    def _turn(self, next_scan_s: float) -> float:
        """Wait for whatever is next and deal with it; returns when to list the folder again."""
        wake_s = min(at for at in (next_scan_s, self._arrivals.deadline(), self._assembler.deadline()) if at is not None)
        hint = self._watch.next(wake_s - time.perf_counter())
        if hint is not None:
            self._arrivals.hint(hint)
        if time.perf_counter() >= next_scan_s:
            paths, fault = self._watch.rescan()
            self._tell(fault)
            self._arrivals.rescan(paths, time.perf_counter())
            next_scan_s = time.perf_counter() + self._scan_s
        for arrival in self._arrivals.due(time.perf_counter()):
            self._receive(arrival)
        self._hand_on(self._assembler.tick(time.perf_counter()))
        return next_scan_s

    def _open(self, data: bytes, settled: bool) -> _Opened:
        """Called with the bytes of a file: the volume, or what is wrong with it."""
        started_s = time.perf_counter()
        image = read(data)
        wanted, fault = self._chooser.judge(image.header)
        if not wanted:
            return _Opened(fault=fault)
        try:
            volume = decode(image)
        except VolumeError as error:
            return _Opened(index=_index_of(image.header), fault=SourceFault("unreadable", f"a file of the run is refused: {error}"))
        if not settled and not volume.data.any(axis=(0, 1)).all():
            raise IncompleteError("it has slices without any signal; it may still be being written")
        return _Opened(volume, decode_s=time.perf_counter() - started_s)

    def _receive(self, arrival: Whole[_Opened] | Spoilt) -> None:
        now_s = time.perf_counter()
        if isinstance(arrival, Spoilt):
            self._tell_spoilt(arrival)
            return
        opened = arrival.content
        if opened.volume is not None:
            unix_s = arrival.noticed_unix_s or time.time() - (now_s - arrival.noticed_s)
            stamped = replace(opened.volume, arrival=Arrival(unix_s, arrival.noticed_s, opened.decode_s))
            self._hand_on(self._assembler.add(stamped, now_s))
            return
        self._tell(opened.fault)
        if opened.index is not None and opened.fault is not None:
            self._hand_on(self._assembler.refuse(opened.index, opened.fault.text, now_s))

    def _hand_on(self, items: list[SourceItem]) -> None:
        for item in items:
            if isinstance(item, Volume) and item.arrival is not None:
                arrival = item.arrival
                waited_s = time.perf_counter() - arrival.noticed_s - arrival.decode_s
                item = replace(item, arrival=replace(arrival, assemble_s=waited_s))
            self._deliver(item)

    def _tell(self, fault: SourceFault | None) -> None:
        if fault is not None:
            self._deliver(fault)

    def _tell_spoilt(self, spoilt: Spoilt) -> None:
        """Once for each truncated file; for anything else once for each kind of name in a folder, for there may be thousands."""
        name = os.path.basename(spoilt.path)
        pattern = (os.path.dirname(spoilt.path), name if spoilt.truncated else os.path.splitext(name)[1], spoilt.reason)
        if pattern not in self._told:
            self._told.add(pattern)
            advice = "Look at the export; the file is not complete." if spoilt.truncated else ""
            code = "truncated" if spoilt.truncated else "unusable_file"
            self._deliver(SourceFault(code, f"the file {name} is ignored: {spoilt.reason}", advice))


def _index_of(header: Header) -> int | None:
    decoder = decoder_for(header)
    try:
        return decoder.index_of(header) if decoder else None
    except VolumeError:
        return None
