"""What a listener and the snapshot socket say to each other: "the run so far, from here on".

A question is one frame of JSON (``Ask``). An answer is two frames: ``Answer`` as JSON, then lines as they stand in the journal, joined by
line ends. An answer is bounded; a listener that is told of more (``next_seq``, ``current``) asks again.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rtfmri.messages import Envelope, WireError, decode


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Ask(_Frozen):
    """The listener follows ``run_uid`` ("" for none yet) and has every line of it before ``seq``; ``chain`` is theirs (see ``chained``)."""

    run_uid: str = Field(default="", max_length=200)
    seq: int = Field(default=0, ge=0)
    chain: int = 0


class Answer(_Frozen):
    """What the lines beside it are, and the question that they answer.

    ``run_uid`` is the run that was asked for if it is the current one, or the one before with something left to tell (``current`` is
    false then); else the current run; "" where there was none yet. The lines are ``first_seq`` and following: those after what the
    listener has, or from the beginning where the engine holds something else. The engine holds the lines before ``next_seq``.
    """

    asked: Ask
    run_uid: str = ""
    first_seq: int = Field(default=0, ge=0)
    next_seq: int = Field(default=0, ge=0)
    current: bool = True

    @property
    def differs(self) -> bool:
        """The engine holds the run that was asked for, but not the lines that the listener has: it resumed an older state, or replays."""
        return self.asked.run_uid == self.run_uid and self.first_seq < self.asked.seq


@dataclass(frozen=True)
class Line:
    """One line and what it says; None where this version cannot read it."""

    raw: bytes
    envelope: Envelope | None


def chained(chain: int, raw: bytes) -> int:
    """The chain of some lines and then ``raw``, from that of the lines (0 for none): equal for equal lines only, but for one in 2**32."""
    return zlib.crc32(raw, chain)


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


def decode_answer(frames: list[bytes]) -> tuple[Answer, tuple[Line, ...]]:
    """Inverse of ``encode_answer``; a line that is not what its place says counts as one that cannot be read.

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
    raws = frames[1].split(b"\n") if frames[1] else []
    return answer, tuple(Line(raw, _envelope(answer.run_uid, seq, raw)) for seq, raw in enumerate(raws, answer.first_seq))


def _envelope(run_uid: str, seq: int, raw: bytes) -> Envelope | None:
    try:
        envelope = decode(raw)
    except WireError:
        return None
    return envelope if (envelope.run_uid, envelope.seq) == (run_uid, seq) else None
