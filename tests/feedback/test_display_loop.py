"""The loop with a window, a stream and a way back that break: the participant's picture goes on whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest
from display_bench import LONG, Bench, Elapsing
from display_parts import envelope, run_start, run_stop, volume

from feedback.here import Here
from feedback.log import MOST_PICTURES, Album, GlassLog, shown
from feedback.look import Look
from feedback.loop import CATCH_UP_S, LINGER_S
from feedback.pace import FRAME_S
from feedback.shapes import Disc, Text
from feedback.state import look
from rtfmri.messages import ButtonSettings, DisplaySettings, Operator, Pause, RunStart, TrialInfo, TriggerSettings
from rtfmri.paradigm import Block


def test_a_message_is_on_the_glass_one_frame_later_and_is_reported_with_its_flip() -> None:
    bench = Bench().in_regulation()
    bench.stream.offset = (0.25, 0.001)
    bench.stream.coming = [envelope(volume(15, 0.75)).model_copy(update={"sent_unix_s": bench.time.now_s + 0.25})]
    bench.frames(1)
    last = bench.shown()[-1]
    assert (last.index, last.state, last.value) == (15, "fresh", 0.75)
    assert (last.flip_unix_s, last.clock_offset_s, last.clock_error_s) == (bench.time.now_s, 0.25, 0.001)


def test_the_run_so_far_in_many_parts_shows_only_its_end() -> None:
    bench = Bench()
    bench.stream.at_once, bench.stream.delay_s = 50, 0.03
    bench.stream.coming = [envelope(run_start(blocks=LONG)), *(envelope(volume(index, index / 1_000, block=0)) for index in range(333))]
    bench.frames(5)
    assert [(message.state, message.index) for message in bench.shown()] == [("fresh", 332)]


def test_a_flood_does_not_stop_the_frames() -> None:
    bench = Bench().in_regulation()
    bench.stream.at_once, bench.stream.delay_s = 50, 0.03
    bench.stream.coming = [envelope(Operator(action="mark"))] * 100_000
    began_s = bench.time.now_s
    bench.frames(3)
    assert bench.time.now_s - began_s <= 3 * (CATCH_UP_S + 0.05)


def test_a_flip_that_changes_nothing_is_not_reported() -> None:
    bench = Bench().in_regulation()
    count = len(bench.shown())
    bench.frames(30)
    assert len(bench.shown()) == count


def test_there_are_never_more_than_sixty_frames_a_second_and_half_as_many_where_only_idle_motion_is_seen() -> None:
    bench = Bench()
    bench.frames(1)
    began_s = bench.time.now_s
    bench.frames(30)
    assert bench.time.now_s - began_s == pytest.approx(60 * FRAME_S)
    bench.in_regulation()
    began_s = bench.time.now_s
    bench.frames(120)
    assert bench.time.now_s - began_s == pytest.approx(120 * FRAME_S)


def test_in_idle_a_message_is_on_the_glass_within_a_frame() -> None:
    bench = Bench()
    bench.frames(3)
    bench.stream.coming = [envelope(run_start())]
    began_s = bench.time.now_s
    bench.frames(1)
    assert bench.shown()[-1].state == "waiting"
    assert bench.time.now_s - began_s <= FRAME_S + 1e-9


@pytest.mark.parametrize("part", ["receive", "send", "poll"])
def test_a_broken_network_leaves_the_picture_moving(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench().in_regulation()
    bench.stream.broken = {part}
    flips = bench.window.flips
    bench.loop._stop = Elapsing(bench.time)
    bench.stream.coming = [envelope(volume(15, 0.9))]
    bench.frames(60)
    assert bench.window.flips == flips + 60
    assert capsys.readouterr().err.count("Traceback") == 1  # told once, to the operator


def test_when_words_cannot_be_drawn_the_neutral_circle_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench().in_regulation()
    bench.window.broken = {"words"}
    bench.frames(10)
    assert any(isinstance(shape, Disc) for shape in bench.window.glass)
    assert not any(isinstance(shape, Text) for shape in bench.window.glass)
    warm = [shape.opacity for shape in bench.window.glass if isinstance(shape, Disc)]
    assert warm[-1] == 0.0
    assert "no font" in capsys.readouterr().err
    bench.window.broken = set()
    bench.frames(1)
    assert any(isinstance(shape, Text) for shape in bench.window.glass)


@pytest.mark.parametrize("part", ["draw", "flip", "presses"])
def test_a_broken_window_does_not_end_the_display(part: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench().in_regulation()
    bench.window.broken = {part}
    bench.frames(20)
    bench.window.broken = set()
    bench.stream.coming = [envelope(volume(15, 0.9))]
    bench.frames(1)
    assert bench.shown()[-1].index == 15
    assert "Traceback" in capsys.readouterr().err


def test_what_was_not_drawn_is_not_reported_as_shown(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench().in_regulation()
    bench.window.broken = {"words"}
    bench.stream.coming = [envelope(volume(15, 0.9))]
    bench.frames(3)
    assert bench.shown()[-1].state == "neutral"
    assert bench.shown()[-1].index is None
    assert "no font" in capsys.readouterr().err


def test_a_message_that_breaks_the_state_is_left_out_and_the_rest_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = Bench().in_regulation()
    broken = envelope(volume(15, 0.9)).model_copy(update={"message": object.__new__(Look)})
    monkeypatch.setattr("feedback.state.isinstance", raising_for(broken.message), raising=False)
    bench.stream.coming = [broken, envelope(volume(16, 0.1))]
    bench.frames(1)
    assert look(bench.loop.state).index == 16
    assert "rubbish" in capsys.readouterr().err


def raising_for(rubbish: object) -> object:
    def check(value: object, kind: type) -> bool:
        if value is rubbish:
            raise RuntimeError("rubbish")
        return isinstance(value, kind)

    return check


def test_the_participants_pause_goes_back_to_the_engine_in_the_same_frame() -> None:
    bench = Bench().in_regulation()
    bench.window.keys = ("p",)
    bench.frames(1)
    assert [message.paused for message in bench.stream.said if isinstance(message, Pause)] == [True]
    assert bench.shown()[-1].state == "paused"


def test_escape_twice_a_signal_and_the_runs_end_each_end_the_loop() -> None:
    bench = Bench()
    bench.frames(1)
    bench.window.keys = ("escape",)
    bench.frames(1)
    assert not bench.loop.over
    bench.window.keys = ("escape",)
    bench.frames(1)
    assert bench.loop.over

    bench = Bench()
    bench.stop.set()
    assert bench.loop.over


@pytest.mark.parametrize("exit_at_end", [True, False])
def test_the_thanks_stay_a_few_seconds_before_the_display_ends_with_the_run(exit_at_end: bool) -> None:
    bench = Bench(exit_at_end=exit_at_end).in_regulation()
    bench.stream.coming = [envelope(run_stop())]
    bench.frames(10)
    assert bench.shown()[-1].state == "ended"
    assert not bench.loop.over
    bench.frames(round(LINGER_S / FRAME_S) + 2)
    assert bench.loop.over is exit_at_end


def test_each_look_is_kept_once_after_it_has_eased_in(tmp_path: Path) -> None:
    bench = Bench(album=Album(tmp_path)).in_regulation()
    assert [path.name for path in bench.window.saved] == ["01_self_compassion_fresh.png"]
    bench.stream.coming = [envelope(volume(15, validity="held"))]
    bench.frames(90)
    assert [path.name for path in bench.window.saved][1:] == ["02_self_compassion_held.png"]


def test_the_album_is_bounded(tmp_path: Path) -> None:
    album = Album(tmp_path)
    kept = 0
    for number in range(100):
        on_glass = Look("block", Block("a/b", 0.0, 1.0, "rest"), number)
        album.due(on_glass, number * 10.0)
        kept += album.due(on_glass, number * 10.0 + 5.0) is not None
    assert kept == MOST_PICTURES


def test_the_log_adds_to_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "glass.jsonl"
    for number in range(2):
        with GlassLog(path) as log:
            log.write(shown("d", Look("waiting"), float(number), None), Look("waiting"))
    assert len(path.read_text(encoding="utf-8").splitlines()) == 2


def triggered(**fields: object) -> RunStart:
    settings = DisplaySettings(feedback="continuous", trigger=TriggerSettings(kind="keyboard", key="5"), **fields)  # type: ignore[arg-type]
    return run_start(display=settings)


def test_the_triggers_key_is_a_pulse_once_and_no_button() -> None:
    bench = Bench()
    bench.stream.coming = [envelope(triggered())]
    bench.frames(2)
    bench.window.keys = ("5",)  # a keyboard that the trigger's own queue does not know
    bench.frames(1)
    assert bench.loop.state.pulses == 1
    pulse_s = bench.time.now_s + 0.9
    bench.time.now_s += 1.0
    bench.box.coming, bench.window.keys = [pulse_s], ("5",)  # both tell of the same press
    bench.frames(2)
    assert (bench.loop.state.pulses, bench.loop.state.pulse_s) == (2, pulse_s)


def test_a_press_of_a_serial_box_counts_from_when_it_came_and_leaves_the_keyboard_to_the_operator() -> None:
    bench = Bench()
    box = ButtonSettings(kind="serial", port="COM3")
    bench.stream.coming = [envelope(run_start(display=DisplaySettings(buttons=box)))]
    bench.window.has_keys = False
    bench.frames(2)
    assert bench.reports()[-1].problems == ()  # no button needs the keyboard
    bench.window.keys = ("4", "p")
    bench.frames(1)
    bench.box.pressed = [("4", bench.time.now_s - 0.01)]
    pressed_s = bench.time.now_s - 0.01
    bench.frames(1)
    assert [message.pressed_unix_s for message in bench.stream.said if isinstance(message, Pause)] == [pressed_s]
    bench.window.keys = ("escape", "escape")
    bench.frames(1)
    assert bench.loop.over


def test_at_arm_the_trigger_is_opened_the_keyboard_taken_the_pictures_loaded_and_the_sound_card_tried(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"a")
    bench = Bench(here=Here(flip="x", trigger=TriggerSettings(kind="serial", port="/dev/ttyUSB0"), images=tmp_path))
    trials = (TrialInfo(block="rest", image="a.png"), TrialInfo(block="rest", lines=("Words",), image="b.png"))
    bench.stream.coming = [envelope(triggered(trials=trials, cues=True))]
    bench.frames(2)
    assert bench.box.settings == [TriggerSettings(kind="serial", port="/dev/ttyUSB0")]
    assert (bench.window.asked_for_keys, bench.voice.tried) == (1, 1)
    assert bench.window.prepared == {str(tmp_path / "a.png")}
    report = bench.reports()[-1]
    assert report.flip == "x"
    assert any("b.png" in problem for problem in report.problems)


def test_block_boundaries_are_heard_where_the_study_says_so() -> None:
    bench = Bench()
    settings = DisplaySettings(feedback="continuous", cues=True)
    bench.stream.coming = [envelope(run_start(display=settings)), envelope(volume(0))]
    bench.frames(60)
    for index in range(1, 12):
        bench.stream.coming = [envelope(volume(index))]
        bench.frames(60)
    assert bench.voice.played == ["rest", "regulate"]


def test_the_display_reports_at_once_every_ten_seconds_and_when_something_changed() -> None:
    bench = Bench()
    bench.frames(2)
    assert len(bench.reports()) == 1
    first = bench.reports()[0]
    assert (first.size_px, first.view, first.problems) == ((1024, 768), "circle", ())
    until_s = bench.time.now_s + 25.0
    while bench.time.now_s < until_s:
        bench.frames(1)
    assert len(bench.reports()) == 3
    assert bench.reports()[-1].frames > first.frames
    bench.box.problem = "The cable is out."
    bench.frames(1)
    assert bench.reports()[-1].problems == ("The cable is out.",)
    bench.box.problem = ""
    bench.frames(1)
    assert (len(bench.reports()), bench.reports()[-1].problems) == (5, ())


def test_the_operator_hears_of_an_error_of_the_displays_own_and_of_a_lost_keyboard(capsys: pytest.CaptureFixture[str]) -> None:
    bench = Bench().in_regulation()
    bench.window.broken, bench.window.has_keys = {"words"}, False
    bench.frames(1)
    problems = bench.reports()[-1].problems
    assert any("no font" in problem for problem in problems)
    assert any("keyboard" in problem for problem in problems)
    assert "no font" in capsys.readouterr().err


def test_what_is_shown_says_block_trial_and_time_zero() -> None:
    bench = Bench()
    settings = DisplaySettings(feedback="continuous", trials=(TrialInfo(block="rest", name="kind words", lines=("A",)),))
    bench.stream.coming = [envelope(run_start(display=settings)), envelope(volume(0))]
    bench.frames(3)
    last = bench.shown()[-1]
    assert (last.block, last.trial) == (0, "kind words")
    assert last.zero_unix_s == bench.loop.state.zero_s
