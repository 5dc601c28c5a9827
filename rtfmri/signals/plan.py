"""Everything about a run's signal that is known once TR is: the design's fixed columns, the windows, the weights of regions and measure.

Columns, in order: constant, Legendre drift, the columns that come with each volume (motion, tissues, physiology; zero here), the user's
regressors, one task regressor per regulation block. All but constant and task are nuisance: their fitted part is taken out. The task's
fitted part stays.

``active_from`` is the first volume at which a column may enter the fit. A drift term waits until the run is as long as its order
needs, so at every volume the model is what 1 + int(seconds / 150) gives for the run so far: early values do not pay for terms that only a
long run needs.

The series of the fit are the K regions' means and, where the measure is a decoder, its decision value. ``functionals`` are weighted sums
of the series in their units: first the regulation value (the regions' weights), then the measure's where that is another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtfmri.errors import StudyError
from rtfmri.paradigm import Block, first_index_at
from rtfmri.signals.components import Components
from rtfmri.signals.design import SECONDS_PER_DRIFT_ORDER, drift_order, legendre, task_regressor
from rtfmri.signals.inputs import SignalInputs, checked_regressors
from rtfmri.signals.measures.decoder import Decoder
from rtfmri.signals.nuisance import Carried, carried_blocks
from rtfmri.signals.windows import ScoreWindow, baseline_windows, score_windows
from rtfmri.study import Study
from rtfmri.study.signal import Correlation, DecoderRule, MeasureRule, Signal, SingleRoi, UserFunction, ZScore, full_range
from rtfmri.volume import Array

FIRST_LEARNED = 20  # volumes after which components are learned where no rest says when


@dataclass(frozen=True, eq=False)
class SignalPlan:
    """P columns, N planned volumes, K regions, S series. Frozen for the run."""

    roi_names: tuple[str, ...]
    tr_s: float
    design: Array  # (P, N), carried rows zero
    carried: tuple[Carried, ...]
    tasks: slice  # rows of the task regressors
    task_blocks: tuple[int, ...]  # their numbers in the paradigm's blocks
    nuisance: npt.NDArray[np.bool_]  # (P,)
    active_from: npt.NDArray[np.intp]  # (P,)
    dummies: int  # leading volumes that never count
    baselines: tuple[range, ...]  # one per rest
    scores: tuple[ScoreWindow, ...]  # one per regulation block
    learned_from: int  # components are learned at the first volume at or after this number that has enough before it
    components: Mapping[str, Components]  # those that an earlier run gave
    signal: Signal  # the study's section
    prior: Array  # (P,): standard deviation of a coefficient in percent, expected beforehand; inf where nothing is
    reach: Array  # (S,): what a series' prior is multiplied by, in its units
    units: Array  # (S,): what the series are multiplied by; 0: 100 / running mean
    functionals: Array  # (F, S); the last is the measure's
    offset: float  # what a decoder's decision has beside the change
    full_range: float  # what is full feedback, in the measure's unit
    centre: float  # what is no feedback
    settled_se: float  # in the measure's unit
    control_weights: tuple[float, ...]  # of the control combination, by region; empty: none is computed

    @property
    def planned_volumes(self) -> int:
        return self.design.shape[1]

    @property
    def measure(self) -> MeasureRule:
        return self.signal.measure

    @property
    def series(self) -> int:
        """How many series the fit has."""
        return len(self.units)

    @property
    def motion(self) -> slice:
        """Rows of the design that each volume's motion fills; empty where motion is no nuisance."""
        first = self.carried[0].columns.start if self.carried else self.tasks.start
        return next((block.columns for block in self.carried if block.name == "motion"), slice(first, first))


def plan_signal(
    study: Study, blocks: tuple[Block, ...], tr_s: float, planned_volumes: int, inputs: SignalInputs | None = None
) -> SignalPlan:
    """The plan of a run of ``planned_volumes`` (at least 1) with these blocks.

    Raises
    ------
    StudyError : the user's regressors do not fit the run, or the measure's weight map was not given.
    """
    given = inputs or SignalInputs()
    signal = study.signal
    order = drift_order(planned_volumes * tr_s) if "drift" in signal.nuisance else 0
    carried = carried_blocks(signal, given.physiology_columns, 1 + order)
    numbers = tuple(number for number, block in enumerate(blocks) if block.role == "regulate")
    design = _design(order, carried, checked_regressors(given.regressors, planned_volumes), [blocks[n] for n in numbers], tr_s)
    tasks = slice(len(design) - len(numbers), len(design))
    nuisance = np.ones(len(design), dtype=np.bool_)
    nuisance[0] = nuisance[tasks] = False
    baselines = baseline_windows(blocks, signal.baseline, tr_s)
    decoder = _decoder(study, given)
    units, functionals = _functionals(study, decoder)
    return SignalPlan(
        roi_names=tuple(roi.name for roi in study.roi),
        tr_s=tr_s,
        design=design,
        carried=carried,
        tasks=tasks,
        task_blocks=numbers,
        nuisance=nuisance,
        active_from=_active_from(order, len(design), tr_s),
        dummies=max((first_index_at(block.end_s, tr_s) for block in blocks if block.role == "dummy"), default=0),
        baselines=baselines,
        scores=score_windows(blocks, signal.baseline, tr_s),
        learned_from=min((window.stop for window in baselines if len(window)), default=FIRST_LEARNED) - 1,
        components=given.components,
        signal=signal,
        prior=_prior(signal, order, carried, len(design)),
        reach=np.array([1.0] * len(study.roi) + ([decoder.reach / decoder.spread] if decoder else [])),
        units=units,
        functionals=functionals,
        offset=(decoder.intercept - decoder.mean) / decoder.spread if decoder else 0.0,
        full_range=full_range(signal),
        centre=signal.measure.centre if isinstance(signal.measure, Correlation | UserFunction) else 0.0,
        settled_se=_settled_se(signal),
        control_weights=given.control_weights,
    )


def _design(order: int, carried: tuple[Carried, ...], regressors: Array, tasks: list[Block], tr_s: float) -> Array:
    """The design (P, N) with the carried rows zero."""
    volumes = regressors.shape[1]
    times_s: Array = tr_s * np.arange(volumes, dtype=np.float64)
    coming = np.zeros((sum(block.size for block in carried), volumes))
    courses = [task_regressor(block, times_s)[None] for block in tasks]
    return np.concatenate([np.ones((1, volumes)), legendre(order, volumes), coming, regressors, *courses])


def _decoder(study: Study, given: SignalInputs) -> Decoder | None:
    rule = study.signal.measure
    if not isinstance(rule, DecoderRule):
        return None
    if given.decoder is None:
        raise StudyError(f"signal.measure: the decoder's weight map {rule.weights.name} was not read; check the file.")
    return given.decoder


def _active_from(order: int, columns: int, tr_s: float) -> npt.NDArray[np.intp]:
    active_from = np.zeros(columns, dtype=np.intp)
    for degree in range(2, order + 1):
        active_from[degree] = first_index_at(SECONDS_PER_DRIFT_ORDER * (degree - 1), tr_s) - 1  # with it the run is that long
    return active_from


def _prior(signal: Signal, order: int, carried: tuple[Carried, ...], columns: int) -> Array:
    """``prior`` of the plan; derivatives and squares are in mm per volume and mm squared."""
    prior = np.full(columns, np.inf)
    if not signal.prior.enabled:
        return prior
    prior[1 : 1 + order] = signal.prior.drift_percent
    for block in carried:
        if block.name == "motion":
            prior[block.columns] = signal.prior.motion_percent_per_mm * block.mm_per_unit
    return prior


def _functionals(study: Study, decoder: Decoder | None) -> tuple[Array, Array]:
    """``units`` and ``functionals`` of the plan."""
    rule = study.signal.measure
    regions = len(study.roi)
    weights = np.array([roi.weight for roi in study.roi])
    if decoder is not None:
        units = np.append(np.zeros(regions), 1.0 / decoder.spread)
        return units, np.array([np.append(weights, 0.0), np.append(np.zeros(regions), 1.0)])
    name = rule.roi if isinstance(rule, SingleRoi | ZScore) else None
    if name is None:
        return np.zeros(regions), weights[None]
    return np.zeros(regions), np.array([weights, [float(roi.name == name) for roi in study.roi]])


def _settled_se(signal: Signal) -> float:
    rule = signal.measure
    return rule.settled_se if isinstance(rule, ZScore | Correlation | DecoderRule) else signal.settled_se_percent
