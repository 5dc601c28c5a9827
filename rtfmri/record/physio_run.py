"""One run's pulse and breathing on the disk: growing while it lasts, BIDS at its end, found again by a replay or when it is resumed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, VolumeMessage
from rtfmri.record.durable import write_json
from rtfmri.record.layout import RunPaths
from rtfmri.record.physio import PhysioRecord, read_growing, read_physio, write_physio
from rtfmri.signals.physiology.feed import Used


@dataclass(frozen=True)
class Began:
    """How the rows of a run began: their columns, and the belt's count and clock at row 0."""

    rate_hz: float
    columns: tuple[str, ...]
    counted_from: int
    zero_clock_s: float


def uses_of(envelopes: Sequence[Envelope]) -> dict[int, Used | None]:
    """By index, what each journalled volume's columns rest on; None where it had none."""
    messages = [envelope.message for envelope in envelopes if isinstance(envelope.message, VolumeMessage)]
    return {message.index: _used(message) for message in messages}


def _used(message: VolumeMessage) -> Used | None:
    if message.physio_samples is None or message.physio_zero_s is None:
        return None
    return Used(message.physio_samples, message.physio_zero_s)


def write_began(paths: RunPaths, began: Began) -> None:
    """
    Raises
    ------
    OSError : it cannot be written.
    """
    write_json(paths.physio_began, asdict(began))


def read_began(paths: RunPaths) -> Began | None:
    """None where no sample was recorded.

    Raises
    ------
    StudyError : it is damaged.
    """
    if not paths.physio_began.exists():
        return None
    try:
        plain = json.loads(paths.physio_began.read_text(encoding="utf-8"))
        return Began(float(plain["rate_hz"]), tuple(plain["columns"]), int(plain["counted_from"]), float(plain["zero_clock_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError(
            f"{paths.physio_began} cannot be read; take it and {paths.physio_growing.name} away, or begin a new run."
        ) from None


def recorded_physio(paths: RunPaths, envelopes: Sequence[Envelope]) -> PhysioRecord | None:
    """What a run recorded, finished or not; None where none of its volumes used any.

    Raises
    ------
    StudyError : the journal tells of samples that the record does not hold.
    """
    uses = [used for used in uses_of(envelopes).values() if used is not None]
    if not uses:
        return None
    began = None if paths.physio.exists() else read_began(paths)
    record = read_physio(paths.physio) if began is None else _grown(paths, began, uses)
    if len(record.samples) < max(used.samples for used in uses):
        raise StudyError(f"The physiology {paths.physio} holds fewer samples than the run used; put the record's own file back.")
    return record


def finish_physio(paths: RunPaths, envelopes: Sequence[Envelope]) -> None:
    """After a run: the growing file as BIDS. Does nothing where there is none, so it may be called again.

    Raises
    ------
    OSError : a file cannot be written.
    """
    began = read_began(paths)
    if began is None:
        return
    write_physio(paths.physio, _grown(paths, began, [used for used in uses_of(envelopes).values() if used is not None]))
    paths.physio_growing.unlink(missing_ok=True)
    paths.physio_began.unlink()


def _grown(paths: RunPaths, began: Began, uses: Sequence[Used]) -> PhysioRecord:
    rows = read_growing(paths.physio_growing, began.columns)
    return PhysioRecord(began.rate_hz, -uses[-1].zero_s if uses else 0.0, began.columns, rows)
