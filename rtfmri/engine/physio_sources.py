"""Whence a volume has its samples of pulse and breathing: from what comes live, or from a file.

What time decides is decided once: a volume that is in the journal has the samples and the time zero that stand there; one that is not takes
what has come (live), or what a file holds up to the volume's own end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rtfmri.engine.faults import physio_refused, physio_silent, physio_store_fault
from rtfmri.errors import StudyError
from rtfmri.messages import Fault
from rtfmri.record.layout import RunPaths
from rtfmri.record.physio import PhysioRecord, PhysioWriter, read_growing
from rtfmri.record.physio_run import Began, read_began, write_began
from rtfmri.signals.physiology.feed import Feed, Used, as_if_live, live, up_to, with_rows
from rtfmri.signals.physiology.plan import PhysioPlan, plan_physiology
from rtfmri.stream.physio_rows import Rows, all_placed
from rtfmri.stream.physio_wire import PhysioBatch
from rtfmri.study.physiology import Physiology
from rtfmri.volume import Array


class Belt(Protocol):
    """What comes live; see ``stream/physio.py``."""

    def take(self) -> list[PhysioBatch]: ...


@dataclass(frozen=True)
class Due:
    """A volume that asks for its samples: it began ``acquired_s`` after time zero and was there at ``noticed_unix_s``."""

    index: int
    acquired_s: float
    tr_s: float
    noticed_unix_s: float | None


class Source(Protocol):
    def for_volume(self, feed: Feed, due: Due) -> tuple[Feed, Used | None]:
        """The feed with the samples that the volume uses; None: it has none."""
        ...

    def settle(self) -> tuple[Fault, ...]:
        """The volume is out: what may wait is done now, and what is wrong is told."""
        ...


class Recorded:
    """Samples that are all there: of a recorded run (``uses`` by index), or of a file that was never live (``uses`` empty)."""

    def __init__(self, plan: PhysioPlan, rule: Physiology, record: PhysioRecord, uses: Mapping[int, Used | None]) -> None:
        self._plan, self._uses, self._record = plan, uses, record
        self._signals = [record.column(name) for name in (rule.cardiac, rule.respiratory, rule.trigger)]

    def for_volume(self, feed: Feed, due: Due) -> tuple[Feed, Used | None]:
        used = self._uses.get(due.index) if self._uses else self._by_time(feed, due)
        return (feed, None) if used is None else (up_to(self._plan, feed, used, *self._signals), used)

    def settle(self) -> tuple[Fault, ...]:
        return ()

    def _by_time(self, feed: Feed, due: Due) -> Used:
        used = as_if_live(self._plan, self._record.start_s, due.acquired_s + due.tr_s, len(self._record.samples))
        return Used(max(used.samples, feed.state.samples), used.zero_s)  # a volume that is told late uses no fewer


class Live:
    """Samples as they come, kept on the disk; of a run that is resumed, first those that were recorded."""

    def __init__(self, rule: Physiology, paths: RunPaths, belt: Belt, writer: PhysioWriter, uses: Mapping[int, Used | None]) -> None:
        self.plan = plan_physiology(rule, rule.rate_hz, columns_of(rule))
        self._rule, self._paths, self._belt, self._writer, self._uses = rule, paths, belt, writer, uses
        self._rows = Rows(columns_of(rule), rule.rate_hz)
        self._waiting: Array = np.empty((0, len(self._rows.names)))  # placed and not used yet
        self._unsaved: Began | None = None
        self._store_failed = False
        self._to_tell: list[Fault] = []
        self._told: set[str] = set()
        self._recorded = self._resumed()

    def for_volume(self, feed: Feed, due: Due) -> tuple[Feed, Used | None]:
        if due.index in self._uses:
            return self._again(feed, self._uses[due.index])
        self._take()
        complete_s = None if due.noticed_unix_s is None else self._rows.row_time_s(due.noticed_unix_s)
        if complete_s is None:
            self._tell_once(physio_silent(self._rule.address or ""))
            return feed, None
        new, self._waiting = np.concatenate([self._recorded[feed.state.samples :], self._waiting]), self._waiting[:0]
        self._recorded = self._recorded[:0]
        feed = with_rows(self.plan, feed, new[:, 0], new[:, 1], new[:, 2])
        return live(feed, complete_s, due.acquired_s, due.tr_s, self._rule.pulses_before)

    def settle(self) -> tuple[Fault, ...]:
        self._writer.sync()
        failed = self._save_began() or self._writer.failed
        if (failed is not None) != self._store_failed:
            self._store_failed = failed is not None
            self._to_tell.append(physio_store_fault(failed))
        faults, self._to_tell = tuple(self._to_tell), []
        return faults

    def _again(self, feed: Feed, used: Used | None) -> tuple[Feed, Used | None]:
        if used is None:
            return feed, None
        return up_to(self.plan, feed, used, *(np.ascontiguousarray(signal) for signal in self._recorded.T)), used

    def _take(self) -> None:
        """What has come is in the file before a volume may use it; the disk itself is waited for later (``settle``)."""
        first = self._rows.counted_from is None
        self._rows, rows, why = all_placed(self._rows, self._belt.take())
        if why:
            self._tell_once(physio_refused(why))
        if first and self._rows.counted_from is not None:
            self._unsaved = Began(self._rows.rate_hz, self._rows.names, self._rows.counted_from, self._rows.zero_clock_s)
            self._save_began()
        self._writer.append(rows)
        self._waiting = np.concatenate([self._waiting, rows])

    def _save_began(self) -> OSError | None:
        """Before any row is written, and again with each volume where the disk fails."""
        if self._unsaved is None:
            return None
        try:
            write_began(self._paths, self._unsaved)
        except OSError as error:
            return error
        self._unsaved = None
        return None

    def _tell_once(self, fault: Fault) -> None:
        """Once for each reason, whatever number stands in it."""
        reason = re.sub(r"[\d.]+", "", fault.text)
        if reason not in self._told:
            self._told.add(reason)
            self._to_tell.append(fault)

    def _resumed(self) -> Array:
        """The rows of the run so far, where it is resumed; those that the crash lost are not known."""
        least = max((used.samples for used in self._uses.values() if used is not None), default=0)
        began = read_began(self._paths)
        if began is None and least == 0:
            return self._waiting
        if began is None or (began.rate_hz, began.columns) != (self._rows.rate_hz, self._rows.names):
            raise StudyError(
                "The run began with another [physiology], or its samples are gone; resume it with the study that it began with, "
                "or begin a new run."
            )
        rows = read_growing(self._paths.physio_growing, began.columns)
        lost = np.full((max(0, least - len(rows)), len(began.columns)), np.nan)  # by a power cut
        self._writer.append(lost)
        self._rows = Rows(began.columns, began.rate_hz, len(rows) + len(lost), began.counted_from, began.zero_clock_s)
        return np.concatenate([rows, lost])


def columns_of(rule: Physiology) -> tuple[str, str, str]:
    return rule.cardiac, rule.respiratory, rule.trigger
