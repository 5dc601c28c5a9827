"""Questions with a slider: when they are asked, how they are answered, how they end."""

from __future__ import annotations

from typing import Any

import pytest
from display_parts import BEGIN_S, envelope, hear, run_start, run_stop, volume
from hypothesis import given
from hypothesis import strategies as st

from feedback.asking import AFTERGLOW_S
from feedback.look import Asked
from feedback.state import DisplayState, look, on_button, on_key, on_message, on_tick
from rtfmri.messages import BlockInfo, ButtonSettings, DisplaySettings, Operator, Pause, Rating, RatingScale

BLOCKS = (
    BlockInfo(name="rest", onset_s=0.0, duration_s=5.0, role="rest"),
    BlockInfo(name="rate", onset_s=5.0, duration_s=16.0, role="other"),
    BlockInfo(name="rest", onset_s=21.0, duration_s=3.0, role="rest"),
)
PAIN = RatingScale(name="pain", s=6.0)
UNPLEASANT = RatingScale(name="unpleasantness", s=6.0)
EFFORT = RatingScale(name="effort", s=4.0, at_end=True)
TWO_BUTTONS = ButtonSettings(confirm=())


class Asking:
    """A run in which every volume comes on time, and what the display said in it."""

    def __init__(self, *scales: RatingScale, buttons: ButtonSettings | None = None, seed: int = 1) -> None:
        settings = DisplaySettings(ratings=scales, buttons=buttons or ButtonSettings())
        self.state = DisplayState("d", seed=seed, now_s=BEGIN_S - 1.0)
        self.said: list[Any] = []
        self.silent = False
        self.heard = -1
        self.hear(run_start(blocks=BLOCKS, display=settings, planned_volumes=24))

    def hear(self, message: Any) -> None:
        self.state, said = on_message(self.state, envelope(message), self.state.now_s)
        self.said += said

    def to(self, elapsed_s: float) -> Asking:
        """Frames, ten a second, until ``elapsed_s`` of the run."""
        while self.state.now_s < BEGIN_S + elapsed_s - 1e-6:
            now_s = min(round(self.state.now_s + 0.1, 6), BEGIN_S + elapsed_s)
            while not self.silent and self.heard < 23 and BEGIN_S + self.heard + 1 <= now_s:
                self.heard += 1
                self.hear(volume(self.heard, None))
            self.state, said = on_tick(self.state, now_s)
            self.said += said
        return self

    def press(self, *keys: str, apart_s: float = 0.2, repeated: bool = False) -> Asking:
        for key in keys:
            self.state, said = on_key(self.state, key, self.state.now_s, repeated)
            self.said += said
            self.to(self.state.now_s - BEGIN_S + apart_s)
        return self

    def press_box(self, button: str, pressed_s: float) -> Asking:
        """A byte of a serial box that came ``pressed_s`` of the run."""
        self.state, said = on_button(self.state, button, BEGIN_S + pressed_s)
        self.said += said
        return self

    @property
    def asked(self) -> Asked:
        found = look(self.state).asked
        assert found is not None
        return found

    @property
    def ratings(self) -> list[Rating]:
        return [message for message in self.said if isinstance(message, Rating)]


def test_a_question_is_asked_in_its_block_and_nowhere_else() -> None:
    run = Asking(PAIN).to(4.8)
    assert look(run.state).kind == "block"
    run.to(5.2)
    shown = look(run.state)
    assert (shown.kind, shown.number, run.asked.scale.name, run.asked.moved) == ("rating", 1, "pain", False)
    assert 0.9 < run.asked.left < 1.0


def test_the_answer_is_the_confirmed_place_with_its_start_and_its_time() -> None:
    run = Asking(PAIN).to(5.1)
    start = run.asked.place
    run.press("right" if start < 5 else "left", apart_s=1.0).press("return", apart_s=0.1)
    (rating,) = run.ratings
    place = start + 1 if start < 5 else start - 1
    assert (rating.scale, rating.value, rating.start, rating.block) == ("pain", place, start, 1)
    assert rating.asked_unix_s == pytest.approx(BEGIN_S + 5.0, abs=0.11)
    assert rating.response_s == pytest.approx(1.1, abs=0.15)


def test_bytes_of_a_serial_box_answer_at_the_times_they_came_and_no_key_does() -> None:
    box = ButtonSettings(kind="serial", port="COM3", left=("\x01",), right=("\x02",), confirm=("b",), pause=("x",))
    run = Asking(PAIN, buttons=box).to(5.2)
    start, way, back = (run.asked.place, "\x02", "\x01") if run.asked.place < 5 else (run.asked.place, "\x01", "\x02")
    run.press("b", "1", "left", "return", "x", apart_s=0.0)
    assert (run.asked.moved, run.said) == (False, [])
    run.press_box(way, 5.3).press_box(way, 5.3 + box.debounce_s / 2).press_box(way, 5.6).press_box(back, 5.8).to(6.5).press_box("b", 6.43)
    (rating,) = run.ratings
    assert (rating.value, rating.start) == (start + (1 if way == "\x02" else -1), start)
    assert rating.asked_unix_s + (rating.response_s or 0.0) == pytest.approx(BEGIN_S + 6.43)
    run.press_box("x", 6.61)
    assert run.said[-1] == Pause(display="d", paused=True, pressed_unix_s=BEGIN_S + 6.61)


def test_the_answer_stays_on_the_glass_for_a_moment_and_then_the_next_question_comes() -> None:
    run = Asking(PAIN, UNPLEASANT).to(5.1).press("return", "left", apart_s=0.1)
    assert (run.asked.scale.name, run.asked.answered) == ("pain", True)
    assert run.asked.place == run.ratings[0].value  # keys do not move an answer
    run.to(5.2 + AFTERGLOW_S + 0.1)
    assert (run.asked.scale.name, run.asked.answered) == ("unpleasantness", False)


def test_a_question_without_an_answer_ends_as_none_after_its_time() -> None:
    run = Asking(PAIN, UNPLEASANT).to(5.1).press("right").to(10.8)
    assert run.ratings == []
    run.to(11.3)
    assert [(r.scale, r.value, r.response_s) for r in run.ratings] == [("pain", None, None)]
    run.to(20.0)
    assert [r.scale for r in run.ratings] == ["pain", "unpleasantness"]
    assert look(run.state).kind == "block"


def test_with_two_buttons_the_place_at_the_end_counts_if_it_was_moved() -> None:
    run = Asking(PAIN, UNPLEASANT, buttons=TWO_BUTTONS).to(5.1).press("left", "left", "right").to(20.0)
    moved, untouched = run.ratings
    assert moved.value is not None
    assert moved.response_s == pytest.approx(0.5, abs=0.15)
    assert (untouched.value, untouched.response_s) == (None, None)


def test_the_slider_stays_on_its_scale_and_a_held_key_steps_on_at_the_pace_of_the_debounce() -> None:
    scale = RatingScale(name="free", low=-1.0, high=1.0, step=0.1, s=16.0)
    run = Asking(scale).to(5.1).press(*["left"] * 30)
    assert run.asked.place == -1.0
    began_s = run.state.now_s
    run.press("right", apart_s=0.02)
    while run.state.now_s < began_s + 1.0:
        run.press("right", apart_s=0.02, repeated=True)
    assert run.asked.place == pytest.approx(-1.0 + 0.1 * 7, abs=0.051)
    run.press(*["2"] * 30)
    assert run.asked.place == 1.0


def test_a_bounce_is_one_step() -> None:
    run = Asking(PAIN).to(5.1).press(*["left"] * 12)
    assert run.press("right", "right", apart_s=0.03).asked.place == 1.0


@given(seed=st.integers(0, 2**32 - 1))
def test_the_start_is_a_place_on_the_scale_and_comes_from_the_seed(seed: int) -> None:
    run, again = Asking(PAIN, seed=seed).to(5.1), Asking(PAIN, seed=seed).to(5.1)
    assert run.asked.place in range(11)
    assert run.asked.place == again.asked.place


def test_starts_differ_between_displays_and_cover_the_scale() -> None:
    assert {Asking(PAIN, seed=seed).to(5.1).asked.place for seed in range(120)} == set(range(11))


def test_questions_share_a_block_that_is_too_short_for_all() -> None:
    scales = tuple(RatingScale(name=name, s=8.0) for name in ("a", "b", "c", "d"))
    run = Asking(*scales).to(22.0)
    times = [rating.asked_unix_s - BEGIN_S for rating in run.ratings]
    assert [rating.scale for rating in run.ratings] == ["a", "b", "c", "d"]
    assert times == pytest.approx([5.0, 9.0, 13.0, 17.0], abs=0.35)


def test_time_that_one_question_left_over_is_the_next_ones() -> None:
    scales = tuple(RatingScale(name=name, s=16.0) for name in ("a", "b"))
    run = Asking(*scales).to(5.1).press("return").to(20.8)
    assert run.asked.scale.name == "b"
    run.to(21.2)
    assert [r.scale for r in run.ratings] == ["a", "b"]


def test_no_question_begins_in_a_block_that_is_nearly_over() -> None:
    run = Asking(PAIN)
    run.press("p").to(18.5).press("p")  # 2.3 s of the block are left, under half of pain's six
    assert look(run.to(20.9).state).kind == "block"
    assert run.ratings == []


def test_a_block_that_has_no_time_for_all_asks_the_first_ones() -> None:
    run = Asking(PAIN, UNPLEASANT).press("p").to(17.2).press("p")
    assert run.asked.scale.name == "pain"
    run.to(22.0)
    assert [r.scale for r in run.ratings] == ["pain"]


@pytest.mark.parametrize("cover", ["p", "pause", "blank", "card", "stop"])
def test_whatever_covers_a_question_ends_it_in_the_same_step_and_it_is_not_asked_again(cover: str) -> None:
    run = Asking(PAIN).to(5.3)
    if cover == "p":
        run.press("p", apart_s=0.0)
        assert [type(message) for message in run.said] == [Pause, Rating]
    else:
        run.hear(run_stop() if cover == "stop" else Operator(action=cover))
    assert [(r.scale, r.value) for r in run.ratings] == [("pain", None)]
    for action in ("resume", "unblank", "uncard"):
        run.hear(Operator(action=action))
    run.press("p").to(21.0)
    assert len(run.ratings) == 1


def test_a_pause_keeps_the_place_that_two_buttons_have_chosen() -> None:
    run = Asking(PAIN, buttons=TWO_BUTTONS).to(5.1).press("left", "right").press("p")
    assert run.ratings[0].value is not None


def test_silence_ends_a_question_like_any_pause() -> None:
    run = Asking(RatingScale(name="pain", s=16.0)).to(5.5)
    run.silent = True
    run.to(15.8)
    assert (look(run.state).kind, [r.value for r in run.ratings]) == ("paused", [None])


def test_what_is_asked_at_the_end_comes_once_after_the_last_block_however_silent_the_scanner_is() -> None:
    sleepy = RatingScale(name="sleepiness", s=12.0, at_end=True)
    run = Asking(PAIN, EFFORT, sleepy).to(24.2)
    shown = look(run.state)
    assert (shown.kind, shown.number, run.asked.scale.name) == ("rating", None, "effort")
    run.press("return").to(36.5)
    assert run.asked.scale.name == "sleepiness"
    run.to(60.0)
    assert [(r.scale, r.block) for r in run.ratings] == [("pain", 1), ("effort", None), ("sleepiness", None)]
    assert look(run.state).kind == "block"
    run.hear(run_stop())
    assert look(run.state).kind == "ended"


def test_a_question_that_was_answered_before_the_display_was_restarted_is_not_asked_again() -> None:
    run = Asking(PAIN, UNPLEASANT)
    run.hear(Rating(display="before", scale="pain", value=3.0, start=1.0, response_s=1.0, asked_unix_s=0.0, block=1))
    assert run.to(6.0).asked.scale.name == "unpleasantness"


def test_a_new_run_ends_a_question_and_a_resumed_one_keeps_it() -> None:
    run = Asking(PAIN).to(5.3)
    assert run.state.run is not None
    run.hear(run.state.run.model_copy(update={"resumed": True}))
    assert look(run.state).kind == "rating"
    run.hear(run_start(run_uid="run-b"))
    assert ([r.value for r in run.ratings], look(run.state).kind) == ([None], "waiting")


def test_a_question_ends_with_its_block_where_the_clock_is_put_forward() -> None:
    run = Asking(RatingScale(name="pain", s=16.0)).to(5.5)
    run.hear(volume(22, None))
    run.to(5.7)
    assert (look(run.state).number, [r.value for r in run.ratings]) == (2, [None])


def test_a_step_that_floating_point_cannot_hold_does_not_add_up_errors() -> None:
    run = Asking(RatingScale(name="free", low=0.0, high=1.0, step=0.1, s=16.0)).to(5.1).press(*["left"] * 11)
    assert run.press(*["right"] * 3).asked.place == 0.3


def test_keys_of_a_rating_do_nothing_where_nothing_is_asked() -> None:
    run = Asking(PAIN).to(3.0)
    before = look(run.state)
    assert look(run.press("left", "right", "return", apart_s=0.0).state) == before
    assert run.said == []
    assert hear(run.state, volume(20, None), run.state.now_s).question is None
