"""Pulse and breathing beside a run: each volume's columns, and what they rest on.

Nothing here can hold a volume or end a run: without samples a volume has no columns. A volume that cannot be measured after all leaves no
trace in what follows (``published`` is not called for it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rtfmri.engine.physio_sources import Belt, Due, Live, Recorded, Source, columns_of
from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, Fault
from rtfmri.pipeline import Setup, State
from rtfmri.pipeline.physiology import PhysioColumns, moments_of
from rtfmri.pipeline.step import acquired_s
from rtfmri.record.layout import RunPaths
from rtfmri.record.physio import PhysioRecord, PhysioWriter, merged, read_physio, write_physio
from rtfmri.record.physio_run import recorded_physio, uses_of
from rtfmri.record.recorded import RecordedRun
from rtfmri.signals.physiology.feed import Feed, begin_feed, faults_of, volume_columns
from rtfmri.signals.physiology.plan import PhysioPlan, plan_physiology
from rtfmri.signals.physiology.stream import PhysioReading, warm_up
from rtfmri.study import Study
from rtfmri.volume import Missing, Volume

Origin = Belt | PhysioRecord  # live, or a replay's


class RunPhysiology:
    """Each volume's columns, in order, from the samples of one source."""

    def __init__(self, plan: PhysioPlan, source: Source) -> None:
        self._plan, self._source = plan, source
        self._feed = begin_feed(plan)
        self._now: tuple[Feed, PhysioReading] | None = None

    def columns_for(self, setup: Setup, state: State, item: Volume | Missing) -> PhysioColumns | None:
        """The item's columns; None where it is missing or no sample has come."""
        self._now = None
        if isinstance(item, Missing):
            return None
        told_s = acquired_s(state, item)
        since_s = item.index * setup.tr_s if told_s is None else told_s
        noticed_unix_s = None if item.arrival is None else item.arrival.noticed_unix_s
        self._feed, used = self._source.for_volume(self._feed, Due(item.index, since_s, setup.tr_s, noticed_unix_s))
        if used is None:
            return None
        self._now = volume_columns(self._plan, self._feed, used, since_s, moments_of(setup, state.standing, item))
        return PhysioColumns(self._now[1].columns, used)

    def published(self) -> tuple[Fault, ...]:
        """The item is out: what it taught is remembered; what the operator must know."""
        faults: tuple[Fault, ...] = ()
        if self._now is not None:
            self._feed, faults = faults_of(*self._now)
            self._now = None
        return (*faults, *self._source.settle())


def recorded_origin(study: Study, recorded: RecordedRun | None) -> PhysioRecord | None:
    """What a replay takes its samples from: the record of the run that it obeys, else the study's own files.

    Raises
    ------
    StudyError : a file is not there, damaged, or does not say what it must.
    """
    if study.physiology is None:
        return None
    record = None if recorded is None else recorded_physio(recorded.paths, recorded.envelopes)
    if record is None and study.physiology.files:
        record = merged([read_physio(path) for path in study.physiology.files])
    return record


@contextmanager
def run_physiology(study: Study, paths: RunPaths, origin: Origin | None, journalled: Sequence[Envelope]) -> Iterator[RunPhysiology | None]:
    """One run's physiology, where its study asks for it and there is where it comes from.

    Parameters
    ----------
    journalled : of a replay or a run that is resumed: what was decided.

    Raises
    ------
    StudyError : the samples of a run that is resumed are damaged or gone; a replay cannot write its copy of them.
    """
    rule = study.physiology
    if rule is None or origin is None:
        yield None
        return
    warm_up()
    uses = uses_of(journalled)
    if isinstance(origin, PhysioRecord):
        obeyed = uses if any(used is not None for used in uses.values()) else {}
        plan = plan_physiology(rule, origin.rate_hz, origin.columns)
        _keep(paths, origin)
        yield RunPhysiology(plan, Recorded(plan, rule, origin, obeyed))
        return
    with PhysioWriter(paths.physio_growing, columns_of(rule)) as writer:
        source = Live(rule, paths, origin, writer, uses)
        yield RunPhysiology(source.plan, source)


def _keep(paths: RunPaths, record: PhysioRecord) -> None:
    """A replay's record holds what it used, as any record does."""
    try:
        write_physio(paths.physio, record)
    except OSError as error:
        raise StudyError(f"{error.filename or paths.physio} cannot be written ({error.strerror}); free some space.") from None
