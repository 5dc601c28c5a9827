"""The one line that says how things are, and what to do. Pure.

The rule: the first case that holds is said, the most urgent first. Calm states ask for nothing. The silence is worked out from the
clock, so it is said without any message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rtfmri.console.advice import advice_of, sentence, standing_fault
from rtfmri.console.context import Hearing
from rtfmri.console.story import Story
from rtfmri.messages import Fault

Tone = Literal["calm", "good", "notice", "warning", "alarm"]
LEAST_SILENCE_S = 3.0
HIGH_RATING_FOR_S = 30.0  # so long it stays before the operator; after that it stands among the events
ASK_SCANNER = "Is the scanner still running? Is the export on?"


@dataclass(frozen=True)
class Headline:
    tone: Tone
    symbol: str
    words: str
    advice: str = ""


def silence_s(story: Story, now_unix_s: float) -> float | None:
    """Since the last volume, while one is awaited; None otherwise."""
    if story.stop is not None or story.volume_unix_s is None or all_came(story):
        return None
    return max(0.0, now_unix_s - story.volume_unix_s)


def silence_limit_s(story: Story) -> float:
    """From when a silence is one that the operator should know of."""
    stale_s = story.start.stale_after_s if story.start is not None else 0.0
    if story.confirmed is not None and story.confirmed.stale_after_s is not None:
        stale_s = story.confirmed.stale_after_s
    return max(stale_s, LEAST_SILENCE_S)


def all_came(story: Story) -> bool:
    return story.volume is not None and story.planned is not None and story.volume.index + 1 >= story.planned


def headline(story: Story, hearing: Hearing, now_unix_s: float) -> Headline:
    """What the operator reads first."""
    for case in _CASES:
        said = case(story, hearing, now_unix_s)
        if said is not None:
            return said
    return Headline("good", "●", "Running")


Case = Callable[[Story, Hearing, float], "Headline | None"]


def _ended(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    if story.stop is None:
        return None
    status, reason = story.stop.exit_status, sentence(story.stop.reason)
    if status == "completed":
        return Headline("good", "✓", "Run completed", f"{reason} The summary stands under After.")
    words = {"stopped": "Run stopped", "silent": "Run ended: the scanner fell silent", "failed": "Run failed"}[status]
    tone: Tone = "notice" if status == "stopped" else "alarm"
    return Headline(tone, "■" if status == "stopped" else "✕", words, f"{reason} Everything up to here is recorded.")


def _unheard(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    if hearing.heard:
        return None
    if story.start is None or hearing.silent_s is None:
        return Headline(
            "calm", "○", "Waiting for the engine", "Start it with: rtfmri run STUDY --watch FOLDER. This page finds it by itself."
        )
    advice = "What stands below is the last that was known. If rtfmri run has ended, start it again: the same command resumes the run."
    return Headline("alarm", "✕", f"Engine not heard for {hearing.silent_s:.0f} s", advice)


def _idle(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    return Headline("calm", "○", "No run is armed", "Go to Before, check, and arm the next run.") if story.start is None else None


def _silent(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    silent_s = silence_s(story, now_unix_s)
    if silent_s is None or silent_s <= silence_limit_s(story):
        return None
    assert story.start is not None
    long = silent_s > story.start.pause_after_s
    also = " The participant's screen is paused kindly." if long else ""
    return Headline("alarm" if long else "warning", "✕" if long else "▲", f"No volume for {silent_s:.0f} s", ASK_SCANNER + also)


def _participant(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    if not story.participant_paused:
        return None
    return Headline(
        "warning", "‖", "The participant has paused", "Speak to them over the intercom. Volumes go on; paused time is not counted."
    )


def _high_rating(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    for event in reversed(story.events):
        if now_unix_s - event.unix_s > HIGH_RATING_FOR_S:
            return None
        if isinstance(event.what, Fault) and event.what.code == "high_rating":
            return Headline("warning", "▲", sentence(event.what.text), event.what.advice)
    return None


def _faulty(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    fault = standing_fault(story)
    return None if fault is None else Headline("alarm", "✕", sentence(fault.text), advice_of(fault))


def _screen(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    if story.card:
        return Headline("notice", "▣", "Set-up card on the participant's screen", "Take it away with C before the run begins.")
    if story.blanked:
        return Headline("notice", "▢", "Participant's screen is blank", "B shows it again. Volumes go on.")
    if story.paused:
        return Headline("notice", "‖", "Participant's screen is paused", "P lets it go on. Volumes go on; paused time is not counted.")
    return None


def _armed(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    return Headline("calm", "◇", "Armed", "Start the scan: the first volume starts the run.") if story.volume is None else None


def _last(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    return Headline("good", "✓", "All volumes came", "The run ends in a moment.") if all_came(story) else None


def _volume(story: Story, hearing: Hearing, now_unix_s: float) -> Headline | None:
    volume = story.volume
    if volume is None or volume.validity == "ok":
        return None
    why = sentence(volume.why)
    if volume.validity == "settling":
        return Headline("good", "◌", "Running, settling", why)
    if volume.validity == "held":
        return Headline("notice", "◍", "Held", f"{why} Nothing to do: the shape stays as it was.".strip())
    return Headline(
        "warning", "✕", f"Volume {volume.index + 1} is missing", f"{why} Its number is kept; watch whether more are lost.".strip()
    )


_CASES: tuple[Case, ...] = (_ended, _unheard, _idle, _silent, _participant, _high_rating, _faulty, _screen, _armed, _last, _volume)
