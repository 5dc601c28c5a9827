"""Comparing two passes over a blind run: with the key all values, without it what is in the clear; and the sentence that says which."""

from __future__ import annotations

from collections.abc import Sequence

from nacl.public import PrivateKey

from rtfmri.messages import Envelope
from rtfmri.sham.blinding import all_clear, all_opened, is_blind
from rtfmri.sham.boxes import KEY_VARIABLE

ONLY_CLEAR = (
    "The run is blind: motion, quality, times and blocks were compared. What was shown was taken from the record; regions and regulation "
    f"are sealed and were not compared. Name the key's file in the variable {KEY_VARIABLE} to compare them too."
)


def to_compare(
    live: Sequence[Envelope], again: Sequence[Envelope], key: PrivateKey | None
) -> tuple[tuple[Envelope, ...], tuple[Envelope, ...], str]:
    """Both passes as they can be compared bit for bit, and what the operator must know of it ("" where all is compared).

    Raises
    ------
    StudyError : the key is not the one of these runs.
    """
    if not is_blind(live) and not is_blind(again):
        return tuple(live), tuple(again), ""
    if key is None:
        return all_clear(live), all_clear(again), ONLY_CLEAR
    return all_opened(live, key), all_opened(again, key), ""
