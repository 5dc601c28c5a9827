"""The feedback range of the runs that follow: what of the measure is full feedback.

From a localizer: the upper quartile (75th percentile, linear between values) of the measure's own values above its centre, of single
volumes in the scoring windows (onset + 6 s to end + 6 s) of the regulation blocks, and only of volumes whose value was settled and not
flagged, held or missing (validity ``ok``). Signed, not absolute: noise alone has a large absolute value, and full feedback is what this
participant reaches in a good quarter of the time. The values are those that a participant would have been shown: filtered, cleaned with
the coefficients of their time.

The study's own range is kept, and the sentence says why, where there are fewer than ``FEWEST`` values or the quartile is not above the
values' own median standard error (noise alone would open the shape). The result is held to a quarter to four times the study's range.

Adaptive: the same of the feedback run before, but no step changes the range by more than a half, and a run without a usable quartile
changes nothing. It never changes within a run.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

import numpy as np

from rtfmri.messages import VolumeMessage
from rtfmri.signals.measures.correlation import above_centre
from rtfmri.signals.windows import ScoreWindow, score_windows
from rtfmri.study import Study
from rtfmri.study.signal import Correlation, Signal, UserFunction
from rtfmri.volume import Array

QUARTILE = 75.0
FEWEST = 10
LEAST, MOST = 0.25, 4.0  # times the study's range
STEP = 1.5  # the most that one adaptive step multiplies or divides by


@dataclass(frozen=True)
class FeedbackRange:
    """``full`` in the measure's unit; ``quartile`` of ``values`` values, before any limit; ``why`` tells how it came about."""

    full: float
    quartile: float | None
    values: int
    why: str


@dataclass(frozen=True, eq=False)
class Values:
    """Of single volumes, above the measure's centre, and their standard errors (those that have one)."""

    above: Array
    errors: Array

    def and_more(self, other: Values) -> Values:
        return Values(np.concatenate((self.above, other.above)), np.concatenate((self.errors, other.errors)))


def values_in_blocks(
    signal: Signal, scores: Iterable[ScoreWindow], messages: Iterable[VolumeMessage], blocks: Container[int] | None = None
) -> Values:
    """The values that count, of the regulation ``blocks`` with these numbers (None: of all)."""
    wanted = {index for score in scores if blocks is None or score.block in blocks for index in score.volumes}
    counted = [message for message in messages if message.index in wanted and message.validity == "ok"]
    above = np.array([_above(signal, message.value) for message in counted if message.value is not None])
    return Values(above, np.array([message.value_se for message in counted if message.value_se is not None]))


def localizer_range(values: Values, study_range: float) -> FeedbackRange:
    """The range that a localizer run gives; ``study_range`` where it gives none."""
    quartile, problem = _quartile(values)
    if quartile is None or problem:
        return FeedbackRange(study_range, quartile, len(values.above), f"{problem}; the study's own range is kept")
    full = min(MOST * study_range, max(LEAST * study_range, quartile))
    held = "" if full == quartile else f", held to {LEAST:g} to {MOST:g} times the study's {study_range:g}"
    return FeedbackRange(full, quartile, len(values.above), f"upper quartile of {len(values.above)} values{held}")


def adaptive_range(study: Study, tr_s: float, messages: Iterable[VolumeMessage], last_range: float, study_range: float) -> FeedbackRange:
    """The range after a feedback run, from its recorded ``messages``; it had ``last_range``. A blind run changes nothing."""
    scores = score_windows(study.blocks(tr_s), study.signal.baseline, tr_s)
    values = values_in_blocks(study.signal, scores, messages)
    quartile, problem = _quartile(values)
    if quartile is None or problem:
        return FeedbackRange(last_range, quartile, len(values.above), f"{problem}; the last run's range is kept")
    stepped = min(STEP * last_range, max(last_range / STEP, quartile))
    full = min(MOST * study_range, max(LEAST * study_range, stepped))
    held = "" if full == quartile else f", one step from {last_range:.3g} within {LEAST:g} to {MOST:g} times the study's {study_range:g}"
    return FeedbackRange(full, quartile, len(values.above), f"upper quartile of {len(values.above)} values{held}")


def _quartile(values: Values) -> tuple[float | None, str]:
    """The quartile where there are values enough, and what forbids to use it."""
    count = len(values.above)
    if count < FEWEST:
        return None, f"only {count} settled values during regulation, {FEWEST} are needed"
    quartile = float(np.percentile(values.above, QUARTILE))
    noise = float(np.median(values.errors)) if len(values.errors) else 0.0
    if quartile <= max(noise, 0.0):
        return quartile, f"the upper quartile {quartile:.2g} is not above the values' own standard error {noise:.2g}"
    return quartile, ""


def _above(signal: Signal, value: float) -> float:
    rule = signal.measure
    if isinstance(rule, Correlation):
        return above_centre(value, rule.centre)
    return value - rule.centre if isinstance(rule, UserFunction) else value
