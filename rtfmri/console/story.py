"""What a page or a terminal tells of a run, pure: messages in, a frozen story out.

Conventions: the newest of everything; None where nothing came yet. What belongs to a volume number each is in ``columns.py``.
Of a blind run the console puts in only what ``blinding.py`` leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from rtfmri.messages import (
    BlockInfo,
    Confirmed,
    DisplayReport,
    Envelope,
    Fault,
    Operator,
    Pause,
    Picture,
    Published,
    Quality,
    Rating,
    RunStart,
    RunStop,
    Shown,
    VolumeMessage,
)

EVENTS_KEPT = 200
LATENCIES_KEPT = 300
COUNTED = ("ok", "settling", "held", "missing")


@dataclass(frozen=True)
class Event:
    """Something that happened, with the time at which the engine said it."""

    unix_s: float
    what: Fault | Operator | Rating | Pause


@dataclass(frozen=True)
class Story:
    """One run. ``pictures`` by what they show, ``displays`` and ``shown`` by the display's name; ``events`` oldest first."""

    start: RunStart | None = None
    confirmed: Confirmed | None = None
    volume: VolumeMessage | None = None
    volume_unix_s: float | None = None
    published: Published | None = None
    shown: Shown | None = None
    quality: Quality | None = None
    stop: RunStop | None = None
    pictures: MappingProxyType[str, Picture] = field(default_factory=lambda: MappingProxyType({}))
    displays: MappingProxyType[str, DisplayReport] = field(default_factory=lambda: MappingProxyType({}))
    events: tuple[Event, ...] = ()
    totals_ms: tuple[float, ...] = ()  # latencies of the last volumes, complete file noticed -> published
    counts: tuple[tuple[str, int], ...] = tuple((name, 0) for name in COUNTED)
    paused: bool = False  # the participant's screen, by the operator
    blanked: bool = False
    card: bool = False
    participant_paused: bool = False

    @property
    def blind(self) -> bool:
        return self.start is not None and self.start.blind

    @property
    def faults(self) -> tuple[Fault, ...]:
        return tuple(event.what for event in self.events if isinstance(event.what, Fault))

    @property
    def tr_s(self) -> float | None:
        if self.confirmed is not None:
            return self.confirmed.tr_s
        return self.start.tr_s if self.start is not None else None

    @property
    def planned(self) -> int | None:
        if self.confirmed is not None:
            return self.confirmed.planned_volumes
        return self.start.planned_volumes if self.start is not None else None

    @property
    def blocks(self) -> tuple[BlockInfo, ...]:
        if self.confirmed is not None:
            return self.confirmed.blocks
        return self.start.blocks if self.start is not None else ()

    @property
    def elapsed_s(self) -> float | None:
        """Since time zero, up to the end of the last volume."""
        return None if self.volume is None or self.tr_s is None else (self.volume.index + 1) * self.tr_s


def after(story: Story, envelope: Envelope) -> Story:
    """The story once ``envelope`` is known."""
    change = _CHANGES.get(type(envelope.message))
    return story if change is None else change(story, envelope.message, envelope.sent_unix_s)


def _volume(story: Story, message: VolumeMessage, unix_s: float) -> Story:
    counts = tuple((name, n + (name == message.validity)) for name, n in story.counts)
    return replace(story, volume=message, volume_unix_s=unix_s, counts=counts)


def _published(story: Story, message: Published, unix_s: float) -> Story:
    totals = (*story.totals_ms, message.latency_ms["total"])[-LATENCIES_KEPT:]
    return replace(story, published=message, totals_ms=totals)


def _event(story: Story, message: Fault | Operator | Rating | Pause, unix_s: float) -> Story:
    return replace(story, events=(*story.events, Event(unix_s, message))[-EVENTS_KEPT:])


def _operator(story: Story, message: Operator, unix_s: float) -> Story:
    switched: dict[str, Any] = _SWITCHES.get(message.action, {})
    return _event(replace(story, **switched), message, unix_s)


def _pause(story: Story, message: Pause, unix_s: float) -> Story:
    return _event(replace(story, participant_paused=message.paused), message, unix_s)


def _picture(story: Story, message: Picture, unix_s: float) -> Story:
    return replace(story, pictures=MappingProxyType({**story.pictures, message.what: message}))


def _display(story: Story, message: DisplayReport, unix_s: float) -> Story:
    return replace(story, displays=MappingProxyType({**story.displays, message.display: message}))


_SWITCHES: dict[str, dict[str, bool]] = {
    "pause": {"paused": True},
    "resume": {"paused": False},
    "blank": {"blanked": True},
    "unblank": {"blanked": False},
    "card": {"card": True},
    "uncard": {"card": False},
}
_CHANGES: dict[type, Callable[[Story, Any, float], Story]] = {
    RunStart: lambda story, message, unix_s: Story(start=message),
    Confirmed: lambda story, message, unix_s: replace(story, confirmed=message),
    VolumeMessage: _volume,
    Published: _published,
    Quality: lambda story, message, unix_s: replace(story, quality=message),
    Shown: lambda story, message, unix_s: replace(story, shown=message),
    Fault: _event,
    Operator: _operator,
    Rating: _event,
    Pause: _pause,
    Picture: _picture,
    DisplayReport: _display,
    RunStop: lambda story, message, unix_s: replace(story, stop=message),
}


def percentile(values: tuple[float, ...], percent: float) -> float | None:
    """Nearest-rank percentile; None of nothing."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * percent / 100.0))]
