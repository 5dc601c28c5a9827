"""A recorded source through the same run as live, obeying what time decided when it was live.

What time decided is in the journal: which numbers were given up as missing, between which volumes a pause began or ended, and where the
run was cut short. ``decisions_of`` reads it; ``replay`` feeds volumes and pauses in the recorded order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from rtfmri.engine.run import Run
from rtfmri.messages import Envelope, Operator, Pause, VolumeMessage
from rtfmri.volume import EndOfSource, Missing, SourceItem, Volume


@dataclass(frozen=True)
class Decisions:
    """What a recorded run decided by time; empty for a source that was never live."""

    missing: dict[int, str] = field(default_factory=dict)  # index -> reason
    before: dict[int, tuple[Pause | Operator, ...]] = field(default_factory=dict)  # pauses that came before a volume
    late: frozenset[int] = frozenset()  # volumes for which a lab's own function was late
    last_index: int | None = None


def decisions_of(envelopes: Sequence[Envelope]) -> Decisions:
    """The decisions in a journal."""
    missing: dict[int, str] = {}
    before: dict[int, tuple[Pause | Operator, ...]] = {}
    waiting: list[Pause | Operator] = []
    late: set[int] = set()
    last_index: int | None = None
    for envelope in envelopes:
        message = envelope.message
        if isinstance(message, Pause) or (isinstance(message, Operator) and message.action in ("pause", "resume")):
            waiting.append(message)
        elif isinstance(message, VolumeMessage):
            last_index = message.index
            if message.late:
                late.add(message.index)
            if message.validity == "missing":
                missing[message.index] = message.why
            if waiting:
                before[message.index] = tuple(waiting)
                waiting = []
    return Decisions(missing, before, frozenset(late), last_index)


def replay(
    run: Run, items: Iterable[SourceItem], decisions: Decisions, pace: Callable[[Volume], None], said: SimpleQueue[object] | None = None
) -> None:
    """Take every item of a recorded source, in order, to the run's end.

    ``pace`` is called before each volume and may wait, so that a run can be watched at its own speed. ``said`` is what aftercare has
    told meanwhile.
    """
    run.open()
    end = EndOfSource("the recorded source ended before the planned volumes")
    for item in items:
        if isinstance(item, EndOfSource):
            end = item
            break
        if isinstance(item, Volume | Missing):
            if decisions.last_index is not None and item.index > decisions.last_index:
                break
            for message in decisions.before.get(item.index, ()):
                run.take(message)
            item = _obeyed(item, decisions)
        if isinstance(item, Volume):
            pace(item)
        run.take(item)
        while said is not None and not said.empty():
            run.take(said.get())
    run.take(end)


def _obeyed(item: Volume | Missing, decisions: Decisions) -> Volume | Missing:
    """A number that was given up live is given up again, in the same words."""
    reason = decisions.missing.get(item.index)
    return item if reason is None else Missing(item.index, reason)
