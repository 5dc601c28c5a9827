"""Baseline and score windows, for every paradigm: by the clock's rule, never late, never from a later rest."""

from hypothesis import given
from hypothesis import strategies as st

from rtfmri.paradigm import Block, first_index_at, lay_out
from rtfmri.signals.windows import baseline_at, baseline_windows, is_open, score_windows
from rtfmri.study import BaselineWindow

TOLERANCE_S = 1e-5
ROLES = st.sampled_from(["rest", "regulate", "other"])
parts = st.lists(st.tuples(ROLES, st.floats(0.5, 60.0)), min_size=1, max_size=12)
paradigms = st.builds(
    lambda parts, dummies_s: lay_out([(role, s, role) for role, s in parts], dummies_s), parts, st.sampled_from([0.0, 4.0, 9.85])
)
rules = st.builds(BaselineWindow, onset_s=st.floats(0, 25), last_s=st.floats(1, 30), lag_s=st.floats(0, 4))
trs = st.sampled_from([0.4, 0.75, 1.0, 1.97, 2.5])


def rests(blocks: tuple[Block, ...]) -> list[Block]:
    return [block for block in blocks if block.role == "rest"]


def window_s(rest: Block, rule: BaselineWindow) -> tuple[float, float]:
    return max(rest.onset_s + rule.onset_s, rest.end_s - rule.last_s), rest.end_s + rule.lag_s


@given(paradigms, rules, trs)
def test_a_window_holds_the_volumes_of_its_rule_and_no_other(blocks, rule, tr_s):
    for rest, window in zip(rests(blocks), baseline_windows(blocks, rule, tr_s), strict=True):
        first_s, last_s = window_s(rest, rule)
        for index in range(int(blocks[-1].end_s / tr_s) + 10):
            t_s = index * tr_s
            if first_s + TOLERANCE_S < t_s < last_s - TOLERANCE_S:
                assert index in window
            if t_s < first_s - TOLERANCE_S or t_s > last_s + TOLERANCE_S:
                assert index not in window


@given(paradigms, rules, trs)
def test_no_dummy_is_ever_a_baseline(blocks, rule, tr_s):
    dummies = [block for block in blocks if block.role == "dummy"]
    for window in baseline_windows(blocks, rule, tr_s):
        assert all(index * tr_s >= block.end_s - TOLERANCE_S for block in dummies for index in window)


@given(paradigms, rules, trs)
def test_a_volumes_baseline_is_the_latest_closed_one_and_lies_before_it(blocks, rule, tr_s):
    windows = baseline_windows(blocks, rule, tr_s)
    for index in range(int(blocks[-1].end_s / tr_s) + 10):
        closed = [rest for rest in rests(blocks) if window_s(rest, rule)[1] < index * tr_s - TOLERANCE_S]
        still_open = [rest for rest in rests(blocks) if window_s(rest, rule)[1] > index * tr_s + TOLERANCE_S]
        baseline = baseline_at(windows, index)
        if baseline is None:
            assert not closed
            continue
        assert baseline.stop <= index
        number = next(number for number, window in enumerate(windows) if window is baseline)
        assert len(closed) - 1 <= number < len(windows) - len(still_open)


@given(paradigms, rules, trs)
def test_a_rest_that_is_too_short_gives_no_baseline_and_not_an_older_one(blocks, rule, tr_s):
    windows = baseline_windows(blocks, rule, tr_s)
    for rest, window in zip(rests(blocks), windows, strict=True):
        first_s, last_s = window_s(rest, rule)
        if first_s > last_s + TOLERANCE_S:
            assert len(window) == 0
            following = [other.stop for other in windows if other.stop > window.stop]
            if not following or following[0] > window.stop:
                assert len(baseline_at(windows, window.stop)) == 0


@given(paradigms, rules, trs)
def test_a_block_is_scored_over_its_response_against_the_rest_before_it(blocks, rule, tr_s):
    for score in score_windows(blocks, rule, tr_s):
        block = blocks[score.block]
        assert block.role == "regulate"
        for index in score.volumes:
            assert block.onset_s + 6 - TOLERANCE_S <= index * tr_s < block.end_s + 6 + TOLERANCE_S
        before = [rest for rest in rests(blocks) if rest.end_s <= block.onset_s + TOLERANCE_S]
        assert score.baseline == (baseline_windows((before[-1],), rule, tr_s)[0] if before else range(0))
        assert score.shown.start == score.volumes.stop
        assert len(score.volumes) <= 1 or score.baseline.stop <= score.volumes.stop


@given(paradigms, rules, trs)
def test_a_score_is_gone_when_the_next_regulation_begins(blocks, rule, tr_s):
    onsets = [first_index_at(block.onset_s, tr_s) for block in blocks if block.role == "regulate"]
    for score in score_windows(blocks, rule, tr_s):
        assert not any(score.shown.start < onset < score.shown.stop for onset in onsets)


def test_the_default_window_of_a_thirty_second_rest():
    """SCIENCE: max(onset + 18, end - 13) to end + 2, both ends included."""
    blocks = lay_out([("rest", 30.0, "rest"), ("regulate", 40.0, "regulate")])
    window = baseline_windows(blocks, BaselineWindow(), 1.0)[0]
    assert window == range(18, 33)
    assert [is_open((window,), index) for index in (17, 18, 32, 33)] == [False, True, True, False]
    assert baseline_at((window,), 32) is None
    assert baseline_at((window,), 33) == window
