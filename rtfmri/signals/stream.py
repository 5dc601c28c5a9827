"""One volume in, one reading out: the streaming regulation value.

The rules. Every volume number comes exactly once, in order, missing ones included. Flagged, missing, paused and dummy volumes stay out of
the fit, the baseline, the filter and the score. A value is ``settled`` when its baseline window has closed, enough volumes are in
the fit and its standard error is small enough; it stays settled until the error is half as large again (or the next rest's window
opens), so that a participant's shape does not flicker. Only a settled value becomes feedback. A block's score is computed once, with the
coefficients of the volume at which its window closes, and then stands still. Volumes beyond the planned ones give their raw values and
nothing else: the memory of a run is fixed when it starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from rtfmri.signals import glm
from rtfmri.signals.compare import Model, model
from rtfmri.signals.filters import Filtering, filtered, room_to_filter
from rtfmri.signals.judge import reading_of, score_of, with_score
from rtfmri.signals.measures.function import Ask
from rtfmri.signals.nuisance import MINIMUM_LEARNED, Memory, collected, columns_of, remembered, to_learn, with_components
from rtfmri.signals.plan import SignalPlan
from rtfmri.signals.prewhiten import RHOS
from rtfmri.signals.reading import Reading, RoiValue, Sample, Score
from rtfmri.signals.warming import warm_up
from rtfmri.study.signal import DecoderRule
from rtfmri.volume import Array

__all__ = ["Reading", "RoiValue", "Sample", "SignalState", "start", "update", "warm_up"]

STAYS_SETTLED = 1.5  # times the limit
LEARNING = "the tissue's components are being learned"


@dataclass(frozen=True, eq=False)
class SignalState:
    """After ``count`` volumes. ``update`` fills the buffers in place: of a state that was updated only the new one may be used."""

    count: int
    observations: glm.Observations
    filtering: Filtering
    answers: Array  # (N,): the user's function's values; NaN where it gave none
    memory: Memory = field(default_factory=Memory)
    score: Score | None = None
    settled: bool = False  # the last value that could be judged was


def start(plan: SignalPlan) -> SignalState:
    """The state before the first volume, with room for all planned ones."""
    volumes = plan.planned_volumes
    room = glm.room_for(len(plan.design), plan.series, volumes, RHOS if plan.signal.prewhiten else 0)
    return SignalState(0, room, room_to_filter(volumes), np.full(volumes, np.nan), Memory(components=plan.components))


def update(plan: SignalPlan, state: SignalState, sample: Sample, ask: Ask | None = None) -> tuple[SignalState, Reading]:
    """The state and the reading after the next volume. ``ask`` calls the study's own function where it has one.

    Raises
    ------
    ValueError : the volume is not the next one, or its values are not as many as the regions (a bug of the caller).
    """
    _refuse_out_of_turn(plan, state, sample)
    row, why = _row(plan, state.memory, sample)
    why = _why_not_used(plan, sample) or why
    if row is not None:
        glm.note(state.observations, sample.index, row, _series(plan, sample))
        if not why:
            glm.absorb(state.observations, sample.index)
    memory = _learned(plan, state, sample, used=not why)
    current = _model(plan, state.observations, sample.index)
    filtering = filtered(plan, state.filtering, current, sample.index) if current is not None and not why else state.filtering
    limit = plan.settled_se * (STAYS_SETTLED if state.settled else 1.0)
    usable = replace(sample, raw=sample.raw if _finite(sample.raw) else None)
    reading = reading_of(plan, usable, current if row is not None else None, filtering.weights[: sample.index + 1], why, limit, ask)
    if reading.settled and to_learn(plan.carried, memory):
        reading = replace(reading, settled=False, feedback=None, why=LEARNING)
    if reading.value is not None and sample.index < plan.planned_volumes:
        state.answers[sample.index] = reading.value
    score = score_of(plan, sample.index, state.score, current, state.answers)
    settled = state.settled if why or reading.held else reading.settled
    after = replace(state, count=state.count + 1, filtering=filtering, memory=memory, score=score, settled=settled)
    return after, with_score(reading, score)


def _refuse_out_of_turn(plan: SignalPlan, state: SignalState, sample: Sample) -> None:
    if sample.index != state.count:
        raise ValueError(f"volume {sample.index} came where {state.count} was expected")
    if sample.raw is not None and len(sample.raw) != len(plan.roi_names):
        raise ValueError(f"{len(sample.raw)} values came for {len(plan.roi_names)} regions")


def _why_not_used(plan: SignalPlan, sample: Sample) -> str:
    """Why this volume stays out of everything, whatever its columns are; empty where it is in."""
    reasons = (
        (sample.raw is None, "the volume is missing"),
        (sample.index >= plan.planned_volumes, "the run is longer than its planned volumes; the values end with them"),
        (sample.index < plan.dummies, "dummy volume"),
        (sample.paused, "paused"),
        (sample.flagged, "the volume is flagged"),
        (not _finite(sample.raw), "a region has no usable values in this volume"),
        (not _decided(plan, sample), "the decoder has no usable value in this volume"),
    )
    return next((reason for applies, reason in reasons if applies), "")


def _finite(values: tuple[float, ...] | None) -> bool:
    return values is not None and all(math.isfinite(value) for value in values)


def _decided(plan: SignalPlan, sample: Sample) -> bool:
    return not isinstance(plan.measure, DecoderRule) or (sample.decoder is not None and math.isfinite(sample.decoder))


def _series(plan: SignalPlan, sample: Sample) -> Array:
    """The volume's values (S,): regions, and the decoder's where there is one."""
    decided = (sample.decoder,) if isinstance(plan.measure, DecoderRule) else ()
    return np.array([*(sample.raw or ()), *decided])


def _row(plan: SignalPlan, memory: Memory, sample: Sample) -> tuple[Array | None, str]:
    """The volume's design row (P,), or why there is none."""
    if sample.index >= plan.planned_volumes or not _finite(sample.raw) or not _decided(plan, sample):
        return None, ""
    row = plan.design[:, sample.index].copy()
    for block in plan.carried:
        columns = columns_of(block, memory, sample)
        if columns is None:
            what = "motion estimate" if block.name == "motion" else f"{block.name.replace('_', ' ')} signal"
            return None, f"there is no {what} for this volume"
        row[block.columns] = columns
    return row, ""


def _learned(plan: SignalPlan, state: SignalState, sample: Sample, used: bool) -> Memory:
    """The memory after this volume; where it completes what components are learned from, all volumes are fitted anew with them."""
    memory = remembered(state.memory, sample)
    blocks = to_learn(plan.carried, memory)
    if not blocks or not used:
        return memory
    memory = collected(memory, sample, tuple(block.name for block in blocks))
    enough = max(MINIMUM_LEARNED, *(2 * block.size for block in blocks))
    if sample.index < plan.learned_from or len(memory.collected) < enough:
        return memory
    memory = with_components(memory, blocks)
    for index, values in memory.collected:
        for block in blocks:
            past = Sample(index, None, tissue=values)
            state.observations.columns[block.columns, index] = columns_of(block, memory, past)
    glm.absorb_again(state.observations)
    return replace(memory, collected=())


def _model(plan: SignalPlan, observations: glm.Observations, index: int) -> Model | None:
    """What the volumes so far say; None while none is in the fit, or where a region's mean is not above zero."""
    totals = observations.sums[len(plan.design) : len(plan.design) + len(plan.roi_names)]
    if not observations.used.any() or not (totals > 0.0).all():
        return None
    return model(plan, observations, min(index + 1, plan.planned_volumes))
