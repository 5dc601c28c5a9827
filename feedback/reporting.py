"""How the display is: a ``DisplayReport`` when it connects, when something changed that an operator acts on, and every ten seconds."""

from __future__ import annotations

from feedback.ends import Glass
from feedback.pace import Pace
from feedback.state import DisplayState
from rtfmri import __version__
from rtfmri.messages import SCHEMA, DisplayReport, DisplaySettings

EVERY_S = 10.0
NO_SETTINGS = DisplaySettings()
OFTEN_CHANGING = frozenset(
    {"sent_unix_s", "frames", "dropped_frames", "pulses", "pulse_unix_s", "zero_unix_s", "clock_offset_s", "clock_error_s"}
)


def report(
    state: DisplayState,
    pace: Pace,
    glass: Glass,
    trigger: str,
    problems: tuple[str, ...],
    offset: tuple[float, float] | None,
    now_s: float,
) -> DisplayReport:
    """The report at ``now_s``; ``offset``: engine's clock minus the display's and its error, seconds."""
    settings = NO_SETTINGS if state.run is None else state.run.display
    offset_s, error_s = offset or (None, None)
    return DisplayReport(
        display=state.display,
        software=__version__,
        schema_version=SCHEMA,
        sent_unix_s=now_s,
        size_px=glass.size_px,
        refresh_hz=glass.refresh_hz,
        frames=pace.frames,
        dropped_frames=pace.dropped,
        view=settings.view,
        language=settings.language,
        flip=settings.flip,
        trigger=trigger,
        pulses=state.pulses,
        pulse_unix_s=state.pulse_s,
        zero_unix_s=state.zero_s,
        zero_from=state.zero_from,
        problems=tuple(dict.fromkeys((*problems, *state.problems))),
        clock_offset_s=offset_s,
        clock_error_s=error_s,
    )


class Reporter:
    """Which reports to send."""

    def __init__(self) -> None:
        self._sent_s = float("-inf")
        self._sent: tuple[object, ...] | None = None

    def due(self, report: DisplayReport, connected: bool) -> bool:
        """Whether ``report`` tells something new, or the last one is ``EVERY_S`` old. It counts as sent then."""
        pulsing = report.pulses > 0
        telling = (connected, pulsing, *(value for name, value in report if name not in OFTEN_CHANGING))
        if telling == self._sent and report.sent_unix_s - self._sent_s < EVERY_S:
            return False
        self._sent, self._sent_s = telling, report.sent_unix_s
        return True
