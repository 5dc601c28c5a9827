"""Comparing two passes over a run: of a blind one all values with the key, what is in the clear without it; the words say which."""

from __future__ import annotations

from collections.abc import Sequence

from nacl.public import PrivateKey

from rtfmri.messages import Envelope
from rtfmri.record.verify import Comparison, compare
from rtfmri.sham.blinding import all_clear, all_opened, is_blind
from rtfmri.sham.boxes import KEY_VARIABLE

ONLY_CLEAR = (
    "The run is blind and there is no key: motion, quality, times and blocks were compared. What was shown was taken from the record; "
    f"regions and regulation are sealed and were not compared. Name the key's file in the variable {KEY_VARIABLE} to compare them too."
)


def compare_passes(live: Sequence[Envelope], again: Sequence[Envelope], key: PrivateKey | None) -> tuple[Comparison, tuple[str, ...]]:
    """What differs between the two passes, and the sentences for the operator.

    Raises
    ------
    StudyError : the key is not the one of these runs.
    """
    if not is_blind(live) and not is_blind(again):
        result = compare(live, again)
        return result, result.words
    if key is not None:
        result = compare(all_opened(live, key), all_opened(again, key))
        return result, result.words
    result = compare(all_clear(live), all_clear(again))
    verdict = (f"What is in the clear of all {result.compared} volumes is bit-identical.",) if result.identical else result.words
    return result, (*verdict, ONLY_CLEAR)
