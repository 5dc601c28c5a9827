"""``events.tsv``: the blocks that were run, and what happened besides. Onset 0 is the first stored volume's acquisition.

Blocks are placed by volume number. Questions, pauses and trials have the participant's own times, by the display's clock; faults and the
operator's actions the time at which the engine gave them their place. How clocks come to the scanner's time stands at the head of
``clocks.py``; each row says what its onset rests on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rtfmri.messages import (
    Confirmed,
    DisplayReport,
    DisplaySettings,
    Envelope,
    Fault,
    Operator,
    Pause,
    Rating,
    RunStart,
    Shown,
    VolumeMessage,
)
from rtfmri.paradigm import Block, volumes_of
from rtfmri.record.clocks import Clocks, Moment, clocks_of
from rtfmri.record.copies import stimulus
from rtfmri.record.glass import participants_display
from rtfmri.record.summary import of_kind
from rtfmri.record.tables import Column, Table, tabulate

MARKS = ("mark", "pause", "resume", "blank", "unblank", "card", "uncard")
PLAN = "plan"


@dataclass(frozen=True)
class Happening:
    """One row."""

    onset_s: float
    duration_s: float | None
    trial_type: str
    role: str
    value: float | None = None
    response_s: float | None = None
    trial: str = ""
    picture: str = ""
    rests_on: str = PLAN
    error_s: float | None = None
    note: str = ""


EventColumn = Column[Happening]
ROLES = (
    ("dummy", "before the signal is steady"),
    ("rest", "rest: the baseline"),
    ("regulate", "the participant regulates"),
    ("other", "a block that is neither"),
    ("trial", "a text or picture of the study on the participant's screen"),
    ("rating", "a question to the participant"),
    ("pause", "the participant's own pause"),
    ("fault", "something that went wrong"),
    ("operator", "the operator's action"),
)
RESTS_ON = (
    (PLAN, "the volume's number, or the block's place in the plan"),
    ("trigger", "the scanner's pulses, counted by the display"),
    ("volumes", "clocks, and the volume that arrived soonest: too early by the quickest export delay"),
    ("arrival", "as volumes; the display's clock was not measured, so the onset is when its message came"),
)
COLUMNS = (
    EventColumn("onset", "Since the first stored volume's acquisition.", lambda h: h.onset_s, "s"),
    EventColumn("duration", "n/a where it is not known or has no length.", lambda h: h.duration_s, "s"),
    EventColumn(
        "trial_type", "Name of the block as in the study; or trial, rating_, pause, fault_, operator_ and which.", lambda h: h.trial_type
    ),
    EventColumn("role", "What kind of row it is.", lambda h: h.role, levels=ROLES),
    EventColumn("value", "The answer; n/a: none in time.", lambda h: h.value),
    EventColumn("response_time", "From the question to the answer.", lambda h: h.response_s, "s"),
    EventColumn("trial", "Name of the text or picture that was shown, as in the study.", lambda h: h.trial),
    EventColumn("stim_file", "The picture, below the dataset's stimuli.", lambda h: h.picture),
    EventColumn("onset_rests_on", "What tells the onset.", lambda h: h.rests_on, levels=RESTS_ON),
    EventColumn("onset_error", "Error of the offset between two computers' clocks, where one stands between.", lambda h: h.error_s, "s"),
    EventColumn("note", "In words.", lambda h: h.note),
)


def events(envelopes: Sequence[Envelope]) -> Table:
    """Blocks are cut where the run ended; without a TR nothing was run and the table is empty."""
    confirmed, volumes = of_kind(envelopes, Confirmed), of_kind(envelopes, VolumeMessage)
    happenings: list[Happening] = []
    if confirmed and volumes:
        happenings += _blocks(confirmed[-1], 1 + max(volume.index for volume in volumes))
        happenings += _besides(envelopes, confirmed[-1].tr_s)
    table = tabulate(COLUMNS, sorted(happenings, key=lambda happening: happening.onset_s))
    return Table(table.names, table.rows, {**table.sidecar, **_presentation(envelopes)})


def _blocks(confirmed: Confirmed, volumes_run: int) -> Iterator[Happening]:
    end_s = volumes_run * confirmed.tr_s
    for info in confirmed.blocks:
        block = Block(info.name, info.onset_s, info.duration_s, info.role)
        if volumes_of(block, confirmed.tr_s).start < volumes_run:
            yield Happening(block.onset_s, round(min(block.end_s, end_s) - block.onset_s, 6), block.name, block.role)


def _besides(envelopes: Sequence[Envelope], tr_s: float) -> Iterator[Happening]:
    """Everything that carries a clock's time; nothing where no volume tells how the clocks lie."""
    clocks = clocks_of(envelopes, tr_s)
    if clocks.zero_unix_s is None:
        return
    yield from _pauses(envelopes, clocks)
    yield from _trials(envelopes, clocks)
    for envelope in envelopes:
        happening = _single(envelope, clocks, tr_s)
        if happening:
            yield happening


def _single(envelope: Envelope, clocks: Clocks, tr_s: float) -> Happening | None:
    message = envelope.message
    if isinstance(message, Rating):
        asked = clocks.of_display(message.display, message.asked_unix_s, envelope.sent_unix_s - (message.response_s or 0.0))
        return None if asked is None else _rated(message, asked)
    if isinstance(message, Fault) and message.index is not None:
        return Happening(message.index * tr_s, None, f"fault_{message.code}", "fault", note=message.text)
    sent = clocks.of_engine(envelope.sent_unix_s)
    if isinstance(message, Fault) and sent is not None:
        return _at(sent, None, f"fault_{message.code}", "fault", note=message.text)
    if isinstance(message, Operator) and message.action in MARKS and sent is not None:
        return _at(sent, None, f"operator_{message.action}", "operator", note=message.note)
    return None


def _at(moment: Moment, duration_s: float | None, trial_type: str, role: str, **others: Any) -> Happening:
    return Happening(moment.t_s, duration_s, trial_type, role, rests_on=moment.rests_on, error_s=moment.error_s, **others)


def _rated(rating: Rating, asked: Moment) -> Happening:
    """From the question to the answer."""
    when = "after the last block" if rating.block is None else f"in block {rating.block}"
    note = f"{when}; the slider began at {rating.start:g}"
    return _at(asked, rating.response_s, f"rating_{rating.scale}", "rating", value=rating.value, response_s=rating.response_s, note=note)


def _pauses(envelopes: Sequence[Envelope], clocks: Clocks) -> Iterator[Happening]:
    """From each press to the next; a pause that was not ended has no duration."""
    began: Moment | None = None
    for envelope in envelopes:
        pause = envelope.message
        if not isinstance(pause, Pause):
            continue
        pressed = clocks.of_display(pause.display, pause.pressed_unix_s, envelope.sent_unix_s)
        if pause.paused and began is None:
            began = pressed
        elif not pause.paused and began is not None and pressed is not None:
            yield _at(began, pressed.t_s - began.t_s, "pause", "pause")
            began = None
    if began is not None:
        yield _at(began, None, "pause", "pause")


def _trials(envelopes: Sequence[Envelope], clocks: Clocks) -> Iterator[Happening]:
    """What was on the participant's glass, from the flip that showed it to the next that showed something else."""
    starts, display = of_kind(envelopes, RunStart), participants_display(envelopes)
    pictures = _pictures(starts[-1].display) if starts else {}
    now: tuple[str, int | None] = ("", None)
    began: Moment | None = None
    for envelope in envelopes:
        flip = envelope.message
        if not isinstance(flip, Shown) or flip.display != display or (flip.trial, flip.block) == now:
            continue
        moment = clocks.of_display(flip.display, flip.flip_unix_s, envelope.sent_unix_s)
        if began is not None and moment is not None and now[0] in pictures:
            yield _trial(began, moment.t_s - began.t_s, now[0], pictures)
        began, now = moment, (flip.trial, flip.block)
    if began is not None and now[0] in pictures:
        yield _trial(began, None, now[0], pictures)


def _trial(began: Moment, duration_s: float | None, name: str, pictures: dict[str, str]) -> Happening:
    return _at(began, duration_s, "trial", "trial", trial=name, picture=pictures[name])


def _pictures(settings: DisplaySettings) -> dict[str, str]:
    """The picture's place below ``stimuli`` of each trial, by its name; "" of a text."""
    return {trial.name: stimulus(trial.image, trial.sha256) if trial.image else "" for trial in settings.trials}


def _presentation(envelopes: Sequence[Envelope]) -> dict[str, Any]:
    """What BIDS recommends to say of the screen; only what the participant's display reported and the study gives."""
    display, starts = participants_display(envelopes), of_kind(envelopes, RunStart)
    reports = [report for report in of_kind(envelopes, DisplayReport) if report.display == display]
    if not reports or not starts:
        return {}
    last, distance_mm = reports[-1], starts[-1].display.distance_mm
    name, _, version = last.software.rpartition(" ")
    said = {
        "SoftwareName": name or "rtfmri",
        "SoftwareVersion": version,
        "ScreenRefreshRate": last.refresh_hz,
        "ScreenResolution": last.size_px,
        "ScreenDistance": None if distance_mm is None else distance_mm / 1e3,
    }
    return {"StimulusPresentation": {key: value for key, value in said.items() if value}}
