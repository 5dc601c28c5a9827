"""Pulse and breathing against simulated bodies whose beats, breaths and effects are known."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from physio_truth import (
    BEFORE_S,
    RATE_HZ,
    a_body,
    explained,
    fourier,
    offline_columns,
    physiological_signal,
    respiration_response,
    slow_part,
    stream_columns,
    true_cardiac_phase,
)

from rtfmri.errors import StudyError
from rtfmri.signals.physiology import breath, pulse
from rtfmri.signals.physiology.plan import PhysioPlan, mid_volume, of_slices, plan_physiology
from rtfmri.signals.physiology.response import RESPIRATION_RESPONSE, STEP_S
from rtfmri.signals.physiology.stream import PhysioReading, add, begin, columns, warm_up
from rtfmri.signals.physiology.trace import empty_trace, extended, known_stretch, latest
from rtfmri.study import parse_study
from rtfmri.study.physiology import Physiology

PLAN = PhysioPlan(RATE_HZ, True, True, 2, 2, True, True)
AFTER_S = np.arange(6) * 0.15


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    warm_up()


def beats_found(body):
    every = 4
    thinned = body.pulse[: len(body.pulse) // every * every].reshape(-1, every).mean(axis=1)
    return pulse.beats_of(1.5 / RATE_HZ, thinned, RATE_HZ / every)


@pytest.mark.parametrize(("noise", "seed"), [(0.02, 0), (0.05, 1), (0.05, 2)])
def test_every_beat_is_found_within_20_ms_and_no_other(noise, seed):
    body = a_body(seed, 60.0, noise=noise)
    found, true = beats_found(body), body.beats_s[(body.beats_s > 1.0) & (body.beats_s < 59.5)]
    apart = np.abs(found[:, None] - body.beats_s)
    assert apart.min(axis=1)[found > 1.0].max() < 0.020
    assert np.abs(found[:, None] - true).min(axis=0).max() < 0.020


def test_strong_noise_moves_no_beat_by_more_than_50_ms():
    body = a_body(5, 60.0, noise=0.2)
    found, true = beats_found(body), body.beats_s[(body.beats_s > 1.0) & (body.beats_s < 59.5)]
    nearest = np.abs(found[:, None] - true).min(axis=0)
    assert nearest.max() < 0.050


@settings(max_examples=25)
@given(st.floats(40, 140), st.floats(0.01, 1e4), st.floats(-1e4, 1e4), st.sampled_from([50.0, 100.0, 125.0]))
def test_beats_do_not_depend_on_the_units_of_the_trace(per_minute, gain, level, rate_hz):
    t = np.arange(int(20 * rate_hz)) / rate_hz
    true = np.arange(0.7, 19.5, 60 / per_minute)
    trace = sum(np.exp(-0.5 * ((t - beat) / 0.09) ** 2) for beat in true)
    found = pulse.beats_of(0.0, gain * trace + level, rate_hz)
    inner = true[(true > 1.5) & (true < 19.0)]
    assert np.abs(found[:, None] - inner).min(axis=0).max() < 0.015
    assert len(found) <= len(true)


def test_a_phase_between_two_beats_is_the_part_that_has_passed_and_after_the_last_a_prediction():
    beats = np.array([1.0, 2.0, 3.0, 4.0, 4.8])
    phases = pulse.cardiac_phase(beats, np.array([0.5, 2.25, 4.4, 5.05])) / (2 * np.pi)
    assert np.isnan(phases[0])
    np.testing.assert_allclose(phases[1:], [0.25, 0.5, 0.25])


def test_a_beat_that_was_not_seen_does_not_stretch_the_phase():
    beats = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 7.0])
    assert pulse.cardiac_phase(beats, np.array([5.25]))[0] == pytest.approx(np.pi / 2)


def test_respiratory_phase_is_glovers_histogram_to_its_bin():
    """The oracle: 100 bins over the last two breaths, cumulated, times the sign of the slope."""
    smooth = breath.smoothed(a_body(3, 60.0, noise=0.0).belt[8::16].copy(), 25.0)
    usual = breath.usual_range(np.sort(smooth))
    found, oracle, slopes = [], [], []
    for end in range(500, len(smooth), 9):
        part = smooth[:end]
        turns = breath.turns_of(part, breath.TURN * usual)
        found += breath.respiratory_phase(0.0, part, 25.0, turns, 0.0, np.array([(end - 12) / 25])).tolist()
        recent = part[turns[0][-5] :]
        counts, edges = np.histogram(recent, 100)
        oracle.append(np.pi * np.cumsum(counts)[np.clip(np.digitize(part[end - 12], edges) - 1, 0, 99)] / len(recent))
        slopes.append(part[end - 7] - part[end - 17])
    np.testing.assert_allclose(np.abs(found), oracle, atol=0.2)
    clear = np.abs(slopes) > 0.01  # at a turn the sign is anybody's, and the sine is zero
    assert (np.array(found) * slopes >= 0)[clear].all()


def test_the_respiratory_terms_do_not_go_with_the_depth_of_breathing(monkeypatch):
    """Deeper breathing in every other 40 s: the terms' means there and elsewhere are alike, else they would be regulation."""
    n = int((BEFORE_S + 405) * RATE_HZ)
    calm = ((np.arange(n) / RATE_HZ - BEFORE_S) % 80 > 40).astype(float)
    starts_s = BEFORE_S + np.arange(400.0)
    deep = calm[(starts_s * RATE_HZ).astype(int)] > 0.5
    body, apart = a_body(15, n / RATE_HZ, calm), []
    for breaths in (breath.BREATHS, 1000):
        monkeypatch.setattr(breath, "BREATHS", breaths)
        rows = np.array([r.columns for r in stream_columns(PLAN, body, starts_s, AFTER_S, 1.0)])[:, 4:8]
        apart.append(np.abs(rows[deep].mean(axis=0) - rows[~deep].mean(axis=0)).max())
    print("means of the terms apart, last breaths and last minute:", apart)
    assert apart[0] < 0.5 * apart[1]


def test_a_held_breath_brings_the_volume_per_time_down_and_has_no_phase():
    t = np.arange(0.0, 60.0, 0.04)
    belt = np.where(t < 40.0, 0.5 * (1 - np.cos(2 * np.pi * 0.25 * t)), 0.0)
    smooth = breath.smoothed(belt, 25.0)
    turns = breath.turns_of(smooth, breath.TURN * breath.usual_range(np.sort(smooth)))
    at_s = np.array([30.0, 45.0, 58.0])
    rates = breath.volume_per_time(0.0, smooth, 25.0, turns, at_s)
    assert rates[0] == pytest.approx(0.25, rel=0.1)
    assert rates[1:] == pytest.approx([1 / 9.0, 1 / 22.0], rel=0.1)  # since the breath began that never ended, at 36 s
    phases = breath.respiratory_phase(0.0, smooth, 25.0, turns, breath.STILL * 1.0, np.array([57.0]))
    assert np.isnan(phases).all()


def test_the_response_is_birns_and_peaks_where_his_does():
    lags = STEP_S * np.arange(len(RESPIRATION_RESPONSE))
    theirs = respiration_response(lags)
    np.testing.assert_allclose(RESPIRATION_RESPONSE, theirs / np.abs(theirs).sum(), atol=1e-12)
    assert 2.5 <= lags[RESPIRATION_RESPONSE.argmax()] <= 4.0


@pytest.mark.parametrize(("tr_s", "noise"), [(1.0, 0.05), (2.0, 0.15)])
def test_causal_columns_remove_nearly_what_an_offline_retroicor_of_the_whole_run_removes(tr_s, noise):
    for seed in (0, 1):
        body = a_body(seed, BEFORE_S + 365.0, noise=noise)
        starts_s = BEFORE_S + tr_s * np.arange(int(360 / tr_s))
        signal = physiological_signal(body, starts_s, AFTER_S * tr_s)
        readings = stream_columns(PLAN, body, starts_s, AFTER_S * tr_s, tr_s)
        offline, causal = (
            explained(signal, offline_columns(body, starts_s, AFTER_S * tr_s)),
            explained(signal, np.array([reading.columns for reading in readings])),
        )
        print(f"TR {tr_s:g} s, noise {noise:g}: offline {offline:.3f}, causal {causal:.3f} of the variance")
        assert causal > 0.9
        assert causal > offline - 0.05
        assert not any(reading.cardiac or reading.respiratory for reading in readings)


def test_each_part_of_the_signal_is_found_by_its_own_columns_even_in_task_locked_breathing():
    n = int((BEFORE_S + 365) * RATE_HZ)
    calm = ((np.arange(n) / RATE_HZ - BEFORE_S) % 80 > 40).astype(float)
    body = a_body(4, n / RATE_HZ, calm)
    starts_s = BEFORE_S + np.arange(360.0)
    rows = np.array([reading.columns for reading in stream_columns(PLAN, body, starts_s, AFTER_S, 1.0)])
    moments = starts_s[:, None] + AFTER_S
    heart = fourier(true_cardiac_phase(body, moments), (0.8, -0.5, 0.3, 0.2)).mean(axis=1)
    chest = fourier(np.interp(moments, body.times_s, body.breath_phase), (0.7, 0.6, 0.2, -0.2)).mean(axis=1)
    found = [explained(heart, rows[:, :4]), explained(chest, rows[:, 4:8]), explained(slow_part(body, starts_s + 0.4), rows[:, 8:9])]
    print("cardiac, respiratory, volume per time:", np.round(found, 3))
    assert found[0] > 0.85
    assert found[1] > 0.8
    assert found[2] > 0.95


def test_the_moments_of_the_slices_serve_better_than_mid_volume():
    body = a_body(6, BEFORE_S + 305.0)
    starts_s = BEFORE_S + 2.0 * np.arange(150)
    after_s = np.array([0.1, 0.3, 0.5])  # the regions' slices are measured early
    heart = fourier(true_cardiac_phase(body, starts_s[:, None] + after_s), (1.0, 0.5)).mean(axis=1)
    slices = stream_columns(PLAN, body, starts_s, after_s, 2.0)
    middle = stream_columns(PLAN, body, starts_s, mid_volume(2.0).after_s, 2.0)
    by_slices, by_middle = (explained(heart, np.array([r.columns[:4] for r in readings])) for readings in (slices, middle))
    assert by_slices > 0.9
    assert by_slices > by_middle + 0.05


def test_slices_of_the_same_moment_are_one_and_empty_ones_none():
    moments = of_slices((0.0, 0.5, 0.0, 0.5, 1.0), (10, 20, 10, 40, 0))
    assert moments.after_s.tolist() == [0.0, 0.5]
    np.testing.assert_allclose(moments.shares, [0.25, 0.75])


def test_nothing_later_than_what_was_added_is_used():
    body = a_body(7, 60.0)
    cut = int(45.0 * RATE_HZ)
    _, before = columns(PLAN, add(begin(PLAN), body.pulse[:cut], body.belt[:cut]), 43.5, mid_volume(1.0))
    other = a_body(8, 60.0)
    mixed = [np.concatenate((mine[:cut], theirs[cut:])) for mine, theirs in ((body.pulse, other.pulse), (body.belt, other.belt))]
    _, again = columns(PLAN, add(begin(PLAN), mixed[0][:cut], mixed[1][:cut]), 43.5, mid_volume(1.0))
    assert before == again
    assert before.samples == cut


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3000), max_size=12))
def test_the_same_samples_in_other_batches_give_the_same_bits(cuts):
    body = a_body(9, 30.0)
    whole = add(begin(PLAN), body.pulse, body.belt)
    parts, done = begin(PLAN), 0
    for size in [*cuts, len(body.pulse)]:
        parts = add(parts, body.pulse[done : done + size], body.belt[done : done + size])
        done += size
    assert columns(PLAN, parts, 28.0, mid_volume(1.0))[1] == columns(PLAN, whole, 28.0, mid_volume(1.0))[1]


def test_a_held_breath_in_a_run_is_followed_by_its_column_and_told_to_nobody():
    """20 s of apnoea: the true volume per time falls to zero and so, through the response, does the column; other columns stay finite."""
    body = a_body(16, BEFORE_S + 130.0)
    held = (body.times_s > 90.0) & (body.times_s < 110.0)
    noise = 0.01 * np.random.default_rng(0).standard_normal(len(held))
    body = replace(
        body,
        belt=np.where(held, body.belt[int(90 * RATE_HZ)] + noise, body.belt),
        breathing=np.where(held, 0.0, body.breathing),
    )
    starts_s = BEFORE_S + np.arange(120.0)
    readings = stream_columns(PLAN, body, starts_s, AFTER_S, 1.0)
    found = explained(slow_part(body, starts_s + AFTER_S.mean()), np.array([reading.columns[8:9] for reading in readings]))
    print(f"volume per time through an apnoea: {found:.3f} of its variance")
    assert found > 0.85
    assert not any(reading.respiratory for reading in readings)


NOISE = np.random.default_rng(0).standard_normal(int(60 * RATE_HZ))
TROUBLE = {
    "flat": (lambda x: np.where(np.arange(len(x)) < 50 * RATE_HZ, x, 1.0), "it is flat"),
    "gone": (lambda x: np.where(np.arange(len(x)) < 50 * RATE_HZ, x, np.nan), "nothing of it came in time"),
    "never": (lambda x: np.full(len(x), np.nan), "nothing of it came in time"),
    "clipped": (lambda x: np.clip(x, np.quantile(x, 0.3), np.quantile(x, 0.7)), "it is clipped"),
    "constant": (lambda x: np.full(len(x), 3.0), "it is flat"),
}


@pytest.mark.parametrize("signal", ["cardiac", "respiratory"])
@pytest.mark.parametrize("what", TROUBLE)
def test_a_bad_signal_gives_zeros_with_its_reason_and_the_other_stays(signal, what):
    body = a_body(10, 60.0)
    spoil, why = TROUBLE[what]
    good = add(begin(PLAN), body.pulse, body.belt)
    _, well = columns(PLAN, good, 58.5, mid_volume(1.0))
    traces = (spoil(body.pulse), body.belt) if signal == "cardiac" else (body.pulse, spoil(body.belt))
    _, ill = columns(PLAN, add(begin(PLAN), *traces), 58.5, mid_volume(1.0))
    mine = [place for place, name in enumerate(PLAN.names) if (name.startswith("cardiac") or name == "heart_rate") == (signal == "cardiac")]
    others = [place for place in range(PLAN.size) if place not in mine]
    assert getattr(ill, signal) == why
    assert all(ill.columns[place] == 0.0 for place in mine)
    assert [ill.columns[place] for place in others] == [well.columns[place] for place in others]
    assert (well.cardiac, well.respiratory) == ("", "")


def test_noise_alone_is_neither_pulse_nor_breathing():
    _, reading = columns(PLAN, add(begin(PLAN), NOISE, NOISE), 58.5, mid_volume(1.0))
    assert reading.respiratory == "no breathing is seen in it, only noise"
    assert reading.columns[4:9] == (0.0,) * 5


@settings(max_examples=40)
@given(st.integers(0, 3000), st.sampled_from([1, 3, 16]), st.integers(0, 2**31))
def test_a_trace_keeps_the_means_of_what_is_known_at_the_middle_of_their_samples(n, every, seed):
    rng = np.random.default_rng(seed)
    samples = np.where(rng.random(n) < 0.5, np.nan, rng.standard_normal(n))
    trace = extended(empty_trace(400.0, 399.0 / every, 2.0), samples)
    first_s, values = latest(trace)
    whole = samples[: n // every * every].reshape(-1, every)
    kept = min(len(whole), len(trace.kept))
    oracle = [np.mean(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in whole[len(whole) - kept :]]
    np.testing.assert_allclose(values, oracle, atol=1e-12)
    if kept:
        middle = (np.arange(n) / 400.0)[: n // every * every].reshape(-1, every).mean(axis=1)[-kept]
        assert first_s == pytest.approx(middle)


def test_a_stretch_ends_where_the_next_long_gap_begins_and_short_gaps_are_straight_lines():
    values = np.array([5.0, np.nan, np.nan, np.nan, 1.0, np.nan, 2.0, 4.0, np.nan])
    first_s, stretch = known_stretch(10.0, values, 1.0, 2.0)
    assert first_s == 14.0
    assert stretch.tolist() == [1.0, 1.5, 2.0, 4.0]
    assert len(known_stretch(0.0, np.full(9, np.nan), 1.0, 2.0)[1]) == 0


def test_a_short_gap_is_bridged_and_after_a_long_one_the_signal_comes_back():
    body = a_body(11, 60.0)
    lost = slice(int(40 * RATE_HZ), int(40.1 * RATE_HZ))
    holed = [trace.copy() for trace in (body.pulse, body.belt)]
    for trace in holed:
        trace[lost] = np.nan
    _, whole = columns(PLAN, add(begin(PLAN), body.pulse, body.belt), 58.5, mid_volume(1.0))
    _, bridged = columns(PLAN, add(begin(PLAN), *holed), 58.5, mid_volume(1.0))
    np.testing.assert_allclose(bridged.columns, whole.columns, atol=0.05)
    for trace in holed:
        trace[int(20 * RATE_HZ) : int(30 * RATE_HZ)] = np.nan
    _, back = columns(PLAN, add(begin(PLAN), *holed), 58.5, mid_volume(1.0))
    assert (back.cardiac, back.respiratory) == ("", "")
    np.testing.assert_allclose(back.columns[:4], whole.columns[:4], atol=0.05)


@settings(max_examples=30)
@given(st.integers(0, 2**31), st.integers(0, 6), st.sampled_from([25.0, 50.0, 400.0, 1000.0]))
def test_whatever_the_traces_are_the_columns_are_finite(seed, kind, rate_hz):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40 * rate_hz))
    t = np.arange(n) / rate_hz
    traces = [
        rng.standard_normal(n) * 1e12,
        np.sign(np.sin(2 * np.pi * t)),
        np.where(rng.random(n) < 0.3, np.nan, rng.standard_normal(n)),
        t * 1e6,
        np.round(np.sin(2 * np.pi * t)),
        np.where(rng.random(n) < 0.001, 1e15, np.sin(2 * np.pi * 1.1 * t)),
        np.where(rng.random(n) < 0.1, np.inf, np.sin(2 * np.pi * 0.3 * t)),
    ]
    plan = PhysioPlan(rate_hz, True, True, 3, 3, True, True)
    _, reading = columns(plan, add(begin(plan), traces[kind], traces[kind - 1]), n / rate_hz - 1.0, mid_volume(1.0))
    assert len(reading.columns) == plan.size
    assert np.isfinite(reading.columns).all()


def test_what_a_study_asks_for_stands_in_the_plan_and_absent_columns_are_zero():
    rule = Physiology(cardiac="ppg", cardiac_order=3, respiratory_order=1, heart_rate=False)
    plan = plan_physiology(rule, 100.0, ("respiratory", "trigger"))
    assert plan.names[:2] == ("cardiac_cos1", "cardiac_sin1")
    assert plan.size == 6 + 2 + 1
    body = a_body(12, 40.0, rate_hz=100.0)
    _, reading = columns(plan, add(begin(plan), body.pulse, body.belt), 38.0, mid_volume(1.0))
    assert reading.cardiac == "the source has no such column"
    assert reading.columns[:6] == (0.0,) * 6
    assert reading.columns[6] != 0.0


def test_a_signal_that_is_sampled_more_slowly_than_the_rows_serves_as_well():
    """As two BIDS files of 400 and 50 Hz are merged: seven of eight rows hold no breathing."""
    body = a_body(17, 60.0)
    sparse = np.full_like(body.belt, np.nan)
    sparse[::8] = body.belt[::8]
    _, whole = columns(PLAN, add(begin(PLAN), body.pulse, body.belt), 58.5, mid_volume(1.0))
    _, thin = columns(PLAN, add(begin(PLAN), body.pulse, sparse), 58.5, mid_volume(1.0))
    assert (thin.cardiac, thin.respiratory) == ("", "")
    np.testing.assert_allclose(thin.columns, whole.columns, atol=0.2)


def test_memory_is_the_last_minute_however_long_the_session():
    state = begin(PLAN)
    sizes = (state.cardiac.kept.nbytes, state.respiratory.kept.nbytes)
    hour = np.sin(np.arange(int(600 * RATE_HZ)) / 100)
    for _ in range(6):
        state = add(state, hour, hour)
    assert (state.cardiac.kept.nbytes, state.respiratory.kept.nbytes) == sizes
    assert sum(sizes) < 100_000


def test_a_volume_costs_little():
    """Ten times what is measured on an idle core, so that only a blunder fails here; `make bench` prints the figure."""
    body = a_body(13, 70.0)
    state = add(begin(PLAN), body.pulse, body.belt)
    moments = of_slices(tuple(np.arange(20) * 0.05), (5,) * 20)
    spent = []
    for _ in range(15):
        began = time.thread_time()
        assert isinstance(columns(PLAN, state, 68.0, moments)[1], PhysioReading)
        spent.append(time.thread_time() - began)
    assert min(spent) < 0.003


def test_a_belt_the_other_way_round_spans_the_same_columns():
    body = a_body(14, 60.0)
    _, one = columns(PLAN, add(begin(PLAN), body.pulse, body.belt), 50.0, mid_volume(1.0))
    _, other = columns(PLAN, add(begin(PLAN), body.pulse, -body.belt), 50.0, mid_volume(1.0))
    np.testing.assert_allclose(np.array(other.columns[4:8]) * [-1, -1, 1, 1], one.columns[4:8], atol=0.05)


def test_a_study_that_asks_for_physiology_must_say_where_it_comes_from():
    plain = {
        "study": {"name": "x"},
        "roi": [{"name": "a", "sphere_mni_mm": [0, 0, 0], "weight": 1.0}],
        "paradigm": {"cycle": [{"block": "rest", "s": 40}]},
    }
    asking = plain | {"signal": {"nuisance": ["drift", "motion6", "physiology"]}}
    with pytest.raises(StudyError, match=r"needs the section \[physiology\]"):
        parse_study(asking, Path("."))
    assert parse_study(asking | {"physiology": {}}, Path(".")).physiology == Physiology()
    assert parse_study(plain, Path(".")).physiology is None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"cardiac": "x", "respiratory": "x"}, "three different column names"),
        ({"cardiac_order": 0, "respiratory_order": 0, "respiration_volume": False, "heart_rate": False}, "there is no regressor"),
        ({"address": "5570"}, "physiology.address"),
        ({"files": ["absent_physio.tsv.gz"]}, "is not there"),
        ({"rate_hz": 1}, "physiology.rate_hz"),
    ],
)
def test_mistakes_in_the_section_are_told_in_words(section, words):
    plain = {
        "study": {"name": "x"},
        "roi": [{"name": "a", "sphere_mni_mm": [0, 0, 0], "weight": 1.0}],
        "paradigm": {"cycle": [{"block": "rest", "s": 40}]},
    }
    with pytest.raises(StudyError, match=words):
        parse_study(plain | {"physiology": section}, Path("."))
