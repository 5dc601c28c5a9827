"""What a listener and the snapshot socket say to each other: "the run so far, from here on".

A question is one frame of JSON (``Ask``). An answer is two frames: ``Answer`` as JSON, then lines as they stand in the journal, joined by
line ends. An answer is bounded; a listener that is told of more (``next_seq``, ``current``) asks again.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rtfmri.messages import Envelope, WireError, decode


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Ask(_Frozen):
    """The listener follows ``run_uid`` ("" for none yet) and has every message of it before ``seq``."""

    run_uid: str = Field(default="", max_length=200)
    seq: int = Field(default=0, ge=0)


class Answer(_Frozen):
    """What the lines beside it are.

    ``run_uid`` is the run that was asked for if it is the current one, or the one before with something left to tell (``current`` is
    false then); else the current run from its beginning; "" where there was none yet. The lines are ``first_seq`` and following, and the
    engine holds those before ``next_seq``. ``opening`` names the engine's opening of that run, and ``opened_seq`` is what it held then:
    a resumed or replayed run has the same ``run_uid`` but another opening.
    """

    run_uid: str = ""
    opening: str = ""
    opened_seq: int = Field(default=0, ge=0)
    first_seq: int = Field(default=0, ge=0)
    next_seq: int = Field(default=0, ge=0)
    current: bool = True


def encode_ask(ask: Ask) -> bytes:
    return ask.model_dump_json().encode()


def decode_ask(payload: bytes) -> Ask:
    """Inverse of ``encode_ask``; raises ``WireError`` for anything else."""
    try:
        return Ask.model_validate_json(payload)
    except ValidationError:
        raise WireError("no question for the run so far") from None


def encode_answer(answer: Answer, lines: list[bytes]) -> list[bytes]:
    return [answer.model_dump_json().encode(), b"\n".join(lines)]


def decode_answer(frames: list[bytes]) -> tuple[Answer, tuple[Envelope | None, ...]]:
    """The answer and its envelopes; None stands for a line that this version cannot read, so that the others keep their places.

    Raises
    ------
    WireError : this is no answer of a snapshot socket.
    """
    if len(frames) != 2:
        raise WireError("no answer of a snapshot socket")
    try:
        answer = Answer.model_validate_json(frames[0])
    except ValidationError:
        raise WireError("no answer of a snapshot socket") from None
    lines = frames[1].split(b"\n") if frames[1] else []
    return answer, tuple(_envelope(answer.run_uid, seq, line) for seq, line in enumerate(lines, answer.first_seq))


def _envelope(run_uid: str, seq: int, line: bytes) -> Envelope | None:
    try:
        envelope = decode(line)
    except WireError:
        return None
    return envelope if (envelope.run_uid, envelope.seq) == (run_uid, seq) else None
