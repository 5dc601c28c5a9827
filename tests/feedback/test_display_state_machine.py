"""Whatever comes in whatever order: nothing stale is shown as fresh, every pause can be left, every question ends in one rating."""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

from display_parts import BEGIN_S, BLOCKS, PAUSE_S, STALE_S, confirmed, envelope, run_start, run_stop, volume
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from feedback.cues import cue
from feedback.state import DisplayState, look, on_key, on_message, on_pulse, on_tick
from rtfmri.messages import ButtonSettings, DisplaySettings, Message, Operator, Pause, Rating, RatingScale, TrialInfo, TriggerSettings

Key: TypeAlias = tuple[str, int | None, float]
VALUES = st.floats(-3.0, 3.0)
FEEDBACK = st.sampled_from(["continuous", "intermittent"])
KINDS = st.sampled_from(["feedback", "feedback", "feedback", "no_feedback", "transfer", "localizer"])
SCALES = (
    RatingScale(name="pain", s=3.0, blocks=("wait",)),
    RatingScale(name="unpleasantness", s=6.0, blocks=("wait", "rest")),
    RatingScale(name="effort", s=3.0, at_end=True),
)
TRIALS = (TrialInfo(block="rest", name="a", s=4.0), TrialInfo(block="rest", name="b"))
KEYS = ["p", "p", "escape", "f1", "5", "left", "right", "right", "return"]
ACTIONS = ["pause", "resume", "blank", "unblank", "card", "uncard", "mark", "arm", "stop"]


class Session(RuleBasedStateMachine):
    """Beside the display stands a model: when the newest volume came, which volumes gave which value, which questions were on the glass."""

    def __init__(self) -> None:
        super().__init__()
        self.state = DisplayState("d", now_s=BEGIN_S)
        self.now_s = BEGIN_S
        self.runs = 0
        self.kind, self.feedback = "feedback", "continuous"
        self.next_index = 0
        self.came_s: float | None = None
        self.values: dict[int, float] = {}
        self.told: list[Message] = []
        self.ratings: Counter[Key] = Counter()
        self.questions: dict[Key, tuple[bool, bool]] = {}  # whether it is open, whether it is answered

    # --- steps ---

    def took(self, step: tuple[DisplayState, tuple[Any, ...]]) -> None:
        before, (self.state, said) = self.state, step
        self.ratings.update((message.scale, message.block, message.asked_unix_s) for message in said if isinstance(message, Rating))
        pauses = [message.paused for message in said if isinstance(message, Pause)]
        assert all(paused is self.state.paused for paused in pauses)
        self.questions = {key: (False, answered) for key, (_, answered) in self.questions.items()}
        if (question := self.state.question) is not None:
            self.questions[question.scale.name, question.slot[0], question.asked_s] = (True, question.answered_s is not None)
        assert cue(before, self.state) in (None, "rest", "regulate", "other", "end")

    def tick(self) -> None:
        self.took(on_tick(self.state, self.now_s))

    def tell(self, message: Message, sent_s: float | None = None) -> None:
        self.told = [*self.told, message][-20:]
        self.took(on_message(self.state, envelope(message, run_uid=f"run-{self.runs}"), self.now_s, sent_s))
        self.tick()

    @initialize(feedback=FEEDBACK, kind=KINDS, trigger=st.sampled_from(["none", "keyboard"]))
    def the_first_run_is_armed(self, feedback: str, kind: str, trigger: str) -> None:
        self.a_run_is_armed(feedback, kind, 1.0, trigger, 0, True)

    @rule(
        feedback=FEEDBACK,
        kind=KINDS,
        tr_s=st.sampled_from([None, 1.0]),
        trigger=st.sampled_from(["none", "keyboard"]),
        offset=st.integers(0, 2),
        confirm=st.booleans(),
    )
    def a_run_is_armed(self, feedback: str, kind: str, tr_s: float | None, trigger: str, offset: int, confirm: bool) -> None:
        self.runs, self.kind, self.feedback = self.runs + 1, kind, feedback
        self.next_index, self.came_s, self.values, self.told = 0, None, {}, []
        self.now_s += 0.01  # so that questions of two runs are told apart by their times
        display = DisplaySettings(
            feedback=feedback,
            ratings=SCALES,
            trials=TRIALS,
            cues=True,
            trigger=TriggerSettings(kind=trigger, offset=offset),
            buttons=ButtonSettings() if confirm else ButtonSettings(confirm=()),
        )
        self.tell(run_start(run_uid=f"run-{self.runs}", run_kind=kind, tr_s=tr_s, display=display))

    @rule(values=st.lists(st.one_of(st.none(), VALUES, VALUES), min_size=1, max_size=20), pulses=st.booleans())
    def the_scanner_goes_on(self, values: list[float | None], pulses: bool) -> None:
        """A pulse at each volume's beginning, and the volume a little after its end; None: one that was held."""
        for value in values:
            if pulses:
                self.took(on_pulse(self.state, self.now_s))
            self.now_s += 1.0
            self.a_volume_comes(0, value or 0.0, 0.0, "held" if value is None else "ok")

    @rule()
    def the_tr_is_confirmed(self) -> None:
        self.tell(confirmed())

    @rule()
    @precondition(lambda self: self.state.run is not None)
    def the_engine_is_restarted(self) -> None:
        assert self.state.run is not None
        self.tell(self.state.run.model_copy(update={"resumed": True}))

    @rule(
        skip=st.integers(0, 9),
        value=VALUES,
        late_s=st.one_of(st.just(0.0), st.floats(0.0, 20.0)),
        validity=st.sampled_from(["ok", "ok", "ok", "settling", "held", "missing"]),
    )
    def a_volume_comes(self, skip: int, value: float, late_s: float, validity: str) -> None:
        index, self.next_index = self.next_index + skip, self.next_index + skip + 1
        self.note(index, value, self.now_s - late_s)
        self.tell(volume(index, value, validity), sent_s=self.now_s - late_s)

    @rule(index=st.sampled_from([12, 29, 36, 40, 52]), value=VALUES)
    def a_display_joins_late(self, index: int, value: float) -> None:
        if index > self.next_index:
            self.a_volume_comes(index - self.next_index, value, 0.0, "ok")

    def note(self, index: int, value: float, came_s: float) -> None:
        if self.state.run is not None and not self.state.ended and index > self.state.newest:
            self.came_s = came_s
            self.values[index] = min(max(value, -1.0), 1.0)

    @rule(index=st.integers(0, 60), value=VALUES)
    @precondition(lambda self: self.next_index > 0)
    def an_old_volume_comes_again(self, index: int, value: float) -> None:
        before, index = self.state, min(index, self.next_index - 1)
        accepted = index > self.state.newest
        self.note(index, value, self.now_s)
        self.tell(volume(index, value))
        assert accepted or look(on_tick(before, self.now_s)[0]) == look(self.state)

    @rule(data=st.data())
    @precondition(lambda self: bool(self.told))
    def a_message_comes_twice(self, data: st.DataObject) -> None:
        message = data.draw(
            st.sampled_from([m for m in self.told if m.kind in ("confirmed", "operator", "run_stop", "pause")] or [Operator(action="mark")])
        )
        self.took(on_message(self.state, envelope(message, run_uid=f"run-{self.runs}"), self.now_s))
        self.tick()

    @rule(message=st.sampled_from([volume(30, 0.9), run_stop(), confirmed(), Operator(action="blank"), Operator(action="card")]))
    def a_message_of_another_run_comes(self, message: Message) -> None:
        before = self.state
        self.took(on_message(self.state, envelope(message, run_uid="another"), self.now_s))
        assert self.state == before

    @rule(rating=st.sampled_from(SCALES), block=st.sampled_from([None, 0, 2, 4]))
    def an_answer_of_another_display_comes(self, rating: RatingScale, block: int | None) -> None:
        self.tell(Rating(display="other", scale=rating.name, value=1.0, start=0.0, response_s=1.0, asked_unix_s=0.0, block=block))

    @rule(paused=st.booleans(), ago_s=st.floats(0.0, 20.0))
    def a_pause_of_another_display_comes(self, paused: bool, ago_s: float) -> None:
        self.tell(Pause(display="other", paused=paused, pressed_unix_s=self.now_s - ago_s))

    @rule(seconds=st.one_of(st.floats(0.0, 0.1), st.floats(0.5, 1.5), st.floats(2.0, 30.0)))
    def time_goes_on(self, seconds: float) -> None:
        before_s = self.state.course.elapsed_s
        self.now_s += seconds
        self.tick()
        after_s = self.state.course.elapsed_s
        if before_s is not None and after_s is None:  # only pulses that were none of this scan's are taken back
            assert self.state.heard_s is None
        elif before_s is not None and after_s is not None:
            assert after_s >= before_s

    @rule(count=st.integers(1, 8), apart_s=st.sampled_from([1.0, 1.0, 1.0, 0.37, 2.0]), late_s=st.floats(0.0, 0.05))
    def pulses_come(self, count: int, apart_s: float, late_s: float) -> None:
        for _ in range(count):
            self.now_s += apart_s
            self.took(on_pulse(self.state, self.now_s - late_s))
            self.tick()

    @rule(key=st.sampled_from(KEYS), repeated=st.sampled_from([False, False, True]))
    def a_key_is_pressed(self, key: str, repeated: bool) -> None:
        before, step = self.state, on_key(self.state, key, self.now_s, repeated)
        assert [m.paused for m in step[1] if isinstance(m, Pause)] == ([step[0].paused] if step[0].paused != before.paused else [])
        self.took(step)
        self.tick()

    @rule(action=st.sampled_from(ACTIONS))
    def the_operator_acts(self, action: str) -> None:
        self.tell(Operator(action=action))

    @rule()
    def the_run_ends(self) -> None:
        self.tell(run_stop())

    # --- what always holds ---

    @invariant()
    def what_is_fresh_is_young_and_was_measured_for_this_block(self) -> None:
        shown = look(self.state)
        if not shown.valued:
            assert (shown.value_state in ("neutral", "stale"), shown.index, shown.trace) == (True, None, ())
            return
        assert shown.value_state in ("fresh", "held")
        assert (shown.kind, self.kind) == ("block", "feedback")
        assert self.came_s is not None
        assert self.state.now_s - self.came_s <= STALE_S
        assert shown.index is not None
        assert shown.number is not None
        assert shown.value == self.values[shown.index]
        if self.feedback == "intermittent":
            assert BLOCKS[shown.number].name == "show"
            assert volume(shown.index).block in (2, 3, 4)
        else:
            assert volume(shown.index).block == shown.number
            assert shown.trace[-1][1] == shown.value

    @invariant()
    def silence_is_never_shown_as_feedback(self) -> None:
        later, _ = on_tick(self.state, self.state.now_s + PAUSE_S + 0.01)
        assert not look(later).valued

    @invariant()
    def blank_covers_all_and_the_eases_stay_within_their_bounds(self) -> None:
        if self.state.blanked and self.state.run is not None:
            assert look(self.state).kind == "blank"
        assert abs(self.state.opening.at(self.now_s)) <= 1.0
        assert 0.0 <= self.state.presence.at(self.now_s) <= 1.0

    @invariant()
    def every_question_ends_in_exactly_one_rating(self) -> None:
        for key, (is_open, answered) in self.questions.items():
            assert self.ratings[key] == (0 if is_open and not answered else 1)
        assert set(self.ratings) <= set(self.questions)
        assert (self.state.question is not None) == (look(self.state).kind == "rating")
        if self.state.question is not None:
            later, _ = on_tick(self.state, self.state.now_s + 7.0)
            assert later.question is None or later.question.slot != self.state.question.slot

    @invariant()
    def every_pause_can_be_left(self) -> None:
        if look(self.state).kind not in ("paused", "blank", "card"):
            return
        state = self.state
        for action in ("resume", "unblank"):
            state = on_message(state, envelope(Operator(action=action), run_uid=f"run-{self.runs}"), self.now_s)[0]
        later_s = self.now_s + 1.0
        for key, on in (("p", state.paused), ("f1", state.card)):
            state = on_key(state, key, later_s)[0] if on else state
        state, _ = on_message(state, envelope(volume(self.next_index), run_uid=f"run-{self.runs}"), later_s)
        assert look(on_tick(state, later_s)[0]).kind not in ("paused", "blank", "card")


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
