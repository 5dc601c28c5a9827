"""The belt's wire and the places of its samples: pure, no sockets."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtfmri.messages import WireError
from rtfmri.stream.physio_rows import LONGEST_GAP_S, Rows, all_placed, placed
from rtfmri.stream.physio_wire import MOST_SAMPLES, PhysioBatch, decode_batch

NAMES = ("cardiac", "respiratory", "trigger")
RATE_HZ = 100.0


def a_batch(first=0, size=10, time_s=None, received_unix_s=None, **columns) -> PhysioBatch:
    """Samples of "cardiac" are their own number."""
    time_s = 500.0 + first / RATE_HZ if time_s is None else time_s
    received_unix_s = 9000.0 + time_s + size / RATE_HZ + 0.02 if received_unix_s is None else received_unix_s
    return PhysioBatch(first, time_s, RATE_HZ, columns or {"cardiac": np.arange(first, first + size, dtype=float)}, received_unix_s)


def as_json(**said) -> bytes:
    return json.dumps({"first": 5, "time_s": 1.5, "rate_hz": 400.0} | said).encode()


def test_a_json_batch_is_read_with_what_is_not_known_as_nan():
    batch = decode_batch([as_json(cardiac=[1, None, 2.5], respiratory=[3, 4, 5], comment="x")], 7.0)
    assert (batch.first, batch.time_s, batch.rate_hz, batch.size, batch.received_unix_s) == (5, 1.5, 400.0, 3, 7.0)
    np.testing.assert_array_equal(batch.columns["cardiac"], [1, np.nan, 2.5])
    assert set(batch.columns) == {"cardiac", "respiratory"}


def test_packed_samples_are_the_same_as_listed_ones():
    samples = np.array([[0.5, 3.0], [np.inf, -2.0], [1.25, 0.0]])
    packed = decode_batch([as_json(columns=["cardiac", "respiratory"]), samples.astype("<f4").tobytes()], 0.0)
    listed = decode_batch([as_json(cardiac=[0.5, None, 1.25], respiratory=[3.0, -2.0, 0.0])], 0.0)
    for name in ("cardiac", "respiratory"):
        np.testing.assert_array_equal(packed.columns[name], listed.columns[name])


RUBBISH = [
    [],
    [b""],
    [b"\xff\xfe\x00"],
    [b"[]"],
    [b"{}"],
    [as_json()],
    [as_json(cardiac=[])],
    [as_json(cardiac=[1], respiratory=[1, 2])],
    [as_json(cardiac=["high"])],
    [as_json(cardiac=[[1], [2]])],
    [as_json(cardiac=[{}])],
    [as_json(cardiac=[10**400])],
    [as_json(cardiac=[1], first=-1)],
    [as_json(cardiac=[1], first="3")],
    [as_json(cardiac=[1], rate_hz=0)],
    [as_json(cardiac=[1], time_s=None)],
    [b'{"first": 1, "time_s": NaN, "rate_hz": 400, "cardiac": [1]}'],
    [as_json(cardiac=[0] * (MOST_SAMPLES + 1))],
    [as_json(**{f"c{number}": [1] for number in range(40)})],
    [as_json(columns=["a", "b"]), b"\x00" * 12],
    [as_json(columns=["a", "a"]), b"\x00" * 16],
    [as_json(), b"\x00" * 16],
    [as_json(cardiac=[1]), b"", b""],
]


@pytest.mark.parametrize("frames", RUBBISH, ids=range(len(RUBBISH)))
def test_what_is_no_batch_is_refused_in_words(frames):
    with pytest.raises(WireError) as refusal:
        decode_batch(frames, 0.0)
    assert str(refusal.value)


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=60), max_size=3))
def test_no_bytes_whatever_raise_anything_else(frames):
    with pytest.raises(WireError):
        decode_batch(frames, 0.0)


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5), lambda part: st.lists(part, max_size=4))


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(["first", "time_s", "rate_hz", "columns", "cardiac", "trigger"]), JSON))
def test_no_json_whatever_raises_anything_else(said):
    try:
        batch = decode_batch([json.dumps(said).encode(), *([b"\0" * 8] if "columns" in said else [])], 0.0)
    except WireError:
        return
    assert batch.size >= 1


def test_batches_in_a_row_are_rows_in_a_row():
    state, rows, why = all_placed(Rows(NAMES, RATE_HZ), [a_batch(40), a_batch(50, 5), a_batch(55, 20)])
    assert (state.rows, why) == (35, "")
    np.testing.assert_array_equal(rows[:, 0], np.arange(40, 75))
    assert np.isnan(rows[:, 1:]).all()


def test_lost_samples_are_rows_of_nan_and_repeated_ones_are_cut():
    state, rows, why = all_placed(Rows(NAMES, RATE_HZ), [a_batch(0), a_batch(15), a_batch(20)])
    assert (state.rows, why) == (30, "")
    np.testing.assert_array_equal(rows[:, 0], [*range(10), *[np.nan] * 5, *range(15, 30)])


def test_a_program_that_begins_to_count_anew_goes_on_where_its_clock_says():
    state, rows, _ = all_placed(Rows(NAMES, RATE_HZ), [a_batch(1000), a_batch(0, time_s=500 + 10 + 0.5)])
    assert state.rows == 60
    np.testing.assert_array_equal(rows[:, 0], [*range(1000, 1010), *[np.nan] * 40, *range(10)])
    _, rows, _ = all_placed(state, [a_batch(10, time_s=500 + 10 + 0.6)])
    np.testing.assert_array_equal(rows[:, 0], range(10, 20))


def test_a_clock_that_jitters_moves_no_sample():
    rng = np.random.default_rng(0)
    batches = [a_batch(10 * n, time_s=500 + 0.1 * n + rng.uniform(0, 0.03)) for n in range(50)]
    _, rows, _ = all_placed(Rows(NAMES, RATE_HZ), batches)
    np.testing.assert_array_equal(rows[:, 0], range(500))


def test_samples_of_a_clock_that_runs_otherwise_stay_within_the_slack():
    """The sampling is 0.1 % slower than it says: after 300 s it is 0.3 s behind."""
    batches = [a_batch(10 * n, time_s=500 + 0.1 * 1.001 * n) for n in range(3000)]
    state, _, why = all_placed(Rows(NAMES, RATE_HZ), batches)
    assert why == ""
    assert state.rows / RATE_HZ == pytest.approx(300.3, abs=0.06)


@pytest.mark.parametrize(
    ("batch", "why"),
    [
        (PhysioBatch(20, 500.2, 50.0, {"cardiac": np.ones(5)}, 0.0), "it comes at 50 samples a second, the study says 100"),
        (a_batch(20, 5, pulse=np.ones(5)), "it has the columns pulse; the study asks for cardiac, respiratory, trigger"),
        (a_batch(5, 5), "its time is past: the belt's clock was set back, or two programs send"),
        (a_batch(5, 5, time_s=3.0), "its time is past: the belt's clock was set back, or two programs send"),
        (a_batch(10, 5, time_s=500 + 2 * LONGEST_GAP_S), "its time is 1200 s ahead"),
    ],
)
def test_a_batch_out_of_place_is_refused_in_words_and_harms_nothing(batch, why):
    state, _, _ = placed(Rows(NAMES, RATE_HZ), a_batch(0, 20))
    after, rows, said = placed(state, batch)
    assert (rows, said) == (None, why)
    assert after.rows == state.rows
    np.testing.assert_array_equal(placed(after, a_batch(20, 3))[1][:, 0], [20, 21, 22])


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 30), st.booleans()), min_size=1, max_size=15))
def test_whatever_is_lost_a_sample_stands_at_its_own_number(steps):
    """The model: a dictionary of the samples that were sent."""
    state, got, first = Rows(NAMES, RATE_HZ), np.empty((0, 3)), 0
    model: dict[int, float] = {}
    for lost, size, sent in steps:
        first += lost
        if sent or not model:
            state, rows, why = placed(state, a_batch(first, size))
            assert why == ""
            got = np.concatenate((got, rows))
            model |= {number: float(number) for number in range(first, first + size)}
        first += size
    origin = min(model)
    assert len(got) == max(model) - origin + 1 == state.rows
    np.testing.assert_array_equal(got[:, 0], [model.get(origin + place, np.nan) for place in range(len(got))])


def test_this_computers_clock_is_put_on_the_rows_by_the_quickest_batch():
    delays_s = [0.3, 0.02, 0.5, 0.4]
    batches = [a_batch(10 * n, received_unix_s=9000 + 500 + 0.1 * (n + 1) + delay) for n, delay in enumerate(delays_s)]
    state, _, _ = all_placed(Rows(NAMES, RATE_HZ), batches)
    assert state.row_time_s(9000 + 500 + 7.0) == pytest.approx(7.0 - 0.02)
    assert Rows(NAMES, RATE_HZ).row_time_s(9000.0) is None


def test_a_session_that_was_restarted_goes_on_with_the_rows_it_had():
    before, _, _ = all_placed(Rows(NAMES, RATE_HZ), [a_batch(40, 30)])
    again = Rows(NAMES, RATE_HZ, before.rows, before.counted_from, before.zero_clock_s)
    after, rows, why = all_placed(again, [a_batch(80, 10)])
    assert (after.rows, why) == (50, "")
    np.testing.assert_array_equal(rows[:, 0], [*[np.nan] * 10, *range(80, 90)])
