"""The values that one participant lends another: aligned by volume number, and refused where they do not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.messages import (
    BlockInfo,
    Confirmed,
    DisplaySettings,
    Entities,
    Envelope,
    RunStart,
    RunStop,
    VolumeMessage,
)
from rtfmri.sham.protocol import differences, protocol_of, recorded_protocol
from rtfmri.sham.yoke import unfit, yoke_of
from rtfmri.study import Study

BLOCKS = (
    BlockInfo(name="rest", onset_s=0.0, duration_s=8.0, role="rest"),
    BlockInfo(name="self_compassion", onset_s=8.0, duration_s=8.0, role="regulate"),
    BlockInfo(name="show", onset_s=16.0, duration_s=4.0, role="other"),
)
OK, HELD, MISSING, SETTLING = "ok", "held", "missing", "settling"


def run(words: list[tuple[str, float | None]], feedback: Any = "continuous", **changes: Any) -> list[Envelope]:
    """A run of as many planned volumes as ``words``, (validity, feedback) each."""
    start = RunStart(
        software="test",
        study="small",
        entities=Entities(sub="01"),
        run_kind=changes.get("run_kind", "feedback"),
        run_uid="u",
        started_unix_s=0.0,
        tr_s=1.0,
        dummies=0,
        planned_volumes=len(words),
        blocks=BLOCKS,
        rois=(),
        range_percent=changes.get("range_percent", 1.0),
        measure=changes.get("measure", "difference"),
        display=DisplaySettings(feedback=feedback),
        fd_hold_mm=0.5,
        stale_after_s=2.5,
        pause_after_s=10.0,
    )
    confirmed = Confirmed(
        tr_s=changes.get("tr_s", 1.0), shape=(4, 4, 4), voxel_size_mm=(3, 3, 3), planned_volumes=len(words), blocks=BLOCKS, rois=()
    )
    volumes = [
        VolumeMessage(index=n, condition=None, block=None, validity=validity, feedback=value)  # type: ignore[arg-type]
        for n, (validity, value) in enumerate(words)
    ]
    stop = RunStop(exit_status=changes.get("exit_status", "completed"), reason="", counts={}, stopped_unix_s=0.0)
    messages = (start, confirmed, *volumes, stop)
    return [Envelope(run_uid="u", seq=n, sent_unix_s=0.0, message=message) for n, message in enumerate(messages)]


@given(st.lists(st.none() | st.floats(-1, 1), min_size=1, max_size=40))
def test_value_n_is_what_was_shown_with_volume_n(values: list[float | None]) -> None:
    assert yoke_of(run([(SETTLING if value is None else OK, value) for value in values])) == tuple(values)


def test_a_held_stretch_becomes_the_straight_line_between_its_neighbours() -> None:
    assert yoke_of(run([(OK, 0.0), (HELD, None), (MISSING, None), (OK, 0.75)])) == (0.0, 0.25, 0.5, 0.75)


@given(st.lists(st.tuples(st.sampled_from([OK, HELD, MISSING, SETTLING]), st.floats(-1, 1)), min_size=1, max_size=40))
def test_a_filled_value_lies_between_those_that_were_shown(drawn: list[tuple[str, float]]) -> None:
    yoke = yoke_of(run([(word, value if word == OK else None) for word, value in drawn]))
    shown = [value if word == OK else None for word, value in drawn]
    assert len(yoke) == len(shown)
    known = [value for value in shown if value is not None]
    for place, value in enumerate(yoke):
        if shown[place] is not None or value is None:
            assert value == shown[place]
        else:
            assert min(known) - 1e-12 <= value <= max(known) + 1e-12
            assert drawn[place][0] in (HELD, MISSING), "a value that had not settled is never made up"


def test_a_held_stretch_beside_values_that_had_not_settled_has_none() -> None:
    assert yoke_of(run([(HELD, None), (OK, 0.5), (SETTLING, None), (HELD, None), (OK, 0.1)])) == (None, 0.5, None, None, 0.1)


def test_the_last_value_stands_to_the_end() -> None:
    assert yoke_of(run([(SETTLING, None), (OK, 0.5), (HELD, None), (MISSING, None)])) == (None, 0.5, 0.5, 0.5)


def test_a_volume_number_that_has_no_message_is_a_missing_one() -> None:
    envelopes = [e for e in run([(OK, 0.0), (OK, 9.0), (OK, 1.0)]) if not (isinstance(e.message, VolumeMessage) and e.message.index == 1)]
    assert yoke_of(envelopes) == (0.0, 0.5, 1.0)


def test_scores_of_an_intermittent_run_are_never_drawn_out_between_blocks() -> None:
    words = [(OK, None), (OK, 0.5), (HELD, None), (OK, 0.7), (OK, None)]
    assert yoke_of(run(words, feedback="intermittent")) == (None, 0.5, None, 0.7, None)


@pytest.mark.parametrize(
    ("words", "changes", "said"),
    [
        ([(OK, 0.5)] * 20, {"exit_status": "stopped"}, "not recorded to its planned end"),
        ([(OK, 0.5)] * 20, {"run_kind": "transfer"}, "transfer run, which showed nothing"),
        ([(SETTLING, None)] * 20, {}, "never showed a value"),
        ([(OK, 0.5), (HELD, None), (OK, 0.5)] * 7, {}, "7 of its 21 volumes were held or missing, more than 20%"),
        ([(OK, 0.5)] * 60 + [(HELD, None)] * 11 + [(OK, 0.5)], {}, "held for 11 s on end, longer than the 10 s"),
        ([(OK, 0.5)] * 16 + [(OK, None)] * 4, {"feedback": "intermittent"}, "no score to show"),
    ],
)
def test_a_run_that_cannot_be_shown_says_why(words: Any, changes: Any, said: str) -> None:
    feedback = changes.pop("feedback", "continuous")
    assert said in "; ".join(unfit(run(words, feedback=feedback, **changes)))


def test_a_sound_run_is_fit() -> None:
    assert unfit(run([(OK, 0.5)] * 18 + [(HELD, None), (OK, 0.25)])) == []
    assert unfit(run([(OK, None)] * 16 + [(OK, 0.5)] * 4, feedback="intermittent")) == []


def test_runs_of_one_protocol_do_not_differ(small_study: Study) -> None:
    here = protocol_of(small_study)
    assert here is not None
    assert differences(here, here) == []


def test_every_difference_is_said_at_once() -> None:
    wanted = recorded_protocol(run([(OK, 0.5)] * 20))
    found = recorded_protocol(run([(OK, 0.5)] * 10, feedback="intermittent", range_percent=2.0, tr_s=2.0, measure="z"))
    assert wanted is not None
    assert found is not None
    said = "; ".join(differences(wanted, found))
    for word in (
        "TR is 2 s, not 1 s",
        "10 planned volumes, not 20",
        "range is 2 %",
        "measure is z",
        "display is intermittent (circle), not continuous",
    ):
        assert word in said
    assert differences(wanted, wanted.model_copy(update={"blocks": BLOCKS[:2]})) == ["its blocks have other names, times or lengths"]
