"""A run's physiology from rows to columns: time zero, what is journalled, replay bit for bit, what the operator is told."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from physio_truth import BEFORE_S, RATE_HZ, a_body, explained, physiological_signal

from rtfmri.signals.physiology.alignment import Pulses, aligned, with_pulses
from rtfmri.signals.physiology.feed import Used, as_if_live, begin_feed, faults_of, live, up_to, volume_columns, with_rows
from rtfmri.signals.physiology.plan import Moments, PhysioPlan, mid_volume

PLAN = PhysioPlan(RATE_HZ, True, True, 2, 2, True, True)
TR_S = 1.5
AFTER_S = np.arange(5) * 0.25
MOMENTS = Moments(AFTER_S, np.full(5, 0.2))


def trigger_of(n, zero_s, volumes, pulses_before=0, lost=()):
    trigger = np.zeros(n)
    for pulse in range(volumes + pulses_before):
        if pulse not in lost:
            place = round((zero_s + (pulse - pulses_before) * TR_S) * RATE_HZ)
            trigger[place : place + 20] = 1.0
    return trigger


def run_live(body, zero_s, volumes, trigger=None, delays_s=(0.4,), pulses_before=0):
    """What each volume used and got, when samples come in batches of 50 ms and volumes are complete ``delays_s`` after their end."""
    feed, readings, uses, batch = begin_feed(PLAN), [], [], int(0.05 * RATE_HZ)
    for index in range(volumes):
        complete_s = zero_s + (index + 1) * TR_S + delays_s[index % len(delays_s)]
        come = int(complete_s * RATE_HZ) // batch * batch
        new = slice(feed.state.samples, max(come, feed.state.samples))
        feed = with_rows(PLAN, feed, body.pulse[new], body.belt[new], None if trigger is None else trigger[new])
        feed, used = live(feed, complete_s, index * TR_S, TR_S, pulses_before)
        feed, reading = volume_columns(PLAN, feed, used, index * TR_S, MOMENTS)
        readings.append(reading)
        uses.append(used)
    return readings, uses


@pytest.mark.parametrize("pulses_before", [0, 4])
def test_with_pulses_time_zero_is_the_first_exported_volumes_pulse(pulses_before):
    body = a_body(0, 120.0)
    zero_s = 40.2
    trigger = trigger_of(len(body.pulse), zero_s, 50, pulses_before)
    _, uses = run_live(body, zero_s, 40, trigger, (0.8, 0.3, 1.9), pulses_before)
    assert [used.zero_s for used in uses] == pytest.approx([zero_s] * 40, abs=2 / RATE_HZ)


def test_lost_and_earlier_pulses_shift_nothing():
    body = a_body(1, 150.0)
    trigger = trigger_of(len(body.pulse), 60.0, 50, lost=(5, 6, 20)) + trigger_of(len(body.pulse), 20.0, 10)
    _, uses = run_live(body, 60.0, 40, trigger)
    assert [used.zero_s for used in uses] == pytest.approx([60.0] * 40, abs=2 / RATE_HZ)


def test_pulses_follow_a_clock_that_runs_otherwise():
    """The scanner's clock is 200 ppm fast against the samples': after 600 volumes that is 180 ms."""
    pulses, zero = Pulses(), None
    starts_s = 30.0 + TR_S * (1 + 2e-4) * np.arange(600)
    for index, start_s in enumerate(starts_s):
        pulses = replace(pulses, times_s=(*pulses.times_s, float(start_s)))
        zero = aligned(zero, pulses, start_s + TR_S + 0.4, index * TR_S, TR_S, 0)
        assert zero.zero_s + index * TR_S == pytest.approx(start_s, abs=1e-9)


def test_without_pulses_the_quickest_arrival_tells_time_zero_late_by_its_delay():
    body = a_body(2, 120.0)
    _, uses = run_live(body, 40.0, 40, None, (0.9, 0.5, 0.3))
    assert uses[0].zero_s == pytest.approx(40.9)
    assert [used.zero_s for used in uses[3:]] == pytest.approx([40.3] * 37)


def test_a_constant_delay_of_the_arrivals_costs_little():
    """What alignment by arrival leaves: the columns are taken 0.3 s late throughout."""
    body = a_body(3, BEFORE_S + 310.0)
    starts_s = BEFORE_S + TR_S * np.arange(200)
    signal = physiological_signal(body, starts_s, AFTER_S)
    readings, _ = run_live(body, BEFORE_S, 200, None, (0.3,))
    trigger = trigger_of(len(body.pulse), BEFORE_S, 201)
    exact, _ = run_live(body, BEFORE_S, 200, trigger, (0.3,))
    late, right = (explained(signal, np.array([reading.columns for reading in run])) for run in (readings, exact))
    print(f"variance removed: by pulses {right:.3f}, by arrival {late:.3f}")
    assert right > 0.93
    assert late > right - 0.1


@settings(max_examples=15)
@given(st.lists(st.integers(0, 900), max_size=8), st.integers(0, 2))
def test_pulses_are_found_alike_however_the_samples_are_cut(cuts, seed):
    trigger = (np.random.default_rng(seed).random(2000) > 0.7).astype(float)
    whole, parts, done = with_pulses(Pulses(), trigger, 100.0), Pulses(), 0
    for size in [*cuts, 2000]:
        parts = with_pulses(parts, trigger[done : done + size], 100.0)
        done += size
    assert parts == whole


def test_a_replay_of_the_recorded_samples_has_the_same_bits():
    body = a_body(4, 150.0)
    trigger = trigger_of(len(body.pulse), 35.0, 70)
    readings, uses = run_live(body, 35.0, 60, trigger, (1.1, 0.2, 0.7))
    feed = begin_feed(PLAN)
    for index, (used, live_reading) in enumerate(zip(uses, readings, strict=True)):
        feed = up_to(PLAN, feed, used, body.pulse, body.belt)
        feed, reading = volume_columns(PLAN, feed, used, index * TR_S, MOMENTS)
        assert reading == live_reading


@pytest.mark.parametrize("pulsed", [False, True])
def test_a_resumed_run_goes_on_with_the_bits_it_would_have_had(pulsed):
    """The first thirty volumes from the journal, the others live."""
    body = a_body(5, 150.0)
    trigger = trigger_of(len(body.pulse), 35.0, 70) if pulsed else None
    readings, uses = run_live(body, 35.0, 60, trigger)
    feed = begin_feed(PLAN)
    for index, used in enumerate(uses):
        if index < 30:
            feed, now = up_to(PLAN, feed, used, body.pulse, body.belt, trigger), used
        else:
            new = slice(feed.state.samples, used.samples)
            feed = with_rows(PLAN, feed, body.pulse[new], body.belt[new], None if trigger is None else trigger[new])
            feed, now = live(feed, 35.0 + (index + 1) * TR_S + 0.4, index * TR_S, TR_S, 0)
        feed, reading = volume_columns(PLAN, feed, now, index * TR_S, MOMENTS)
        assert (now, reading) == (used, readings[index])


def test_a_record_shorter_than_its_journal_is_noticed():
    body = a_body(6, 40.0)
    used = Used(len(body.pulse) + 1, 5.0)
    feed = up_to(PLAN, begin_feed(PLAN), used, body.pulse, body.belt)
    with pytest.raises(ValueError, match="samples are in"):
        volume_columns(PLAN, feed, used, 1.0, MOMENTS)


def test_a_file_that_was_never_live_serves_each_volume_to_its_own_end():
    assert as_if_live(PLAN, -20.0, 3.0, 10**6) == Used(int(23 * RATE_HZ), 20.0)
    assert as_if_live(PLAN, 50.0, 3.0, 10**6) == Used(0, -50.0)
    assert as_if_live(PLAN, 0.0, 100.0, 500) == Used(500, 0.0)


def test_the_operator_is_told_each_reason_once_and_beginnings_never():
    body = a_body(7, 120.0)
    belt = body.belt.copy()
    belt[int(60 * RATE_HZ) : int(80 * RATE_HZ)] = 2.0
    feed, told = begin_feed(PLAN), []
    for index in range(90):
        used = Used(int((index + 2) * RATE_HZ), 0.0)
        feed = up_to(PLAN, feed, used, body.pulse, belt)
        feed, reading = volume_columns(PLAN, feed, used, float(index), mid_volume(1.0))
        feed, faults = faults_of(feed, reading)
        told += faults
    assert [(fault.code, fault.text) for fault in told] == [("physio_respiratory", "The breathing belt is not used: it is flat.")]
