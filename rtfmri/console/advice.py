"""What happened, in words, with what to do about it. Pure: events of a story in, lines out.

The rule: a fault says in its own words what to do; where it brings none, its kind has some here. A fault stands until its counterpart came.
Volumes are numbered from 1, as the scanner's console does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rtfmri.console.story import Event, Story
from rtfmri.messages import Fault, Operator, Pause, Rating, Severity

SYMBOLS: dict[Severity, str] = {"info": "i", "warning": "▲", "error": "✕"}
OVER_WITH = {  # a fault that stands, and the one that says it is over
    "journal_unwritable": "journal_recovered",
    "raw_unwritable": "raw_recovered",
    "physio_unwritable": "physio_recovered",
    "folder_lost": "folder_back",
    "display_lost": "display_back",
}
ADVICE = {
    "unreadable": "If it recurs, look at the export; the numbers keep their places.",
    "volume_unusable": "Nothing, if it is a single one: the participant's shape stays.",
    "reference_not_saved": "Free space on the disk of the record; the run goes on.",
}
ACTIONS = {
    "arm": "Run armed",
    "stop": "Run stopped by the operator",
    "pause": "Participant's screen paused",
    "resume": "Participant's screen goes on",
    "blank": "Participant's screen blanked",
    "unblank": "Participant's screen shown again",
    "card": "Set-up card shown",
    "uncard": "Set-up card taken away",
    "mark": "Marked",
}


@dataclass(frozen=True)
class Line:
    """One entry of the list of events. ``times``: how often the same was said in a row, ``unix_s`` when it was said last."""

    unix_s: float
    severity: Severity
    text: str
    advice: str = ""
    times: int = 1

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.severity]


def lines(events: Iterable[Event]) -> tuple[Line, ...]:
    """Newest first; the same said again and again is one line with a count."""
    said: list[Line] = []
    for event in events:
        line = _line(event)
        if said and (said[-1].text, said[-1].advice) == (line.text, line.advice):
            line = replace(line, times=said[-1].times + 1)
            said.pop()
        said.append(line)
    return tuple(reversed(said))


def standing_fault(story: Story) -> Fault | None:
    """The newest error that is not over yet."""
    over: set[str] = set()
    for fault in reversed(story.faults):
        if fault.severity == "error" and fault.code in OVER_WITH and OVER_WITH[fault.code] not in over:
            return fault
        over.add(fault.code)
    return None


def advice_of(fault: Fault) -> str:
    return fault.advice or ADVICE.get(fault.code, "")


def sentence(text: str) -> str:
    """With a capital and a full stop, as the wire does not promise them."""
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) or not text else f"{text}."


def _line(event: Event) -> Line:
    what = event.what
    if isinstance(what, Fault):
        place = f" (volume {what.index + 1})" if what.index is not None and "olume" not in what.text else ""
        return Line(event.unix_s, what.severity, sentence(what.text.rstrip(".") + place), advice_of(what))
    if isinstance(what, Rating):
        return _rating(event.unix_s, what)
    if isinstance(what, Pause):
        return _pause(event.unix_s, what)
    return _operator(event.unix_s, what)


def _rating(unix_s: float, rating: Rating) -> Line:
    name = rating.scale.replace("_", " ")
    answer = "no answer in time" if rating.value is None else f"{rating.value:g}"
    return Line(unix_s, "info", f"Participant's rating: {name} {answer}.")


def _pause(unix_s: float, pause: Pause) -> Line:
    if pause.paused:
        advice = "Speak to them over the intercom; the run goes on, and so do they when they press again."
        return Line(unix_s, "warning", "The participant has paused.", advice)
    return Line(unix_s, "info", "The participant goes on.")


def _operator(unix_s: float, operator: Operator) -> Line:
    note = f": {operator.note}" if operator.note else ""
    return Line(unix_s, "info", f"{ACTIONS[operator.action]}{note or '.'}")
