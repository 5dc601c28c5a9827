"""Whatever comes in whatever order: no reachable state shows a stale value as fresh, and every pause can be left."""

from __future__ import annotations

from display_parts import BEGIN_S, PAUSE_S, STALE_S, confirmed, envelope, run_start, run_stop, volume
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from feedback.scene import MIDDLE, SWING, scene
from feedback.shapes import Disc
from feedback.state import DisplayState, look, on_key, on_message, on_tick
from rtfmri.messages import Message, Operator

VALUES = st.floats(-3.0, 3.0)
FEEDBACK = st.sampled_from(["continuous", "intermittent"])
KINDS = st.sampled_from(["feedback", "feedback", "feedback", "no_feedback", "transfer", "localizer"])


class Session(RuleBasedStateMachine):
    """Beside the display stands a model: when the newest volume came, and which volumes gave which value."""

    def __init__(self) -> None:
        super().__init__()
        self.state = DisplayState("d", now_s=BEGIN_S)
        self.now_s = BEGIN_S
        self.runs = 0
        self.kind, self.feedback = "feedback", "continuous"
        self.next_index = 0
        self.came_s: float | None = None
        self.values: dict[int, float] = {}

    def tell(self, message: Message, sent_s: float | None = None) -> None:
        self.state, _ = on_message(self.state, envelope(message, run_uid=f"run-{self.runs}"), self.now_s, sent_s)
        self.state, _ = on_tick(self.state, self.now_s)

    @rule(feedback=FEEDBACK, kind=KINDS, tr_s=st.sampled_from([None, 1.0]))
    def a_run_is_armed(self, feedback: str, kind: str, tr_s: float | None) -> None:
        self.runs, self.kind, self.feedback = self.runs + 1, kind, feedback
        self.next_index, self.came_s, self.values = 0, None, {}
        self.tell(run_start(feedback, run_uid=f"run-{self.runs}", run_kind=kind, tr_s=tr_s))
        self.tell(confirmed())

    @rule(
        skip=st.integers(0, 9),
        value=VALUES,
        late_s=st.floats(0.0, 20.0),
        validity=st.sampled_from(["ok", "ok", "ok", "settling", "held", "missing"]),
    )
    def a_volume_comes(self, skip: int, value: float, late_s: float, validity: str) -> None:
        index, self.next_index = self.next_index + skip, self.next_index + skip + 1
        if self.state.run is not None and not self.state.ended:
            self.came_s = self.now_s - late_s
            self.values[index] = min(max(value, -1.0), 1.0)
        self.tell(volume(index, value, validity), sent_s=self.now_s - late_s)

    @rule(index=st.integers(0, 60), value=VALUES)
    @precondition(lambda self: self.next_index > 0)
    def an_old_volume_comes_again(self, index: int, value: float) -> None:
        before = self.state
        self.tell(volume(min(index, self.next_index - 1), value))
        assert look(on_tick(before, self.now_s)[0]) == look(self.state) or self.state.newest < 0

    @rule(seconds=st.one_of(st.floats(0.0, 0.1), st.floats(0.5, 1.5), st.floats(2.0, 30.0)))
    def time_goes_on(self, seconds: float) -> None:
        self.now_s += seconds
        self.state, _ = on_tick(self.state, self.now_s)

    @rule(key=st.sampled_from(["p", "p", "escape", "5", "space"]))
    def a_key_is_pressed(self, key: str) -> None:
        self.state, _ = on_key(self.state, key, self.now_s)

    @rule(action=st.sampled_from(["pause", "resume", "blank", "unblank", "mark", "arm", "stop"]))
    def the_operator_acts(self, action: str) -> None:
        self.tell(Operator(action=action))

    @rule()
    def the_run_ends(self) -> None:
        self.tell(run_stop())

    @invariant()
    def what_is_fresh_is_young_and_was_measured(self) -> None:
        shown = look(self.state)
        if shown.value_state in ("fresh", "held"):
            assert self.kind == "feedback"
            assert self.came_s is not None
            assert self.state.now_s - self.came_s <= STALE_S
            assert shown.index is not None
            assert shown.value == self.values[shown.index]
            assert self.feedback == "intermittent" or volume(shown.index).block == shown.number
        else:
            assert shown.value is None
            assert shown.index is None

    @invariant()
    def the_shape_is_never_nothing_and_never_too_large(self) -> None:
        radii = [shape.radius for shape in scene(self.state) if isinstance(shape, Disc)]
        assert radii
        assert all(MIDDLE - SWING - 0.01 <= radius <= MIDDLE + SWING + 0.01 for radius in radii)

    @invariant()
    def every_pause_can_be_left(self) -> None:
        if look(self.state).kind != "paused":
            return
        state = on_message(self.state, envelope(Operator(action="resume"), run_uid=f"run-{self.runs}"), self.now_s)[0]
        later_s = self.now_s + 1.0
        if state.paused:
            state, _ = on_key(state, "p", later_s)
        state, _ = on_message(state, envelope(volume(self.next_index), run_uid=f"run-{self.runs}"), later_s)
        assert look(on_tick(state, later_s)[0]).kind != "paused"

    @invariant()
    def silence_is_never_shown_as_feedback(self) -> None:
        later, _ = on_tick(self.state, self.state.now_s + PAUSE_S + 0.01)
        assert not look(later).valued


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
