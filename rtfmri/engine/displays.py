"""What a run makes of what displays say: pure. A message and what is known so far give what is journalled and what the operator is told.

Rules: a report is journalled when it says something new, not for its counters, and once more at the run's end; a problem that was not
there before is told, at most ``TIMES`` in a run in the same words (numbers aside); nothing that a display says commands anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtfmri import __version__
from rtfmri.engine.faults import display_back, display_lost, display_problem, display_version, high_rating
from rtfmri.messages import SCHEMA, DisplayReport, DisplaySettings, Fault, Rating, Shown

SOFTWARE = f"rtfmri {__version__}"
COUNTERS = {"sent_unix_s", "frames", "dropped_frames", "pulses", "pulse_unix_s", "clock_offset_s", "clock_error_s"}
MEASURED = {"refresh_hz": 1.0, "zero_unix_s": 0.02}  # by less than this, a new value says nothing new
TIMES = 3
MOST_TOLD = 100  # sentences about displays in one run
MOST_DISPLAYS = 16
ANSWER_MARGIN_S = 15.0  # a display may be behind, and its last answer under way

FromDisplays = Shown | Rating | DisplayReport
ToSend = tuple[FromDisplays | Fault, ...]


@dataclass(frozen=True)
class Displays:
    """``newest`` and ``journalled`` reports by display; ``told``: how often each sentence; ``open``: at-end questions without an answer;
    ``away``: displays of this run that are not heard any more."""

    settings: DisplaySettings
    newest: Mapping[str, DisplayReport] = field(default_factory=dict)
    journalled: Mapping[str, DisplayReport] = field(default_factory=dict)
    told: Mapping[str, int] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    heard: bool = False
    away: frozenset[str] = frozenset()

    @property
    def answers_within_s(self) -> float:
        """How long the at-end questions may take; 0 where none is open or nobody is there to put them."""
        scales = [scale for scale in self.settings.ratings if scale.name in self.open]
        return sum(scale.s for scale in scales) + ANSWER_MARGIN_S if scales and self.heard else 0.0

    @property
    def unsaid(self) -> tuple[DisplayReport, ...]:
        """The newest reports that are not in the journal: the last state of the counters."""
        return tuple(report for name, report in self.newest.items() if self.journalled.get(name) != report)


def displays_of(settings: DisplaySettings) -> Displays:
    """Of a run that begins."""
    return Displays(settings, open=frozenset(scale.name for scale in settings.ratings if scale.at_end))


def after(displays: Displays, message: FromDisplays) -> tuple[Displays, ToSend]:
    """What is known after ``message``, and what goes out for it: itself, where it is worth it, then what the operator is told."""
    displays = replace(displays, heard=True)
    if isinstance(message, DisplayReport):
        return _reported(displays, message)
    if isinstance(message, Rating):
        open_now = displays.open - {message.scale} if message.block is None else displays.open
        return replace(displays, open=open_now), (message, *_alerts(displays, message))
    return displays, (message,)


def presence(displays: Displays, present: frozenset[str]) -> tuple[Displays, tuple[Fault, ...]]:
    """What is known, and told, when just the displays ``present`` are heard."""
    away = frozenset(displays.newest) - present
    news = [display_lost(name) for name in sorted(away - displays.away)] + [display_back(name) for name in sorted(displays.away - away)]
    return _tell(replace(displays, away=away), news)


def _reported(displays: Displays, report: DisplayReport) -> tuple[Displays, ToSend]:
    name = report.display
    if name not in displays.newest and len(displays.newest) >= MOST_DISPLAYS:
        return displays, ()
    before, known = displays.newest.get(name), displays.journalled.get(name)
    displays = replace(displays, newest={**displays.newest, name: report})
    says_new = known is None or _differs(known, report)
    if says_new:
        displays = replace(displays, journalled={**displays.journalled, name: report})
    displays, faults = _tell(displays, _news(before, report))
    return displays, (*((report,) if says_new else ()), *faults)


def _differs(known: DisplayReport, report: DisplayReport) -> bool:
    old, new = (message.model_dump(exclude=COUNTERS) for message in (known, report))
    return any(_changed(old[name], new[name], MEASURED.get(name, 0.0)) for name in new)


def _changed(old: Any, new: Any, by: float) -> bool:
    return bool(abs(old - new) > by) if isinstance(old, float) and isinstance(new, float) else bool(old != new)


def _news(before: DisplayReport | None, report: DisplayReport) -> list[Fault]:
    """What the operator does not know yet of this display."""
    news = [display_problem(report.display, problem) for problem in report.problems if before is None or problem not in before.problems]
    if not _ours(report) and (before is None or _ours(before)):
        news.append(display_version(report, f"{SOFTWARE} (messages {SCHEMA})"))
    return news


def _ours(report: DisplayReport) -> bool:
    """Of this version; a display may give its version alone."""
    return report.software.split()[-1:] == [__version__] and report.schema_version == SCHEMA


def _tell(displays: Displays, news: list[Fault]) -> tuple[Displays, tuple[Fault, ...]]:
    told, faults = dict(displays.told), []
    for fault in news:
        words = re.sub(r"[\d.]+", "", fault.text)
        if told.get(words, 0) < TIMES and sum(told.values()) < MOST_TOLD:
            told[words] = told.get(words, 0) + 1
            faults.append(fault)
    return replace(displays, told=told), tuple(faults)


def _alerts(displays: Displays, rating: Rating) -> tuple[Fault, ...]:
    """An answer that the operator should know of at once."""
    for scale in displays.settings.ratings:
        if scale.name == rating.scale and scale.high_alerts is not None and rating.value is not None and rating.value >= scale.high_alerts:
            return (high_rating(scale, rating.value),)
    return ()
