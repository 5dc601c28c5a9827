"""What the participant sees now: in words, and as a small drawing. Pure.

The rule: drawn from what the display says was on its glass (``shown``), not from what the engine sent. A blind run's story holds no
``shown``, so neither has this page. Colours and proportions are those of the participant's screen; numbers only, no text of a message,
go into the drawing.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri.console.story import Event, Story
from rtfmri.messages import DisplayReport, Rating, Shown

GROUND, WARM, SAND, LINE = "#262626", "#E69F00", "#8f8b84", "#F0EDE8"
STATES = {
    "idle": "Waiting for a run",
    "card": "Set-up card",
    "waiting": "“We are about to begin”",
    "neutral": "Text of the block, no value",
    "fresh": "A new value",
    "held": "The last value, held",
    "stale": "The shape is resting",
    "rating": "A question with a slider",
    "paused": "Kind pause screen",
    "blank": "Blank screen",
    "ended": "“Thank you”",
}
WITH_SHAPE = ("fresh", "held", "stale", "neutral")


@dataclass(frozen=True)
class Glass:
    """``seen``, ``display`` and ``clock`` are short sentences; ``problem`` is a display's own, empty where there is none."""

    seen: str
    value: str
    display: str
    clock: str
    problem: str
    drawing: str


def glass(story: Story, displays: tuple[DisplayReport, ...]) -> Glass:
    """``displays``: those that were heard in the last seconds."""
    shown = None if story.blind else story.shown
    report = displays[-1] if displays else None
    view = report.view if report is not None else "circle"
    seen, value = ("Hidden: this run is blind.", "") if story.blind else _words(shown)
    problem = report.problems[0] if report is not None and report.problems else ""
    return Glass(seen, value, _connection(displays), _clock(report) if report else "", problem, drawing(shown, view))


def drawing(shown: Shown | None, view: str) -> str:
    """SVG of the shape: 160 x 90, the value -1 ... 1 around a midline."""
    state = "idle" if shown is None else shown.state
    inner = _shape(0.0 if shown is None or shown.value is None else min(max(shown.value, -1.0), 1.0), state, view)
    return f'<svg viewBox="0 0 160 90" aria-hidden="true"><rect width="160" height="90" rx="6" fill="{GROUND}"/>{inner}</svg>'


def last_rating(events: tuple[Event, ...]) -> str:
    for event in reversed(events):
        if isinstance(event.what, Rating):
            answer = "no answer" if event.what.value is None else f"{event.what.value:g}"
            return f"{event.what.scale.replace('_', ' ')}: {answer}"
    return ""


def _words(shown: Shown | None) -> tuple[str, str]:
    if shown is None:
        return "Nothing told yet.", ""
    value = "" if shown.value is None else f"value {shown.value:+.2f}"
    index = "" if shown.index is None else f" · volume {shown.index + 1}"
    return STATES.get(shown.state, shown.state), value + index


def _connection(displays: tuple[DisplayReport, ...]) -> str:
    if not displays:
        return "✕ No display heard"
    newest = displays[-1]
    parts = [f"● {newest.display}" if len(displays) == 1 else f"● {len(displays)} displays"]
    parts += [f"{newest.refresh_hz:.0f} Hz"] if newest.refresh_hz else []
    parts += [f"{newest.dropped_frames} dropped"] if newest.dropped_frames else []
    return " · ".join(parts)


def _clock(report: DisplayReport) -> str:
    """Its trigger, and how far its clock is from this computer's."""
    parts = [_trigger(report)]
    if report.clock_offset_s is not None:
        error = "" if report.clock_error_s is None else f" ± {1000 * report.clock_error_s:.1f}"
        parts.append(f"clock {1000 * report.clock_offset_s:+.1f}{error} ms")
    return " · ".join(parts)


def _trigger(report: DisplayReport) -> str:
    if report.trigger == "none":
        return "time zero from volumes" if report.zero_from else "no trigger"
    return f"{report.trigger}: {report.pulses} pulses"


def _shape(value: float, state: str, view: str) -> str:
    if state not in WITH_SHAPE:
        return "" if state in ("blank", "idle") else _text_lines()
    colour, opacity = (WARM, 1.0) if state in ("fresh", "held") else (SAND, 0.6)
    dotted = f'stroke="{LINE}" stroke-dasharray="2 3" stroke-width="1.2"' if state == "held" else ""
    if view == "thermometer":
        top = 45 - 26 * value
        tube = f'<rect x="70" y="8" width="20" height="74" rx="10" fill="none" stroke="{SAND}"/>'
        fill = f'<rect x="73" y="{top:.1f}" width="14" height="{79 - top:.1f}" rx="6" fill="{colour}" opacity="{opacity}" {dotted}/>'
        return f"{tube}{fill}{_midline(58, 102)}"
    if view == "line":
        y = 45 - 30 * value
        return f'{_midline(16, 144)}<circle cx="80" cy="{y:.1f}" r="6" fill="{colour}" opacity="{opacity}" {dotted}/>'
    disc = f'<circle cx="80" cy="45" r="{25 + 12 * value:.1f}" fill="{colour}" opacity="{opacity}" {dotted}/>'
    return f'{disc}<circle cx="80" cy="45" r="25" fill="none" stroke="{LINE}" opacity=".7"/>'


def _midline(left: int, right: int) -> str:
    return f'<path d="M{left} 45H{right}" stroke="{LINE}" opacity=".55"/>'


def _text_lines() -> str:
    return f'<path d="M45 40H115M55 52H105" stroke="{LINE}" stroke-width="3" stroke-linecap="round" opacity=".55"/>'
