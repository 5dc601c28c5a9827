"""The wire: golden files decode for ever, the schema does not drift, numbers travel bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtfmri.messages import (
    Envelope,
    Message,
    Motion,
    Pause,
    RoiReading,
    Timing,
    VolumeMessage,
    WireError,
    comparable,
    decode,
    decode_return,
    encode,
    encode_return,
    frames,
    wire_schema,
)

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))
SCHEMA = Path(__file__).parents[1] / "rtfmri" / "messages.schema.json"
KINDS = {member.model_fields["kind"].default for member in get_args(get_args(Message)[0])}

finite = st.floats(allow_nan=False, allow_infinity=False)


def test_there_is_a_golden_file_of_every_kind() -> None:
    assert {json.loads(path.read_text())["message"]["kind"] for path in GOLDEN} == KINDS


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_golden_message_decodes_to_what_it_says(path: Path) -> None:
    written = json.loads(path.read_text())
    read = json.loads(encode(decode(path.read_bytes())))
    assert _holds(read, written), f"a field of {path.name} was lost or changed"


def _holds(read: object, written: object) -> bool:
    """Everything written is there again; fields that were added since have their defaults."""
    if isinstance(written, dict):
        return isinstance(read, dict) and all(key in read and _holds(read[key], value) for key, value in written.items())
    if isinstance(written, list):
        return isinstance(read, list) and len(read) == len(written) and all(map(_holds, read, written))
    return read == written


def test_the_schema_file_is_the_schema() -> None:
    assert json.loads(SCHEMA.read_text()) == wire_schema(), "the wire changed: run `make schema`, and read messages.py on what may change"


def test_fields_of_a_later_minor_version_are_ignored() -> None:
    later = json.loads(GOLDEN[0].read_text())
    later["message"]["colour"] = "warm"
    assert decode(json.dumps(later).encode()) == decode(GOLDEN[0].read_bytes())


@pytest.mark.parametrize("payload", [b"", b"{}", b"\x80\x04K\x01.", b'{"run_uid":"x","seq":0,"sent_unix_s":0,"message":{"kind":"reboot"}}'])
def test_rubbish_is_a_wire_error(payload: bytes) -> None:
    with pytest.raises(WireError):
        decode(payload)
    with pytest.raises(WireError):
        decode_return(payload)


def test_nan_never_travels() -> None:
    with pytest.raises(ValueError, match="finite"):
        RoiReading(raw=float("nan"))


@given(finite, finite, st.tuples(finite, finite, finite))
def test_numbers_travel_bit_for_bit(regulation: float, raw: float, trans_mm: tuple[float, float, float]) -> None:
    motion = Motion(trans_mm=trans_mm, rot_rad=(0.0, 0.0, 0.0), fd_mm=abs(raw))
    message = VolumeMessage(
        index=3, condition="rest", block=1, validity="ok", regulation=regulation, motion=motion, rois={"tpj": RoiReading(raw=raw)}
    )
    assert decode(encode(Envelope(run_uid="u", seq=1, sent_unix_s=0.5, message=message))).message == message


def test_only_timing_may_differ_between_live_and_replay() -> None:
    message = VolumeMessage(index=3, condition="rest", block=1, validity="ok", regulation=0.25)
    later = message.model_copy(update={"timing": Timing(arrived_unix_s=9.0, latency_ms={"realign": 4.0})})
    assert comparable(message) == comparable(later)
    assert comparable(message) != comparable(message.model_copy(update={"regulation": 0.25000000000000006}))


def test_a_topic_names_version_and_kind() -> None:
    topic, payload = frames(decode(GOLDEN[0].read_bytes()))
    assert topic == f"rtfmri/1/{decode(payload).message.kind}".encode()


def test_a_display_can_send_only_what_displays_send() -> None:
    pause = Pause(display="scanner room", paused=True, pressed_unix_s=12.5)
    assert decode_return(encode_return(pause)) == pause
    with pytest.raises(WireError):
        decode_return(b'{"kind":"operator","action":"stop"}')
