"""The wire: how messages are written and read.

One message travels as two ZeroMQ frames ``[topic, payload]``; the topic is ``rtfmri/1/<kind>`` and the payload is one line of JSON, an
``Envelope`` around the message. The journal holds those same lines. Within a major version fields are only added, with defaults, and
readers ignore fields they do not know; a change that breaks readers makes a new major version, which is in the topic.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from rtfmri.messages.base import MAJOR, Part, WireError
from rtfmri.messages.display import DisplayReport, FromDisplay, Pause, Rating, Shown
from rtfmri.messages.run import Confirmed, Fault, Operator, Picture, Published, Quality, RunStart, RunStop, VolumeMessage

TOPIC = f"rtfmri/{MAJOR}/"

Message = Annotated[
    RunStart
    | Confirmed
    | VolumeMessage
    | Published
    | Shown
    | Rating
    | Pause
    | DisplayReport
    | Fault
    | Operator
    | Picture
    | Quality
    | RunStop,
    Field(discriminator="kind"),
]


class Envelope(Part):
    """What surrounds a message on the wire and in the journal.

    ``run_uid`` tells runs (and a run repeated under the same name) apart; ``seq`` counts from 0 within it without a gap, so a listener
    that misses one notices and asks the snapshot socket.
    """

    run_uid: str
    seq: int
    sent_unix_s: float
    message: Message


_returns: TypeAdapter[FromDisplay] = TypeAdapter(Annotated[FromDisplay, Field(discriminator="kind")])


def encode(envelope: Envelope) -> bytes:
    """One line of JSON without its line end."""
    return envelope.model_dump_json().encode()


def decode(payload: bytes) -> Envelope:
    """The envelope in ``payload``.

    Raises
    ------
    WireError : no message of this major version.
    """
    try:
        return Envelope.model_validate_json(payload)
    except ValidationError as error:
        raise WireError(f"no rtfmri/{MAJOR} message: {error.error_count()} fields are wrong") from None


def frames(envelope: Envelope) -> list[bytes]:
    """``[topic, payload]`` as they are sent."""
    return [topic_of(envelope.message.kind), encode(envelope)]


def topic_of(kind: str) -> bytes:
    return f"{TOPIC}{kind}".encode()


def encode_return(message: FromDisplay) -> bytes:
    """A display's message as it goes over the returns socket, without an envelope: the engine gives it its place."""
    return message.model_dump_json().encode()


def decode_return(payload: bytes) -> FromDisplay:
    """Inverse of ``encode_return``.

    Raises
    ------
    WireError : no message that a display may send.
    """
    try:
        return _returns.validate_json(payload)
    except ValidationError as error:
        raise WireError(f"no message of a display: {error.error_count()} fields are wrong") from None


def comparable(message: VolumeMessage) -> dict[str, Any]:
    """The fields that a replay must give again, bit for bit: all but ``timing``."""
    fields: dict[str, Any] = json.loads(message.model_dump_json(exclude={"timing"}))
    return fields


def wire_schema() -> dict[str, Any]:
    """JSON Schema of everything on the wire; ``rtfmri/messages.schema.json`` holds it and a test guards it."""
    return Envelope.model_json_schema()
