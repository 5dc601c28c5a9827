"""One run, from arm to exactly one run_stop, whatever happens in between.

The rule: every volume number ends as exactly one ``volume`` message, in order: journalled, then published, then its raw voxels kept.
``take`` is given one item at a time by the live loop or by replay and is the same code for both; a bug ends the run as failed, with
everything recorded so far.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rtfmri.engine.announcements import Armed, confirmed, run_start, run_stop
from rtfmri.engine.deadlines import Deadlines, Due
from rtfmri.engine.displays import FromDisplays, after, displays_of, presence
from rtfmri.engine.faults import earlier_found, questions_open, questions_unanswered, silence_fault, unusable_fault
from rtfmri.engine.latencies import published_of, queue_ms
from rtfmri.engine.outlet import Clocks, Outlet
from rtfmri.engine.parties import Beside, Store
from rtfmri.engine.pauses import paused_after
from rtfmri.engine.saving import Saving
from rtfmri.errors import StudyError, VolumeError
from rtfmri.lifecycle import Event, RunState, advance
from rtfmri.messages import DisplayReport, Fault, Operator, Pause, Picture, Quality, Rating, RunStop, Shown, VolumeMessage
from rtfmri.pipeline import Setup, State, begin, step
from rtfmri.volume import EndOfSource, Missing, SourceFault, Volume

HEARD = (Shown, Rating, Pause)
PLANNED_END = "the last planned volume came"


class Run:
    """The state of one run and what each kind of item does to it."""

    def __init__(self, armed: Armed, outlet: Outlet, store: Store, clocks: Clocks, beside: Beside | None = None) -> None:
        self.armed = armed
        self.state = RunState.IDLE
        self.stop: RunStop | None = None
        self._journalled_to = -1  # of a resumed run: volumes up to here were published before the crash
        self._outlet, self._store, self._clocks = outlet, store, clocks
        self._beside = beside or Beside()
        self._setup: Setup | None = None
        self._pipeline: State | None = None
        self._before_first: list[Missing] = []  # numbers given up before the first volume brought TR and grid
        self._paused_by: frozenset[str] = frozenset()
        self._heard_before: set[object] = set()  # of a resumed run: a display sends again what it does not know to have arrived
        self._counts = dict.fromkeys(("planned", "received", "ok", "settling", "held", "missing", "published", "faults"), 0)
        self._deadlines = Deadlines(armed.study.acquisition.silence_s)
        self._displays = displays_of(armed.study.display_settings())
        self._saving = Saving(store, outlet.send)
        self._takes: dict[type, Callable[[Any], object]] = {
            Volume: self._take_volume,
            Missing: self._take_missing,
            SourceFault: self._take_source_fault,
            EndOfSource: self._take_end,
            Pause: self._take_pause,
            Operator: self._take_operator,
            Shown: self._take_from_display,
            Rating: self._take_from_display,
            DisplayReport: self._take_from_display,
            Fault: outlet.send,
            Picture: outlet.send,
            Quality: outlet.send,
        }

    @property
    def ended(self) -> bool:
        return self.state is RunState.ENDED

    @property
    def _planned_are_done(self) -> bool:
        return self._deadlines.ends_at_s is not None

    @property
    def volumes_done(self) -> int:
        return sum(self._counts[validity] for validity in ("ok", "settling", "held", "missing"))

    def open(self, resumed: bool = False) -> None:
        """Arm: send run_start, so that displays are ready before the first trigger."""
        self.state = advance(self.state, Event.ARM)
        self._outlet.send(run_start(self.armed, self._clocks.unix(), resumed))
        if self._setup is not None and self._pipeline is not None:  # restored before it was opened
            self.state = advance(self.state, Event.FIRST_VOLUME)
            self._deadlines = self._deadlines.volume_came(self._clocks.monotonic())
            self._outlet.send(confirmed(self._setup, self._pipeline.zero_s))
            self._end_after(self._journalled_to)

    def take(self, item: object) -> None:
        """One item from acquisition, a display or the operator."""
        if self.ended or (isinstance(item, HEARD) and item in self._heard_before):
            return
        try:
            self._takes[type(item)](item)
        except StudyError as error:
            self._end(Event.FAILURE, "; ".join(error.problems))
        except Exception as error:
            self._end(Event.FAILURE, f"an error in rtfmri itself: {type(error).__name__}: {error}")
            raise

    def wait_s(self) -> float:
        """How long the loop may wait for the next item until ``tick`` has something to do."""
        return self._deadlines.wait_s(self._clocks.monotonic())

    def tick(self) -> None:
        """What time alone brings: the alarm, the end by silence, the end after the last planned volume."""
        if self.ended:
            return
        now_s = self._clocks.monotonic()
        due, silent_s = self._deadlines.due(now_s), now_s - (self._deadlines.last_volume_s or now_s)
        if due is Due.PLANNED_END:
            if self._displays.answers_within_s:
                self._outlet.send(questions_unanswered(sorted(self._displays.open)))
            self._end(Event.LAST_PLANNED_VOLUME, PLANNED_END)
        elif due is Due.SILENCE:
            self._end(Event.SILENCE, f"no volume for {silent_s:.0f} s")
        elif due is Due.ALARM:
            self._deadlines = replace(self._deadlines, alarmed=True)
            self._outlet.send(silence_fault(silent_s))

    def interrupt(self, reason: str) -> None:
        """Stop now, whatever the state; does nothing to a run that has ended."""
        if self.state in (RunState.ARMED, RunState.RUNNING):
            self._end(Event.STOP, reason)

    def fail(self, reason: str) -> None:
        if self.state in (RunState.ARMED, RunState.RUNNING):
            self._end(Event.FAILURE, reason)

    def restore(self, item: Volume | Missing) -> None:
        """Take a volume of a run that is being resumed: the state follows, nothing is written or sent again."""
        if self._setup is None and isinstance(item, Volume):
            self._store.open(self._begin(item)[0])
            for missing in self._before_first:
                self._restore_one(missing)
        if self._setup is None:
            assert isinstance(item, Missing)
            self._before_first.append(item)
        else:
            self._restore_one(item)

    def restored(self, scanner_zero_s: float | None, last_index: int) -> None:
        """All recorded volumes are restored: go on by the scanner's own clock; messages up to ``last_index`` are out already."""
        if self._pipeline is not None:
            self._pipeline = replace(self._pipeline, zero_s=scanner_zero_s)
        self._journalled_to = last_index

    def pause_again(self, message: Pause | Operator) -> None:
        """A pause or its end, of a run that is being resumed."""
        self._paused_by = paused_after(self._paused_by, message)

    def heard_again(self, message: Shown | Rating | Pause) -> None:
        """What a display had said, of a run that is being resumed."""
        self._heard_before.add(message)
        if isinstance(message, Rating):
            self._displays, _ = after(self._displays, message)

    # --- what each item does ---

    def _take_volume(self, volume: Volume) -> None:
        if self._planned_are_done:
            return  # beyond the last planned volume: not part of the run
        if self._setup is None:
            self._confirm(volume)
        elif volume.index <= self._journalled_to:  # its message is out, its voxels were lost in the crash
            self.restore(volume)
            return self._saving.volume(volume)
        self._deadlines = self._deadlines.volume_came(self._clocks.monotonic())
        self._counts["received"] += 1
        try:
            self._process(volume)
        except VolumeError as error:
            self._outlet.send(unusable_fault(volume.index, str(error)))
            self._process(Missing(volume.index, str(error)))

    def _take_missing(self, missing: Missing) -> None:
        if self._planned_are_done:
            return
        if self._setup is None:
            self._before_first.append(missing)
        elif missing.index <= self._journalled_to:
            self.restore(missing)
        else:
            self._process(missing)

    def _take_source_fault(self, fault: SourceFault) -> None:
        self._outlet.send(Fault.model_validate(vars(fault)))

    def _take_end(self, end: EndOfSource) -> None:
        if self._planned_are_done and end.failed:
            return  # nothing more was awaited of it, and the participant may still answer
        if self._planned_are_done:
            self._end(Event.LAST_PLANNED_VOLUME, PLANNED_END)
        else:
            self._end(Event.FAILURE if end.failed else Event.STOP, end.reason)

    def _take_from_display(self, message: FromDisplays) -> None:
        self._displays, to_send = after(self._displays, message)
        for each in to_send:
            self._outlet.send(each)
        if not self._displays.open:
            self._deadlines = self._deadlines.all_answered(self._clocks.monotonic())

    def _take_pause(self, message: Pause | Operator) -> None:
        self._outlet.send(message)
        before, self._paused_by = self._paused_by, paused_after(self._paused_by, message)
        if self._paused_by != before and self._planned_are_done:  # questions that a pause interrupts have their time again
            self._await_answers()

    def _take_operator(self, operator: Operator) -> None:
        self._take_pause(operator)
        if operator.action == "stop":
            reason = operator.note or "the operator stopped the run"
            self._end(Event.LAST_PLANNED_VOLUME if self._planned_are_done else Event.STOP, reason)

    # --- a volume's way ---

    def _confirm(self, first: Volume) -> None:
        setup, pipeline = self._begin(first)
        self.state = advance(self.state, Event.FIRST_VOLUME)
        self._store.open(setup)
        self._outlet.send(confirmed(setup, pipeline.zero_s))
        for missing in self._before_first:
            self._process(missing)

    def _begin(self, first: Volume) -> tuple[Setup, State]:
        self._setup, self._pipeline = begin(self.armed.study, self.armed.run_kind, self.armed.materials, first)
        self._counts["planned"] = self._setup.planned
        return self._setup, self._pipeline

    def _process(self, item: Volume | Missing) -> None:
        before, message = self._step(item, queue_ms(item, self._clocks.performance()))
        self._send_volume(item, self.armed.to_wire(message))
        self._saving.volume(item)
        for fault in (*(self._beside.body.published() if self._beside.body else ()), *self._presence()):
            self._outlet.send(fault)
        self._follow(before, message)
        self._end_after(item.index)

    def _presence(self) -> tuple[Fault, ...]:
        if self._beside.present is None:
            return ()
        self._displays, faults = presence(self._displays, self._beside.present())
        return faults

    def _step(self, item: Volume | Missing, queue_ms: float | None = None) -> tuple[State, VolumeMessage]:
        """The state before it, and the item's message."""
        assert self._setup is not None
        assert self._pipeline is not None
        before, paused, clock, body = self._pipeline, bool(self._paused_by), self._clocks.performance, self._beside.body
        physiology = None if body is None else body.columns_for(self._setup, before, item)
        self._pipeline, message = step(self._setup, before, item, paused, clock, queue_ms, self._beside.ask, physiology)
        return before, message

    def _follow(self, before: State, message: VolumeMessage) -> None:
        """What was published is kept; now aftercare may have it, and a new reference is saved."""
        assert self._setup is not None
        assert self._pipeline is not None
        standing, follower = self._pipeline.standing, self._beside.follower
        if standing is not None and standing.image is not getattr(before.standing, "image", None):
            self._saving.reference(standing)
            if before.standing is None and standing.session is not None:
                self._outlet.send(earlier_found(standing.session.words))
            if before.standing is None and follower is not None:
                follower.begin(self._setup, standing)
        if follower is not None:
            follower.volume(self._setup, self._pipeline, message)

    def _end_after(self, index: int) -> None:
        """Once the last planned volume is out, the run ends as soon as displays had their time to report it and to ask."""
        if self._setup is not None and index >= self._setup.planned - 1:
            self._await_answers()
            if self._displays.answers_within_s:
                self._outlet.send(questions_open(sorted(self._displays.open), self._displays.answers_within_s))

    def _await_answers(self) -> None:
        self._deadlines = self._deadlines.last_planned_came(self._clocks.monotonic(), self._displays.answers_within_s)

    def _send_volume(self, item: Volume | Missing, message: VolumeMessage) -> None:
        clock = self._clocks.performance
        computed_s = clock()
        envelope = self._outlet.journal(message)
        journalled_s = clock()
        self._outlet.publish(envelope)
        published_s = clock()
        self._counts[message.validity] += 1
        self._counts["published"] += 1
        published = published_of(item, computed_s, journalled_s, published_s, self._clocks.unix())
        if published is not None:
            self._outlet.send(published)

    def _restore_one(self, item: Volume | Missing) -> None:
        before, message = self._step(item)
        if self._beside.body is not None:
            self._beside.body.published()  # what there was to tell is in the journal
        self._counts[self.armed.to_wire(message).validity] += 1
        self._counts["received"] += isinstance(item, Volume)
        self._follow(before, message)

    def _end(self, event: Event, reason: str) -> None:
        self.state = advance(self.state, event)
        for report in self._displays.unsaid:
            self._outlet.send(report)
        counts = {**self._counts, "faults": self._outlet.faults}
        self.stop = run_stop(event, reason, counts, self._clocks.unix())
        self._outlet.send(self.stop)
