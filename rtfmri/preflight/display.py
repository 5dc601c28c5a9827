"""The participant's display, as it reports itself: is it there, does it draw in time, does it see pulses, is its clock known?"""

from __future__ import annotations

from rtfmri.messages import DisplayReport, RunKind
from rtfmri.preflight.check import Check, ago
from rtfmri.preflight.session import Session
from rtfmri.study.display import Trigger

DROPPED = 0.01  # of the frames
CLOCK_ERROR_S = 0.05  # a tenth of a short TR
SHOWN_TO = ("feedback",)  # runs that make no sense without a display


def display_checks(session: Session, trigger: Trigger, kind: RunKind | None, address: str, now_unix_s: float) -> tuple[Check, ...]:
    """``address``: where a display connects to, such as tcp://HOST:5560."""
    if not session.runs:
        return (Check("display", "unknown", "No session runs yet, so no display can be heard.", "Start the session, then the display."),)
    if not session.displays:
        advice = f"On the stimulus computer: python -m feedback --connect {address}"
        return (Check("display", "warning" if kind in (None, *SHOWN_TO) else "unknown", "No display is connected.", advice),)
    report = session.displays[-1]
    return (_there(session.displays), _pulses(report, trigger, now_unix_s), _clock(report))


def _there(reports: tuple[DisplayReport, ...]) -> Check:
    report, size = reports[-1], reports[-1].size_px
    name = report.display if len(reports) == 1 else f"{len(reports)} displays: {', '.join(one.display for one in reports)}"
    problems = [problem for one in reports for problem in one.problems]
    if problems:
        return Check("display", "warning", f"{name}: {' '.join(problems)}", "See what the display's own window says.")
    if report.refresh_hz is None:
        found = f"{name} is connected, but its frames do not wait for the screen's refresh, so frames may be dropped or torn."
        return Check("display", "warning", found, "Switch vertical sync on in the graphics driver, then restart the display.")
    screen = f"{report.refresh_hz:.1f} Hz" + (f", {size[0]} x {size[1]}" if size else "")
    dropped = report.dropped_frames / report.frames if report.frames else 0.0
    if dropped > DROPPED:
        advice = "Close other programs on the stimulus computer."
        return Check("display", "warning", f"{name} is connected ({screen}), but drops {dropped:.0%} of its frames.", advice)
    return Check("display", "ok", f"{name} is connected: {screen}, {report.dropped_frames} of {report.frames} frames dropped.")


def _pulses(report: DisplayReport, trigger: Trigger, now_unix_s: float) -> Check:
    if trigger.kind == "none":
        return Check("trigger", "ok", "The study uses none: the volumes themselves set the clock.")
    what = f"{trigger.kind} ({trigger.key if trigger.kind == 'keyboard' else trigger.port})"
    if not report.pulses:
        advice = "Let the scanner send a pulse, or press the key once on the stimulus computer."
        return Check("trigger", "unknown", f"The display has seen no pulse yet: {what}.", advice)
    at = report.pulse_unix_s
    when = "" if at is None else f", the last {ago(max(0.0, now_unix_s - at - (report.clock_offset_s or 0.0)))} ago"
    return Check("trigger", "ok", f"{report.pulses} pulses seen{when}: {what}.")


def _clock(report: DisplayReport) -> Check:
    if report.clock_offset_s is None or report.clock_error_s is None:
        return Check("clock offset", "unknown", "The display's clock has not been measured yet.", "Wait a moment.")
    offset = f"{1e3 * report.clock_offset_s:+.1f} ± {1e3 * report.clock_error_s:.1f} ms"
    if report.clock_error_s > CLOCK_ERROR_S:
        return Check(
            "clock offset", "warning", f"The display's clock is known only to {offset}.", "Use a cable instead of a wireless network."
        )
    return Check("clock offset", "ok", f"This computer's clock against the display's: {offset}; it is corrected for.")
