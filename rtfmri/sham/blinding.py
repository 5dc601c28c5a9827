"""What a volume message says in the clear in a blind study, and the rest of it, sealed.

In the clear is an allow-list: the volume's number, times and block, the quality of the measurement (motion, DVARS, flags), how far the
shown value is to be trusted, the shown value, and what time decided (``late``, ``physio_``), which a replay obeys. Every other field,
those that later versions add included, goes into one sealed box and is left at its default. Boxes of a study are of one length.
``why`` is in the clear only where it is about quality: the words for a volume that is not settled come from the own values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from nacl.public import PrivateKey, PublicKey

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, VolumeMessage
from rtfmri.sham.boxes import padded, seal, unseal

CLEAR = frozenset(
    {
        "kind",
        "index",
        "condition",
        "block",
        "validity",
        "acquired_s",
        "motion",
        "dvars_percent",
        "flagged",
        "bad_slices",
        "late",
        "physio_samples",
        "physio_zero_s",
        "feedback",
        "timing",
    }
)
MESSAGE_BYTES, REGION_BYTES = 1536, 512  # more than the sealed fields of a message and of a region ever take
WORDS = {"ok": "", "settling": "there is no settled value to show yet", "held": "the last value is kept"}


def sealed_size(n_regions: int) -> int:
    """Bytes before encryption of every volume's sealed fields in a study of so many regions."""
    return MESSAGE_BYTES + n_regions * REGION_BYTES


def clear(message: VolumeMessage) -> VolumeMessage:
    """Only what may be read by everybody. Of a blinded message: itself without its box."""
    kept: dict[str, Any] = {name: getattr(message, name) for name in CLEAR}
    return VolumeMessage(**kept, why=message.why if message.flagged else WORDS.get(message.validity, message.why))


def blinded(message: VolumeMessage, public_key: PublicKey, size: int) -> VolumeMessage:
    """The message for wire and journal of a blind study; ``size`` from ``sealed_size``.

    Encryption is never twice the same: compare blinded messages after ``opened`` or ``clear``.

    Raises
    ------
    ValueError : the message is blinded already (a bug of the caller).
    """
    if message.sealed is not None:
        raise ValueError("a message is sealed once")
    plain = message.model_dump_json(exclude=set(CLEAR - {"index"})).encode()  # the number says which message the box belongs to
    return clear(message).model_copy(update={"sealed": seal(padded(plain, size), public_key)})


def opened(message: VolumeMessage, private_key: PrivateKey) -> VolumeMessage:
    """Inverse of ``blinded``, byte for byte; a message that is not blinded is given back.

    Raises
    ------
    StudyError : this key does not open it, or it was changed.
    """
    if message.sealed is None:
        return message
    plain: dict[str, Any] = json.loads(unseal(message.sealed, private_key))
    if plain["index"] != message.index:
        raise StudyError(f"What is sealed in volume {message.index + 1} belongs to another volume; use an unchanged copy of the record.")
    return VolumeMessage.model_validate({**{name: getattr(message, name) for name in CLEAR}, **plain})


def all_opened(envelopes: Iterable[Envelope], private_key: PrivateKey) -> tuple[Envelope, ...]:
    """A run's messages with every volume's fields; StudyError as ``opened``."""
    return tuple(_with(e, opened(e.message, private_key)) if isinstance(e.message, VolumeMessage) else e for e in envelopes)


def all_clear(envelopes: Iterable[Envelope]) -> tuple[Envelope, ...]:
    """A run's messages with what is in the clear of every volume."""
    return tuple(_with(e, clear(e.message)) if isinstance(e.message, VolumeMessage) else e for e in envelopes)


def is_blind(envelopes: Iterable[Envelope]) -> bool:
    """Whether a run's values are sealed."""
    return any(isinstance(e.message, VolumeMessage) and e.message.sealed is not None for e in envelopes)


def _with(envelope: Envelope, message: VolumeMessage) -> Envelope:
    return envelope.model_copy(update={"message": message})
