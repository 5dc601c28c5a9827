"""``events.tsv``: the blocks that were run, and what happened besides. Onset 0 is the first stored volume's acquisition.

Blocks are placed by volume number. Ratings, pauses, faults and the operator's marks carry this computer's clock: the time at which the
engine gave them their place. They are put on the scanner's time by the volume that arrived soonest after its acquisition, taken to
have been complete one TR after it began; so their onsets may be early by the quickest export delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rtfmri.messages import Confirmed, Envelope, Fault, Operator, Pause, Rating, VolumeMessage
from rtfmri.paradigm import Block, volumes_of
from rtfmri.record.summary import of_kind
from rtfmri.record.tables import Column, Table, tabulate

MARKS = ("mark", "pause", "resume", "blank", "unblank")


@dataclass(frozen=True)
class Happening:
    """One row."""

    onset_s: float
    duration_s: float | None
    trial_type: str
    role: str
    value: float | None = None
    response_s: float | None = None
    note: str = ""


EventColumn = Column[Happening]
ROLES = (
    ("dummy", "before the signal is steady"),
    ("rest", "rest: the baseline"),
    ("regulate", "the participant regulates"),
    ("other", "a block that is neither"),
    ("rating", "a question to the participant"),
    ("pause", "the participant's own pause"),
    ("fault", "something that went wrong"),
    ("operator", "the operator's action"),
)
COLUMNS = (
    EventColumn("onset", "Since the first stored volume's acquisition.", lambda h: h.onset_s, "s"),
    EventColumn("duration", "n/a where it is not known or has no length.", lambda h: h.duration_s, "s"),
    EventColumn("trial_type", "Name of the block as in the study; or rating_, pause, fault_, operator_ and which.", lambda h: h.trial_type),
    EventColumn("role", "What kind of row it is.", lambda h: h.role, levels=ROLES),
    EventColumn("value", "The answer; n/a: none in time.", lambda h: h.value),
    EventColumn("response_time", "From the question to the answer.", lambda h: h.response_s, "s"),
    EventColumn("note", "In words.", lambda h: h.note),
)


def events(envelopes: Sequence[Envelope]) -> Table:
    """Blocks are cut where the run ended; without a TR nothing was run and the table is empty."""
    confirmed, volumes = of_kind(envelopes, Confirmed), of_kind(envelopes, VolumeMessage)
    happenings: list[Happening] = []
    if confirmed and volumes:
        happenings += _blocks(confirmed[-1], 1 + max(volume.index for volume in volumes))
        happenings += _besides(envelopes, confirmed[-1].tr_s)
    return tabulate(COLUMNS, sorted(happenings, key=lambda happening: happening.onset_s))


def _blocks(confirmed: Confirmed, volumes_run: int) -> Iterator[Happening]:
    end_s = volumes_run * confirmed.tr_s
    for info in confirmed.blocks:
        block = Block(info.name, info.onset_s, info.duration_s, info.role)
        if volumes_of(block, confirmed.tr_s).start < volumes_run:
            yield Happening(block.onset_s, round(min(block.end_s, end_s) - block.onset_s, 6), block.name, block.role)


def _besides(envelopes: Sequence[Envelope], tr_s: float) -> Iterator[Happening]:
    """Everything that carries a clock's time; nothing where no volume tells how the clocks lie."""
    zero_unix_s = time_zero_unix_s(of_kind(envelopes, VolumeMessage), tr_s)
    if zero_unix_s is None:
        return
    yield from _pauses(envelopes, zero_unix_s)
    for envelope in envelopes:
        happening = _single(envelope, envelope.sent_unix_s - zero_unix_s, tr_s)
        if happening:
            yield happening


def time_zero_unix_s(volumes: Sequence[VolumeMessage], tr_s: float) -> float | None:
    """This computer's clock at the first stored volume's acquisition, from the volume that came soonest."""
    times = [(volume.timing.arrived_unix_s, volume.acquired_s) for volume in volumes]
    begun = [arrived - acquired - tr_s for arrived, acquired in times if arrived is not None and acquired is not None]
    return min(begun, default=None)


def _single(envelope: Envelope, sent_s: float, tr_s: float) -> Happening | None:
    message = envelope.message
    if isinstance(message, Rating):
        asked_s = sent_s - (message.response_s or 0.0)
        return Happening(
            asked_s, message.response_s, f"rating_{message.scale}", "rating", message.value, message.response_s, f"start {message.start:g}"
        )
    if isinstance(message, Fault):
        onset_s = sent_s if message.index is None else message.index * tr_s
        return Happening(onset_s, None, f"fault_{message.code}", "fault", note=message.text)
    if isinstance(message, Operator) and message.action in MARKS:
        return Happening(sent_s, None, f"operator_{message.action}", "operator", note=message.note)
    return None


def _pauses(envelopes: Sequence[Envelope], zero_unix_s: float) -> Iterator[Happening]:
    """From each press to the next; a pause that was not ended has no duration."""
    began_s: float | None = None
    for envelope in envelopes:
        if not isinstance(envelope.message, Pause):
            continue
        now_s = envelope.sent_unix_s - zero_unix_s
        if envelope.message.paused and began_s is None:
            began_s = now_s
        elif not envelope.message.paused and began_s is not None:
            yield Happening(began_s, now_s - began_s, "pause", "pause")
            began_s = None
    if began_s is not None:
        yield Happening(began_s, None, "pause", "pause")
