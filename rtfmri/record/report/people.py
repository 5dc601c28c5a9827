"""What came from people during the run: ratings, pauses, the operator's actions; and what went wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator

from rtfmri.messages import Fault, Operator, Pause, Rating
from rtfmri.record.report.facts import Facts
from rtfmri.record.report.figures import clock
from rtfmri.record.report.markup import Column, Section, number, paragraph, plain, table
from rtfmri.record.summary import of_kind

WORDS = {
    "arm": "armed the run",
    "stop": "stopped the run",
    "pause": "paused the participant's screen",
    "resume": "resumed the participant's screen",
    "blank": "blanked the participant's screen",
    "unblank": "put the participant's screen on again",
    "card": "showed the set-up card",
    "uncard": "took the set-up card away",
    "mark": "marked an event",
}


def ratings(facts: Facts) -> Section:
    """Every answer, with n/a where none came in time."""
    title, answers = "Ratings", of_kind(facts.envelopes, Rating)
    if not answers:
        asked = bool(facts.start and facts.start.display.ratings)
        return Section(
            "ratings", title, paragraph("The study asks for ratings; none was recorded." if asked else "This study asks for none.")
        )
    rows = [
        (_block(facts, rating.block), plain(rating.scale), _answer(rating.value), number(rating.response_s, 1), _answer(rating.start))
        for rating in answers
    ]
    columns = (Column("Block", False), Column("Question", False), Column("Answer"), Column("Time to answer (s)"), Column("Slider began at"))
    missed = sum(rating.value is None for rating in answers)
    note = f"{len(answers)} questions, {missed} without an answer in time (n/a). The slider began at a random place, which is recorded."
    return Section("ratings", title, table("Ratings in the order of the run", columns, rows) + paragraph(note, "faint"))


def _answer(value: float | None) -> str:
    return "n/a" if value is None else f"{value:g}"


def _block(facts: Facts, number_: int | None) -> str:
    if number_ is None:
        return "after the last block"
    name = plain(facts.blocks[number_].name) if number_ < len(facts.blocks) else ""
    return f"{number_ + 1} {name}".rstrip()


def marks(facts: Facts) -> Section:
    """Pauses, and what the operator did."""
    title, rows = "Pauses and operator's actions", sorted(_happenings(facts))
    if not rows:
        return Section("marks", title, paragraph("None."))
    columns = (Column("Time", False), Column("Who", False), Column("What", False))
    return Section(
        "marks",
        title,
        table("Pauses and actions", columns, [(clock(at), who, what) for at, who, what in rows]) + paragraph(_clock_note(facts), "faint"),
    )


def _happenings(facts: Facts) -> Iterator[tuple[float, str, str]]:
    began: float | None = None
    zero = _zero_unix_s(facts)
    for envelope in facts.envelopes:
        message, at = envelope.message, envelope.sent_unix_s - zero
        if isinstance(message, Operator):
            yield at, "operator", f"{WORDS[message.action]}{f': {message.note}' if message.note else ''}"
        elif isinstance(message, Pause) and message.paused and began is None:
            began = at
        elif isinstance(message, Pause) and not message.paused and began is not None:
            yield began, "participant", f"paused for {at - began:.0f} s"
            began = None
    if began is not None:
        yield began, "participant", "paused, and did not go on"


def faults(facts: Facts) -> Section:
    """Faults in words with their times."""
    title, rows, zero = "Faults", list[tuple[str, str, str]](), _zero_unix_s(facts)
    for envelope in facts.envelopes:
        fault = envelope.message
        if isinstance(fault, Fault):
            at = fault.index * facts.tr_s if fault.index is not None and facts.tr_s else envelope.sent_unix_s - zero
            rows.append((clock(at), fault.severity, f"{fault.text} {fault.advice}".strip()))
    if not rows:
        return Section("faults", title, paragraph("None was reported."))
    columns = (Column("Time", False), Column("How serious", False), Column("What, and what to do", False))
    return Section("faults", title, table("Faults and notes of the run", columns, rows) + paragraph(_clock_note(facts), "faint"))


def _zero_unix_s(facts: Facts) -> float:
    """This computer's clock at the first stored volume; where no volume came, when the run was armed."""
    if facts.clocks.zero_unix_s is not None:
        return facts.clocks.zero_unix_s
    return facts.start.started_unix_s if facts.start else next((e.sent_unix_s for e in facts.envelopes), 0.0)


def _clock_note(facts: Facts) -> str:
    known = facts.clocks.zero_unix_s is not None
    return f"Minutes and seconds since {'the first stored volume' if known else 'the run was armed'}."
