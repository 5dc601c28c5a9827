"""What is shown instead of the own value, for every message that there may be; and that closing and opening one loses nothing."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from rtfmri.messages import ControlCondition, Motion, RoiReading, Timing, Validity, VolumeMessage
from rtfmri.sham.blinding import CLEAR, blinded, clear, opened, sealed_size
from rtfmri.sham.choice import as_recorded, shown

KEY = PrivateKey.generate()
numbers = st.floats(allow_nan=False, allow_infinity=False)
parts = st.floats(-1.0, 1.0)
maybe = st.none() | numbers
vectors = st.tuples(numbers, numbers, numbers)
readings = st.builds(RoiReading, raw=numbers, cleaned=maybe, psc=maybe, se=maybe)
conditions = st.sampled_from(get_args(ControlCondition))
VALIDITIES = get_args(Validity)


@st.composite
def messages(draw: Any) -> VolumeMessage:
    """As the pipeline makes them: a value to show is there only where it may be shown."""
    validity = draw(st.sampled_from(VALIDITIES))
    return VolumeMessage(
        index=draw(st.integers(0, 9)),
        condition=draw(st.none() | st.text(max_size=5)),
        block=draw(st.none() | st.integers(0, 20)),
        validity=validity,
        why="" if validity == "ok" else draw(st.text(max_size=30)),
        acquired_s=draw(maybe),
        motion=draw(st.none() | st.builds(Motion, trans_mm=vectors, rot_rad=vectors, fd_mm=maybe)),
        dvars_percent=draw(maybe),
        flagged=draw(st.booleans()),
        rois=draw(st.dictionaries(st.sampled_from(["tpj", "dlpfc"]), readings)),
        regulation=draw(maybe),
        regulation_se=draw(maybe),
        score=draw(maybe),
        score_se=draw(maybe),
        score_block=draw(st.none() | st.integers(0, 20)),
        feedback=draw(parts) if validity == "ok" and draw(st.booleans()) else None,
        control_feedback=draw(st.none() | parts),
        timing=Timing(arrived_unix_s=draw(maybe), latency_ms=draw(st.dictionaries(st.just("signal"), numbers))),
    )


yokes = st.lists(st.none() | parts, max_size=10).map(tuple)


@given(message=messages(), condition=conditions, yoke=yokes)
def test_opening_what_was_closed_gives_every_byte_again(message: VolumeMessage, condition: ControlCondition, yoke: Any) -> None:
    sent = shown(message, condition, yoke)
    closed = blinded(sent, KEY.public_key, sealed_size(2))
    assert opened(closed, KEY).model_dump_json() == sent.model_dump_json()
    assert opened(VolumeMessage.model_validate_json(closed.model_dump_json()), KEY).model_dump_json() == sent.model_dump_json()


@given(message=messages(), condition=conditions, yoke=yokes)
def test_boxes_are_of_one_length_and_never_the_same_twice(message: VolumeMessage, condition: ControlCondition, yoke: Any) -> None:
    first, second = (blinded(shown(message, condition, yoke), KEY.public_key, sealed_size(2)) for _ in range(2))
    empty = blinded(VolumeMessage(index=0, condition=None, block=None, validity="missing"), KEY.public_key, sealed_size(2))
    assert first.sealed is not None
    assert second.sealed is not None
    assert empty.sealed is not None
    assert len(first.sealed) == len(empty.sealed)
    assert first.sealed != second.sealed


@given(message=messages(), condition=conditions, yoke=yokes)
def test_the_shown_value_is_never_surer_than_the_own_measurement(message: VolumeMessage, condition: ControlCondition, yoke: Any) -> None:
    sent = shown(message, condition, yoke)
    if message.feedback is None:
        assert (sent.feedback, sent.validity, sent.why) == (None, message.validity, message.why)
    if sent.feedback is not None:
        assert message.feedback is not None
    assert (sent.own_feedback, sent.own_validity) == (message.feedback, message.validity)


@given(message=messages(), condition=conditions, yoke=yokes)
def test_a_flag_or_a_loss_looks_the_same_in_every_condition(message: VolumeMessage, condition: ControlCondition, yoke: Any) -> None:
    if message.validity != "ok":
        assert clear(shown(message, condition, yoke)) == clear(shown(message, "own", ()))


@given(message=messages(), condition=conditions, yoke=yokes)
def test_nothing_of_the_own_value_is_in_the_clear(message: VolumeMessage, condition: ControlCondition, yoke: Any) -> None:
    other = message.model_copy(
        update={"rois": {}, "regulation": 1.25, "regulation_se": 2.5, "score": 3.5, "score_se": 4.5, "score_block": 3, "why": message.why}
    )
    assert clear(shown(message, condition, yoke)) == clear(shown(other, condition, yoke))


def test_the_words_for_a_volume_that_is_not_settled_stay_in_the_box() -> None:
    message = VolumeMessage(index=0, condition=None, block=None, validity="settling", why="the standard error is still 0.71 %")
    closed = blinded(message, KEY.public_key, sealed_size(2))
    assert closed.why == "there is no settled value to show yet"
    assert opened(closed, KEY).why == message.why


def test_the_words_for_a_moved_head_are_in_the_clear() -> None:
    moved = VolumeMessage(index=0, condition=None, block=None, validity="held", flagged=True, why="the head moved 0.62 mm")
    assert clear(moved).why == "the head moved 0.62 mm"


def test_what_is_in_the_clear_is_an_allow_list() -> None:
    """A field that a later version adds is sealed until somebody decides otherwise here."""
    assert set(VolumeMessage.model_fields) >= CLEAR
    assert not CLEAR & {
        "rois",
        "regulation",
        "regulation_se",
        "score",
        "score_se",
        "score_block",
        "control",
        "own_feedback",
        "own_validity",
    }


def test_each_condition_shows_its_own_candidate() -> None:
    message = VolumeMessage(index=1, condition=None, block=None, validity="ok", feedback=0.5, control_feedback=-0.25)
    shown_values = {c: shown(message, c, (0.1, 0.2, 0.3)).feedback for c in get_args(ControlCondition)}
    assert shown_values == {"own": 0.5, "yoked": 0.2, "control_roi": -0.25, "none": None}


def test_a_volume_beyond_the_yoked_values_settles() -> None:
    message = VolumeMessage(index=3, condition=None, block=None, validity="ok", feedback=0.5)
    assert shown(message, "yoked", (0.1, 0.2, 0.3)).validity == "settling"


def test_a_replay_without_the_key_shows_what_the_record_says() -> None:
    message = VolumeMessage(index=3, condition=None, block=None, validity="ok", feedback=0.5)
    live = message.model_copy(update={"feedback": 0.25})
    assert as_recorded(message, live).feedback == 0.25
    assert as_recorded(message, None).feedback is None
