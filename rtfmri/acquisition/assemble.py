"""Decoded volumes in any order -> every volume number once, in order. Pure: no clock, no files; the time is passed in.

Rules, for a volume number whose turn it is:
* its volume is here: it goes out at once;
* its file was refused (unreadable, another grid or TR than the run's): it goes out as ``Missing``;
* a later volume has been whole, or was refused, ``missing_after_tr`` TR ago: it goes out as ``Missing``;
* a live run gave it up (``obey_missing``): it goes out as ``Missing``, whatever files there are now.
What comes after its turn (a straggler, a duplicate) is a ``SourceFault`` and never a volume; nothing is ever numbered anew. The first
whole file sets grid and TR for the run. Indices are 0-based; sentences give the scanner's number, which is one more.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from rtfmri.volume import Grid, Missing, SourceFault, SourceItem, Volume

SAME_GRID_MM = 0.05
SAME_TR_S = 1e-4
FARTHEST = 10_000  # a number so far beyond the one awaited is a damaged header


@dataclass(frozen=True)
class _Waiting:
    item: Volume | Missing
    since_s: float


@dataclass(frozen=True)
class _Run:
    """What the first accepted volume says of the run."""

    grid: Grid
    tr_s: float


class Assembler:
    """One run's order of volumes.

    Parameters
    ----------
    missing_after_tr : how many TR after a later volume is whole a gap is given up.
    first_index : numbers below it are ignored (a resumed run).
    obey_missing : indices that the live run gave up; replaying obeys.
    what_came : asked when a gap is given up: what there is of that volume, as a sentence; None if there is nothing.
    """

    def __init__(
        self,
        *,
        missing_after_tr: float,
        first_index: int = 0,
        obey_missing: frozenset[int] = frozenset(),
        what_came: Callable[[int], str | None] = lambda _: None,
    ) -> None:
        self._what_came = what_came
        self._missing_after_tr = missing_after_tr
        self._first = self._next = first_index
        self._obey = obey_missing
        self._waiting: dict[int, _Waiting] = {}
        self._prints: dict[int, int] = {}  # of every volume that is waiting or out, to tell duplicates apart
        self._run: _Run | None = None

    def add(self, volume: Volume, now_s: float) -> list[SourceItem]:
        """A decoded volume has come."""
        index = volume.index
        if index < self._first or index in self._obey:
            return self.tick(now_s)
        refusal = self._refusal(volume)
        if refusal is not None:
            return [refusal, *self.refuse(index, refusal.text, now_s)]
        self._run = self._run or _Run(volume.grid, volume.tr_s)  # a straggler tells grid and TR as well as any
        repetition = self._repetition(volume)
        if repetition is not None:
            return [repetition, *self.tick(now_s)]
        self._prints[index] = _print_of(volume)
        refused = self._waiting.get(index)
        self._waiting[index] = _Waiting(volume, refused.since_s if refused else now_s)  # a deadline that was given is kept
        return self.tick(now_s)

    def refuse(self, index: int, reason: str, now_s: float) -> list[SourceItem]:
        """The file of ``index`` cannot be used: unless a good one comes before, it ends as missing when its turn comes."""
        if self._next <= index <= self._next + FARTHEST and index not in self._waiting:
            self._waiting[index] = _Waiting(Missing(index, reason), now_s)
        return self.tick(now_s)

    def tick(self, now_s: float) -> list[SourceItem]:
        """What is due at ``now_s``."""
        out: list[SourceItem] = []
        while True:
            if self._next in self._obey:
                out.append(Missing(self._next, f"volume {self._next + 1} was given up in the live run"))
            elif self._next in self._waiting:
                out.append(self._waiting[self._next].item)
            elif self._gap_is_due(now_s):
                reason = self._what_came(self._next) or f"volume {self._next + 1} did not come, and later ones did"
                out.append(Missing(self._next, reason))
            else:
                return out
            self._waiting.pop(self._next, None)
            self._next += 1

    def deadline(self) -> float | None:
        """When ``tick`` must be called next, if nothing comes before; None: never."""
        if not self._waiting or self._run is None:
            return None
        return min(waiting.since_s for waiting in self._waiting.values()) + self._missing_after_tr * self._run.tr_s

    def finish(self, now_s: float) -> list[SourceItem]:
        """The run is over: everything that still waits, and the gaps before it."""
        out = self.tick(now_s)
        while self._waiting:
            out.append(Missing(self._next, f"volume {self._next + 1} did not come"))
            self._next += 1
            out += self.tick(now_s)
        return out

    def _gap_is_due(self, now_s: float) -> bool:
        deadline = self.deadline()
        return deadline is not None and now_s >= deadline

    def _refusal(self, volume: Volume) -> SourceFault | None:
        """Why this volume cannot be of this run."""
        index, run = volume.index, self._run
        if index > self._next + FARTHEST:
            text = f"a file says that it is volume {index + 1}, far beyond {self._next + 1}, which is awaited: it is left out"
            return SourceFault("absurd_number", text, "Check the export; its header is damaged.", index=index)
        if run is None:
            return None
        if abs(volume.tr_s - run.tr_s) > SAME_TR_S:
            text = f"volume {index + 1} has a TR of {volume.tr_s:g} s, the run one of {run.tr_s:g} s: it is left out"
            return SourceFault("tr_changed", text, "Was another protocol started? Stop, and arm again for it.", index=index)
        apart_mm = volume.grid.difference_mm(run.grid)
        if apart_mm > SAME_GRID_MM:
            text = f"volume {index + 1} {_how_other(volume.grid, run.grid, apart_mm)}: it is left out"
            return SourceFault("grid_changed", text, "Was another protocol started? Stop, and arm again for it.", index=index)
        return None

    def _repetition(self, volume: Volume) -> SourceFault | None:
        """What to say of a number that was here before, or is past."""
        index, number = volume.index, volume.index + 1
        if index in self._prints:
            if self._prints[index] == _print_of(volume):
                return SourceFault("duplicate", f"volume {number} came twice, the same both times: the first counts", "", "info", index)
            text = f"volume {number} came twice with different content: the first counts"
            return SourceFault("duplicate_differs", text, "Do two series go into this folder?", index=index)
        if index < self._next:
            text = f"volume {number} came after it had been given up: it stays missing"
            return SourceFault("straggler", text, "If this recurs, raise acquisition.missing_after_tr in the study.", index=index)
        return None


def _print_of(volume: Volume) -> int:
    """A checksum of what was measured; equal for equal data."""
    return zlib.crc32(repr(volume.acquired_s).encode(), zlib.crc32(volume.data.data))


def _how_other(grid: Grid, run: Grid, apart_mm: float) -> str:
    if grid.shape != run.shape:
        return f"has {' x '.join(map(str, grid.shape))} voxels, the run {' x '.join(map(str, run.shape))}"
    return f"lies {apart_mm:.2g} mm elsewhere than the run's first"
