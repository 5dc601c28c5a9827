"""What a run makes of its displays: what is journalled, what the operator hears, how long the last questions keep it open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rtfmri import __version__
from rtfmri.engine.deadlines import Deadlines, Due
from rtfmri.engine.displays import MOST_DISPLAYS, SOFTWARE, TIMES, Displays, after, displays_of, presence
from rtfmri.engine.parties import Beside
from rtfmri.messages import SCHEMA, DisplayReport, DisplaySettings, Fault, Operator, Pause, Rating, RatingScale, RunStop, Shown
from rtfmri.study import Study
from rtfmri.study.display import RatingRule
from rtfmri.volume import EndOfSource, Volume

Bench = Any
AT_END = (RatingRule(name="effort", at_end=True, blocks=(), s=8), RatingRule(name="sleepiness", at_end=True, blocks=(), s=6))
SCALES = (RatingScale(name="unpleasantness", high_alerts=8), RatingScale(name="mood", low=-5, high=5, high_alerts=4))


def report(display: str = "mri", **fields: Any) -> DisplayReport:
    said = {"software": SOFTWARE, "schema_version": SCHEMA, "sent_unix_s": 1.0, "zero_unix_s": None, **fields}
    return DisplayReport(display=display, **said)


def rating(scale: str, value: float | None, block: int | None = None) -> Rating:
    return Rating(display="mri", scale=scale, value=value, start=3.0, response_s=1.0, asked_unix_s=5.0, block=block)


def told(displays: Displays, *messages: Any) -> list[Any]:
    """All that goes out for ``messages``."""
    out: list[Any] = []
    for message in messages:
        displays, sent = after(displays, message)
        out += sent
    return out


def fresh() -> Displays:
    return displays_of(DisplaySettings(ratings=SCALES))


def test_a_report_that_only_counts_on_is_not_journalled_again() -> None:
    first = report(frames=600, pulses=3, zero_unix_s=100.0, refresh_hz=60.0)
    later = report(frames=1200, pulses=13, zero_unix_s=100.001, refresh_hz=59.9, sent_unix_s=11.0, clock_offset_s=0.1, clock_error_s=0.01)
    assert told(fresh(), first, later) == [first]


@pytest.mark.parametrize(
    "new", [{"zero_unix_s": 100.5}, {"refresh_hz": 30.0}, {"trigger": "serial"}, {"flip": "x"}, {"size_px": (800, 600)}]
)
def test_a_report_that_says_something_new_is_journalled(new: dict[str, Any]) -> None:
    first = report(zero_unix_s=100.0, refresh_hz=60.0)
    second = first.model_copy(update=new)
    assert told(fresh(), first, second) == [first, second]


def test_a_display_that_is_not_heard_any_more_is_told_once_and_so_is_its_coming_back() -> None:
    displays, _ = after(fresh(), report("mri"))
    said = []
    for present in ({"mri", "mirror"}, {"mirror"}, {"mirror"}, {"mri"}, {"mri"}):
        displays, faults = presence(displays, frozenset(present))
        said += [(fault.code, fault.severity, fault.text) for fault in faults]
    assert said == [
        ("display_lost", "warning", "The display mri is not heard any more."),
        ("display_back", "info", "The display mri is heard again."),
    ]


def test_a_lost_display_is_told_with_the_next_volume(
    benches: Callable[[Study], Bench], small_study: Study, small_volumes: tuple[Volume, ...]
) -> None:
    present = {"mri"}
    bench = benches(small_study, Beside(present=lambda: frozenset(present)))
    bench.run.open()
    bench.run.take(report())
    bench.run.take(small_volumes[0])
    present.clear()
    bench.run.take(small_volumes[1])
    bench.run.take(small_volumes[2])
    assert [fault.code for fault in bench.sent(Fault)] == ["display_lost"]
    assert [type(message).__name__ for message in (e.message for e in bench.published)][-2:] == ["Fault", "VolumeMessage"]


def test_a_new_problem_is_one_fault_with_the_displays_name_and_an_old_one_none() -> None:
    bad = report(problems=("The trigger on COM3 is silent.",))
    out = told(fresh(), report(), bad, bad.model_copy(update={"frames": 99}))
    (fault,) = [message for message in out if isinstance(message, Fault)]
    assert (fault.code, fault.severity, fault.text) == ("display_problem", "warning", "Display mri: The trigger on COM3 is silent.")


def test_a_problem_that_comes_and_goes_is_told_a_few_times_only() -> None:
    flapping = [report(problems=(f"{n} frames were dropped.",) if n % 2 else ()) for n in range(40)]
    assert sum(isinstance(message, Fault) for message in told(fresh(), *flapping)) == TIMES


def test_invented_displays_are_remembered_in_bounded_number() -> None:
    displays = fresh()
    for number in range(200):
        displays, _ = after(displays, report(f"display-{number}"))
    assert len(displays.newest) == len(displays.journalled) == MOST_DISPLAYS


def test_a_display_of_this_version_is_no_news() -> None:
    assert [type(message) for message in told(fresh(), report(), report("other", software=__version__))] == [DisplayReport] * 2


@pytest.mark.parametrize("other", [{"software": "rtfmri 0.0.1"}, {"schema_version": "1.0"}])
def test_a_display_of_another_version_is_told_once(other: dict[str, str]) -> None:
    old = report(**other)
    faults = [message for message in told(fresh(), old, old.model_copy(update={"flip": "x"})) if isinstance(message, Fault)]
    assert [fault.code for fault in faults] == ["display_version"]
    assert SOFTWARE in faults[0].text


@pytest.mark.parametrize(
    ("scale", "value", "words"),
    [
        ("unpleasantness", 9.0, "unpleasantness 9 of 10"),
        ("unpleasantness", 8.0, "unpleasantness 8 of 10"),
        ("mood", 4.5, "mood 4.5 on a scale from -5 to 5"),
        ("unpleasantness", 7.9, None),
        ("unpleasantness", None, None),
        ("unheard_of", 10.0, None),
    ],
)
def test_a_high_rating_is_put_before_the_operator(scale: str, value: float | None, words: str | None) -> None:
    answer = rating(scale, value, block=3)
    sent, *faults = told(fresh(), answer)
    assert sent == answer
    assert [words in fault.text for fault in faults] == ([] if words is None else [True])


def test_the_deadline_of_the_last_questions_is_kept_and_shortened_by_the_last_answer() -> None:
    deadlines = Deadlines(60.0).volume_came(100.0)
    assert deadlines.all_answered(100.0) == deadlines, "answers within the run do not end it"
    waiting = deadlines.last_planned_came(101.0, 29.0)
    assert (waiting.due(129.0), waiting.due(130.0)) == (Due.NOTHING, Due.PLANNED_END)
    assert waiting.all_answered(110.0).due(111.0) is Due.PLANNED_END
    assert waiting.all_answered(129.9).wait_s(130.0) == 0.0, "an answer in the last moment does not put the end off"
    assert deadlines.last_planned_came(101.0).wait_s(101.0) == 1.0


@pytest.fixture
def asking(benches: Callable[[Study], Bench], small_study: Study, small_volumes: tuple[Volume, ...]) -> Bench:
    """A run whose planned volumes are all there and whose last questions a display may put."""
    bench = benches(small_study.model_copy(update={"rating": AT_END}))
    bench.run.open()
    bench.run.take(report())
    for volume in small_volumes:
        bench.run.take(volume)
    return bench


def faults_of(bench: Bench) -> list[str]:
    return [fault.code for fault in bench.sent(Fault)]


def test_the_run_stays_open_until_the_last_question_is_answered(asking: Bench) -> None:
    assert faults_of(asking) == ["questions_open"]
    asking.clock.now_s += 10.0
    asking.run.take(rating("effort", 6.0))
    asking.run.tick()
    assert not asking.run.ended
    asking.run.take(rating("sleepiness", None))
    asking.clock.now_s += asking.run.wait_s()
    asking.run.tick()
    assert asking.clock.now_s == pytest.approx(1011.0)
    assert asking.sent(RunStop)[0].exit_status == "completed"
    assert [answer.value for answer in asking.sent(Rating)] == [6.0, None]


def test_the_run_ends_when_the_time_of_the_last_questions_is_over(asking: Bench) -> None:
    asking.run.take(rating("effort", 2.0, block=1))  # an answer within the run is none to the question at its end
    waited_s = asking.run.wait_s()
    assert 14.0 < waited_s < 40.0
    asking.clock.now_s += waited_s
    asking.run.tick()
    assert faults_of(asking) == ["questions_open", "questions_unanswered"]
    assert "effort, sleepiness" in asking.sent(Fault)[-1].text
    assert asking.sent(RunStop)[0].exit_status == "completed"


def test_a_pause_gives_the_last_questions_their_time_again_and_a_stop_ends_a_completed_run(asking: Bench) -> None:
    whole_s = asking.run.wait_s()
    asking.clock.now_s += 20.0
    asking.run.take(Pause(display="mri", paused=True, pressed_unix_s=1.0))
    assert asking.run.wait_s() == whole_s
    asking.run.take(Operator(action="stop"))
    assert asking.sent(RunStop)[0].exit_status == "completed"


def test_a_share_that_drops_while_the_participant_answers_ends_nothing(asking: Bench) -> None:
    asking.run.take(EndOfSource("the folder is gone for good", failed=True))
    assert not asking.run.ended
    asking.run.take(EndOfSource("the files are read"))
    assert asking.sent(RunStop)[0].exit_status == "completed"


def test_nobody_is_waited_for_where_no_display_was_heard(
    benches: Callable[[Study], Bench], small_study: Study, small_volumes: tuple[Volume, ...]
) -> None:
    bench = benches(small_study.model_copy(update={"rating": AT_END}))
    bench.run.open()
    for volume in small_volumes:
        bench.run.take(volume)
    assert bench.run.wait_s() == pytest.approx(1.0)


def test_the_counters_of_a_display_are_in_the_journal_at_the_end(bench: Bench, small_volumes: tuple[Volume, ...]) -> None:
    bench.run.open()
    bench.run.take(report(frames=10))
    bench.run.take(small_volumes[0])
    bench.run.take(report(frames=600, dropped_frames=2))
    bench.run.take(Shown(display="mri", index=0, state="fresh", value=0.1, flip_unix_s=1.0))
    bench.run.interrupt("stopped")
    assert [(r.frames, r.dropped_frames) for r in bench.sent(DisplayReport)] == [(10, 0), (600, 2)]
    assert isinstance(bench.published[-1].message, RunStop)
