"""How the clocks of a run lie: the scanner's time (0: the first stored volume's acquisition begins), this computer's, each display's.

A moment of a display comes to the scanner's time in one of three ways, the best that the run has:

* ``trigger``: the display counted the scanner's pulses, so its own clock has a time zero and no other clock stands between;
* ``volumes``: by the measured offset to this computer's clock, whose time zero is that of the volume that arrived soonest after its
  acquisition, taken to have been complete one TR after it began: too early by the quickest export delay. A display with a trigger and a
  measured offset gives this computer's clock a better zero;
* ``arrival``: no offset was measured; the moment is when its message came.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rtfmri.messages import DisplayReport, Envelope, Shown, VolumeMessage
from rtfmri.record.summary import of_kind

RestsOn = Literal["trigger", "volumes", "arrival"]


@dataclass(frozen=True)
class Moment:
    """``error_s``: that of the measured offset between two computers' clocks, None where none stands between or it is not known."""

    t_s: float
    rests_on: RestsOn
    error_s: float | None = None


@dataclass(frozen=True)
class DisplayClock:
    """What was measured of one display's clock, in order of its time: (time, offset, error) and (time, time zero by the trigger)."""

    offsets: tuple[tuple[float, ...], ...] = ()
    zeros: tuple[tuple[float, ...], ...] = ()

    def offset_at(self, unix_s: float) -> tuple[float, float] | None:
        """Engine's clock minus this one and its error, as measured nearest to ``unix_s``."""
        nearest = _nearest(self.offsets, unix_s)
        return None if nearest is None else (nearest[1], nearest[2])

    def zero_at(self, unix_s: float) -> float | None:
        nearest = _nearest(self.zeros, unix_s)
        return None if nearest is None else nearest[1]


UNKNOWN = DisplayClock()


@dataclass(frozen=True)
class Clocks:
    """Of one run; ``zero_unix_s`` is this computer's clock at time zero, None where nothing tells it."""

    zero_unix_s: float | None
    zero_from: RestsOn = "volumes"
    zero_error_s: float | None = None
    displays: Mapping[str, DisplayClock] = field(default_factory=dict)

    def of_engine(self, unix_s: float) -> Moment | None:
        """A moment of this computer's clock."""
        return None if self.zero_unix_s is None else Moment(unix_s - self.zero_unix_s, self.zero_from, self.zero_error_s)

    def of_display(self, display: str, unix_s: float, came_unix_s: float) -> Moment | None:
        """A moment of a display's clock, of which a message came at ``came_unix_s`` of this computer's."""
        clock = self.displays.get(display, UNKNOWN)
        zero, offset = clock.zero_at(unix_s), clock.offset_at(unix_s)
        if zero is not None:
            return Moment(unix_s - zero, "trigger")
        if self.zero_unix_s is None:
            return None
        if offset is not None:
            return Moment(unix_s + offset[0] - self.zero_unix_s, self.zero_from, offset[1])
        return Moment(came_unix_s - self.zero_unix_s, "arrival")


def clocks_of(envelopes: Sequence[Envelope], tr_s: float) -> Clocks:
    """What the messages of a run tell of its clocks."""
    displays = {name: _display_clock(said) for name, said in _by_display(envelopes).items()}
    for clock in displays.values():
        if clock.zeros and clock.offsets:
            moment_s, offset_s, error_s = min(clock.offsets, key=lambda measured: measured[2])
            zero_s = clock.zero_at(moment_s)
            assert zero_s is not None
            return Clocks(zero_s + offset_s, "trigger", error_s, displays)
    return Clocks(time_zero_unix_s(of_kind(envelopes, VolumeMessage), tr_s), displays=displays)


def time_zero_unix_s(volumes: Sequence[VolumeMessage], tr_s: float) -> float | None:
    """This computer's clock at the first stored volume's acquisition, from the volume that came soonest."""
    times = [(volume.timing.arrived_unix_s, volume.acquired_s) for volume in volumes]
    begun = [arrived - acquired - tr_s for arrived, acquired in times if arrived is not None and acquired is not None]
    return min(begun, default=None)


def _by_display(envelopes: Sequence[Envelope]) -> dict[str, list[Shown | DisplayReport]]:
    said: dict[str, list[Shown | DisplayReport]] = {}
    for envelope in envelopes:
        if isinstance(envelope.message, Shown | DisplayReport):
            said.setdefault(envelope.message.display, []).append(envelope.message)
    return said


def _display_clock(said: Sequence[Shown | DisplayReport]) -> DisplayClock:
    """A trigger that the display itself did not trust to the end (volumes set its clock) gives no zero; one of a display that was started
    again during the run (its frames count from the beginning) is that of the process before: its computer's clock is the same."""
    offsets: list[tuple[float, ...]] = []
    before: list[tuple[float, ...]] = []  # of processes that have ended
    zeros: list[tuple[float, ...]] = []
    by_trigger, frames = False, 0
    for message in said:
        at_s = message.flip_unix_s if isinstance(message, Shown) else message.sent_unix_s
        if message.clock_offset_s is not None and message.clock_error_s is not None:
            offsets.append((at_s, message.clock_offset_s, message.clock_error_s))
        if isinstance(message, DisplayReport):
            if message.frames < frames:
                before, zeros = [*before, *zeros], []
            by_trigger, frames = message.zero_from == "trigger", message.frames
            zeros = zeros if by_trigger else []
        if by_trigger and message.zero_unix_s is not None:
            zeros.append((at_s, message.zero_unix_s))
    return DisplayClock(tuple(sorted(offsets)), tuple(sorted([*before, *zeros])))


def _nearest(measured: Sequence[tuple[float, ...]], unix_s: float) -> tuple[float, ...] | None:
    place = bisect_left(measured, (unix_s,))
    return min(measured[max(0, place - 1) : place + 1], key=lambda each: abs(each[0] - unix_s), default=None)
