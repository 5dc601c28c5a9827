"""Open a run: check everything that can be refused, claim its place in the record, join journal, store and outlet to a ``Run``.

A run whose record was cut off (a journal without run_stop) is resumed: its recorded volumes go through the pipeline again without
being sent, and the run goes on with the number after them. Volumes that were journalled but whose raw data the crash lost are taken
from the source once more.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rtfmri.aftercare.client import Aftercare
from rtfmri.aftercare.client import Deliver as DeliverCare
from rtfmri.engine.announcements import Armed
from rtfmri.engine.following import Following
from rtfmri.engine.keeping import Keeping
from rtfmri.engine.materials import read_materials
from rtfmri.engine.outlet import Clocks, Outlet
from rtfmri.engine.participant import for_participant
from rtfmri.engine.parties import Beside
from rtfmri.engine.physiology import Origin, run_physiology
from rtfmri.engine.replay import decisions_of
from rtfmri.engine.run import HEARD, Run
from rtfmri.engine.user_function import user_function
from rtfmri.errors import StudyError
from rtfmri.messages import Confirmed, Entities, Envelope, VolumeMessage
from rtfmri.pipeline import warm_up
from rtfmri.record.journal import Journal, read_journal
from rtfmri.record.layout import RunPaths, claim
from rtfmri.record.outputs import write_setting
from rtfmri.record.recorded import NOT_RECORDED, RecordedRun
from rtfmri.sham.allot import allot, key_for
from rtfmri.sham.keeping import as_kept, keep
from rtfmri.signals.measures.function import Ask
from rtfmri.study import Study
from rtfmri.study.signal import UserFunction as UserFunctionRule
from rtfmri.volume import Missing, SourceItem

Deliver = Callable[[SourceItem], None]


@dataclass(frozen=True)
class Opened:
    """A run that is ready to be armed; ``first_index`` is above 0 where it is resumed."""

    run: Run
    paths: RunPaths
    first_index: int
    history: tuple[Envelope, ...]
    close: Callable[[], None]  # lets go of journal and volumes; the context's end does it at the latest
    rescued: Callable[[], tuple[Path, ...]]  # after that: where what the disk could not take was saved instead
    maps: Callable[[float], bool | None]  # after that, waiting so long at most: whether aftercare's maps are whole; None: not yet

    @property
    def mapped(self) -> bool:
        """Whether aftercare makes maps of it."""
        return self.maps is not _no_maps

    @property
    def armed_unix_s(self) -> float | None:
        """When a resumed run was first armed: older files are of earlier runs."""
        return self.history[0].sent_unix_s if self.history else None

    @property
    def resumed(self) -> bool:
        return bool(self.history)


@contextmanager
def opened(
    study: Study,
    entities: Entities,
    out: Path,
    publish: Callable[[Envelope], None],
    clocks: Clocks,
    live: Sequence[Envelope] = (),
    deliver: DeliverCare | None = None,
    belt: Origin | None = None,
    present: Callable[[], frozenset[str]] | None = None,
) -> Iterator[Opened]:
    """A run with its files open; they are closed at exit, whatever the run's end.

    Parameters
    ----------
    live : of a replay: the journal of the recorded run, whose decisions are obeyed.
    deliver : takes what aftercare has to tell, on a thread of its own; None: without aftercare.
    belt : where pulse and breathing come from, for a study that asks for them.
    present : names of the displays that are heard now; None: there can be none.

    Raises
    ------
    StudyError : before anything is written, in an operator's words.
    """
    kind = study.plan(entities).kind
    study = for_participant(study, entities, out)
    materials = read_materials(study)
    _refuse_provisional(study, kind)
    recorded = [envelope.message for envelope in live if isinstance(envelope.message, VolumeMessage)]
    allotted = allot(as_kept(study, RunPaths(out, entities)), entities, key_for(study), recorded)
    paths = claim(out, entities)
    history = read_journal(paths.journal) if paths.journal.exists() else ()
    warm_up(study.registration.order)
    write_setting(paths, study)
    keep(paths, allotted)
    uid = history[0].run_uid if history else f"{entities.label}_{uuid.uuid4().hex[:8]}"
    materials = replace(materials, inputs=replace(materials.inputs, control_weights=tuple(allotted.weights.values())))
    armed = Armed(study, kind, entities, materials, uid, allotted.to_wire, allotted.blind)
    with ExitStack() as files:
        journal = files.enter_context(Journal(paths.journal))
        store = files.enter_context(Keeping(paths, materials))
        outlet = Outlet(uid, journal, publish, clocks.unix, next_seq=len(history))
        care = files.enter_context(_cared(deliver)) if deliver and study.aftercare.enabled and not allotted.blind else None
        follower = None if care is None else Following(paths, store, care)
        ask = _asked(study, decisions_of((*live, *history)).late, bool(live), files)
        body = files.enter_context(run_physiology(study, paths, belt, (*live, *history)))
        run = Run(armed, outlet, store, clocks, Beside(follower, ask, body, present))
        first_index = _restore(run, paths, history) if history else 0
        maps = care.maps if care else _no_maps
        yield Opened(run, paths, first_index, history, files.close, lambda: _rescued(journal, store), maps)


@contextmanager
def _cared(deliver: DeliverCare) -> Iterator[Aftercare]:
    """Aftercare that goes on alone when the run is over, until the maps are written."""
    with Aftercare(deliver) as care:
        try:
            yield care
        finally:
            care.finish()


def _asked(study: Study, late: frozenset[int], replayed: bool, files: ExitStack) -> Ask | None:
    """The study's own function, where it has one; a replay waits for it and is late where the run was."""
    rule = study.signal.measure
    if not isinstance(rule, UserFunctionRule):
        return None
    return files.enter_context(user_function(rule.function, None if replayed else rule.time_limit_ms / 1e3, late))


def _no_maps(_timeout_s: float) -> bool | None:
    """Of a run without aftercare nothing is lost."""
    return True


def _rescued(journal: Journal, store: Keeping) -> tuple[Path, ...]:
    return tuple(path for path in (journal.rescued_to, store.rescued_to) if path is not None)


def _refuse_provisional(study: Study, kind: str) -> None:
    provisional = [roi.name for roi in study.roi if roi.is_provisional]
    if kind == "feedback" and provisional and not study.study.accept_provisional_by:
        raise StudyError(
            f"The regions {', '.join(provisional)} are provisional and this is a feedback run; "
            "confirm your own, or write study.accept_provisional_by = 'your name'."
        )


def _restore(run: Run, paths: RunPaths, history: tuple[Envelope, ...]) -> int:
    """Bring ``run`` to where the record ends; the index with which it goes on."""
    decisions = decisions_of(history)
    index = 0
    for item in RecordedRun.open(paths.journal).volumes():
        if isinstance(item, Missing) and item.reason == NOT_RECORDED:
            break
        for message in decisions.before.get(item.index, ()):
            run.pause_again(message)
        run.restore(item)
        index = item.index + 1
    for envelope in history:
        if isinstance(envelope.message, HEARD):
            run.heard_again(envelope.message)
    zeros = [envelope.message.scanner_zero_s for envelope in history if isinstance(envelope.message, Confirmed)]
    run.restored(zeros[-1] if zeros else None, -1 if decisions.last_index is None else decisions.last_index)
    return index
