"""The offset between two clocks against a made-up engine whose offset, drift and delays are known."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtfmri.stream.allowance import Allowance
from rtfmri.stream.clock_offset import DRIFT, RECENT, ClockOffset, Measurement, measure

DELAYS_S = st.floats(0.0, 0.5)


@given(st.floats(-1e5, 1e5), st.lists(st.tuples(DELAYS_S, DELAYS_S), min_size=1, max_size=40))
def test_the_true_offset_lies_within_the_error_whatever_the_delays(true_offset_s: float, delays_s: list[tuple[float, float]]) -> None:
    clock = ClockOffset()
    now_s = 1000.0
    for there_s, back_s in delays_s:
        sent_s = now_s
        now_s = sent_s + there_s + back_s
        clock.add(measure(sent_s, sent_s + there_s + true_offset_s, now_s))
        now_s += 2.0
    best = clock.best(now_s)
    assert best is not None
    assert abs(best[0] - true_offset_s) <= best[1] + 1e-9
    assert best[1] <= min(there_s + back_s for there_s, back_s in delays_s[-RECENT:]) / 2 + DRIFT * 2.6 * RECENT


@given(st.floats(-DRIFT, DRIFT))
def test_the_true_offset_lies_within_the_error_while_the_clocks_run_apart(drift: float) -> None:
    clock = ClockOffset()
    for ping in range(50):
        sent_s = 2.0 * ping
        received_s = sent_s + (0.0002 if ping == 40 else 0.010)
        middle_s = (sent_s + received_s) / 2
        clock.add(measure(sent_s, middle_s * (1 + drift), received_s))
        best = clock.best(received_s)
        assert best is not None
        assert abs(best[0] - received_s * drift) <= best[1] + 1e-6


def test_the_quickest_ping_is_believed_until_it_is_old() -> None:
    clock = ClockOffset()
    clock.add(Measurement(offset_s=5.0, error_s=0.001, measured_s=0.0))
    clock.add(Measurement(offset_s=5.002, error_s=0.004, measured_s=1.0))
    best, later = clock.best(1.0), clock.best(100.0)
    assert best is not None
    assert later is not None
    assert best == (5.0, 0.001 + DRIFT)
    assert later[1] > 0.01


def test_a_clock_that_was_set_is_followed_at_the_next_ping() -> None:
    clock = ClockOffset()
    clock.add(Measurement(offset_s=5.0, error_s=0.001, measured_s=0.0))
    clock.add(Measurement(offset_s=9.0, error_s=0.1, measured_s=2.0))
    assert clock.best(2.0) == (9.0, 0.1)


def test_a_round_trip_that_ended_before_it_began_says_nothing() -> None:
    clock = ClockOffset()
    clock.add(measure(sent_s=10.0, engine_s=10.0, received_s=4.0))
    assert clock.best(10.0) is None


@given(st.lists(st.floats(-1.0, 5.0), max_size=200), st.floats(0.1, 50.0), st.integers(1, 20))
def test_an_allowance_is_never_exceeded(steps_s: list[float], per_s: float, burst: int) -> None:
    allowance = Allowance(per_s, burst)
    now_s, passed_s, allowed = 0.0, 0.0, 0
    for step_s in steps_s:
        now_s += step_s
        passed_s += max(0.0, step_s)
        allowed += allowance.take(now_s)
    assert allowed <= burst + per_s * passed_s + 1e-6


def test_an_allowance_comes_back_with_time() -> None:
    allowance = Allowance(per_s=2, burst=1)
    assert [allowance.take(now_s) for now_s in (0.0, 0.1, 0.6, 0.7, 1.2)] == [True, False, True, False, True]
