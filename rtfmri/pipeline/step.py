"""One volume's way through the critical path."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rtfmri.errors import VolumeError
from rtfmri.messages import RunKind, VolumeMessage
from rtfmri.pipeline.motion import Head, judge_head
from rtfmri.pipeline.physiology import PhysioColumns
from rtfmri.pipeline.reference import Standing, grown, stand_on
from rtfmri.pipeline.sampling import CUBIC, History, remembered, take
from rtfmri.pipeline.setup import Materials, Setup, fix
from rtfmri.pipeline.stopwatch import Stopwatch, started
from rtfmri.pipeline.telling import judge, message_of, used_of
from rtfmri.quality.dvars import dvars_percent
from rtfmri.quality.dvars import warm_up as quality_warm_up
from rtfmri.registration import interpolation, reslice, slice_timing
from rtfmri.registration.interpolation import prefilter
from rtfmri.registration.realign import Reference, estimate
from rtfmri.registration.realign import warm_up as registration_warm_up
from rtfmri.rigid import RigidTransform
from rtfmri.signals.measures.function import Ask
from rtfmri.signals.stream import Sample, SignalState, start, update
from rtfmri.signals.stream import warm_up as signals_warm_up
from rtfmri.study import Study
from rtfmri.volume import Grid, Image, Missing, Volume

SAME_GRID_MM = 0.1
DAY_S = 86400.0
MICROSECONDS = 6  # digits kept of a time of acquisition


@dataclass(frozen=True, eq=False)
class State:
    """What one volume leaves for the next."""

    signal: SignalState
    zero_s: float | None = None  # scanner's clock at time zero, seconds since midnight
    standing: Standing | None = None
    tried: int = 0  # volumes that came to nothing before there was a reference
    head: Head = field(default_factory=Head)
    previous: Image | None = None  # the last volume that was measured
    steady: Image | None = None  # the last one that was no spike
    history: History = ()


def warm_up(order: int = CUBIC) -> None:
    """Compile every kernel (or load it from the cache), so that no volume waits for it; ``order`` of the spline that samples."""
    registration_warm_up()
    if order != CUBIC:
        interpolation.warm_up(order)
    slice_timing.warm_up()
    reslice.warm_up()
    quality_warm_up()
    signals_warm_up()


def begin(study: Study, run_kind: RunKind, materials: Materials, first: Volume) -> tuple[Setup, State]:
    """Fix everything that waits for TR and grid.

    Raises
    ------
    StudyError : TR is not the expected one, a mask lies on another grid, a region is too small.
    """
    setup = fix(study, run_kind, materials, first)
    zero_s = None if first.acquired_s is None else first.acquired_s - first.index * first.tr_s
    return setup, State(start(setup.plan), zero_s)


def step(
    setup: Setup,
    state: State,
    item: Volume | Missing,
    paused: bool,
    clock: Callable[[], float],
    queue_ms: float | None = None,
    ask: Ask | None = None,
    physiology: PhysioColumns | None = None,
) -> tuple[State, VolumeMessage]:
    """Take one volume number through the critical path.

    ``paused`` leaves the volume out of GLM, baseline and score; ``queue_ms`` is how long it waited after assembly; ``ask`` calls the
    study's own function where it has one; ``physiology`` are this volume's columns of pulse and breathing, None where there are none.

    Raises
    ------
    VolumeError : the volume lies on another grid or cannot be measured; call again with ``Missing``.
    """
    if isinstance(item, Missing):
        return _step_missing(setup, state, item, paused)
    if item.grid.difference_mm(setup.grid) > SAME_GRID_MM:
        raise VolumeError(f"volume {item.index + 1} has the grid {_words(item.grid)}, the run has {_words(setup.grid)}")
    watch = started(item, clock, queue_ms)
    if state.standing is None:
        if setup.is_dummy(item.index):
            return _step_dummy(setup, state, item, watch, physiology)
        since_s = clock()
        state = replace(state, standing=stand_on(setup, item, state.tried))
        watch.lap("prepare", since_s)
    assert state.standing is not None
    return _step_volume(setup, state, state.standing, item, paused, watch, ask, physiology)


def _step_volume(
    setup: Setup,
    state: State,
    standing: Standing,
    volume: Volume,
    paused: bool,
    watch: Stopwatch,
    ask: Ask | None,
    physiology: PhysioColumns | None,
) -> tuple[State, VolumeMessage]:
    since_s = watch.clock()
    reference = standing.reference
    coefficients = prefilter(volume.data)
    found = estimate(reference, coefficients, state.head.transform or RigidTransform(centre_mm=reference.centre_mm))
    since_s = watch.lap("realign", since_s)
    sampled = take(setup, standing, volume, coefficients, found.transform, state.history)
    since_s = watch.lap("sample", since_s)
    dvars = _dvars(state.previous, volume, reference)
    jump = dvars if state.steady is state.previous else _dvars(state.steady, volume, reference)
    judged = judge_head(setup, state.head, found, jump, standing.roi_slices)
    motion, why_held = judged.motion, judged.why
    measured = Sample(
        index=volume.index,
        raw=sampled.raw,
        motion=(*motion.trans_mm, *motion.rot_rad),
        flagged=bool(why_held),
        paused=paused,
        tissue=sampled.tissue,
        decoder=sampled.decoder,
        physiology=None if physiology is None else physiology.columns,
    )
    signal, reading = update(setup.plan, state.signal, measured, ask)
    validity, why = judge(setup, volume.index, reading, why_held, paused)
    message = message_of(setup, volume.index, validity, why, reading).model_copy(
        update={
            "acquired_s": acquired_s(state, volume),
            "motion": motion,
            "dvars_percent": dvars,
            "flagged": bool(why_held),
            "bad_slices": found.bad_slices,
            **used_of(physiology),
        }
    )
    since_s = watch.lap("signal", since_s)
    if not why_held and standing.growing is not None and standing.image.data is not volume.data:
        standing = grown(setup, standing, coefficients, found.transform)
        watch.lap("prepare", since_s)
    history = remembered(state.history, sampled, bool(why_held))
    steady = state.steady if judged.jumped else volume.data
    state = replace(state, signal=signal, standing=standing, head=judged.head, previous=volume.data, steady=steady, history=history)
    return state, message.model_copy(update={"timing": watch.timing(volume)})


def _step_missing(setup: Setup, state: State, missing: Missing, paused: bool) -> tuple[State, VolumeMessage]:
    signal, reading = update(setup.plan, state.signal, Sample(missing.index, None, None, False, paused))
    message = message_of(setup, missing.index, "missing", missing.reason, reading)
    return replace(state, signal=signal, tried=state.tried + (state.standing is None)), message


def _step_dummy(
    setup: Setup, state: State, volume: Volume, watch: Stopwatch, physiology: PhysioColumns | None
) -> tuple[State, VolumeMessage]:
    """A dummy before the reference exists: counted and told, not measured."""
    signal, reading = update(setup.plan, state.signal, Sample(volume.index, None, None, False, False))
    message = message_of(setup, volume.index, "settling", "dummy volume, before the steady state", reading)
    update_ = {"acquired_s": acquired_s(state, volume), "timing": watch.timing(volume), **used_of(physiology)}
    return replace(state, signal=signal), message.model_copy(update=update_)


def _dvars(before: Image | None, volume: Volume, reference: Reference) -> float | None:
    return None if before is None else dvars_percent(before, volume.data, reference.mask)


def acquired_s(state: State, volume: Volume) -> float | None:
    """Seconds from time zero to the volume's start by the scanner's clock; None where that is not told."""
    if state.zero_s is None or volume.acquired_s is None:
        return None
    since_s = volume.acquired_s - state.zero_s
    return round(since_s + DAY_S if since_s < -DAY_S / 2 else since_s, MICROSECONDS)


def _words(grid: Grid) -> str:
    size = " x ".join(f"{mm:.2f}" for mm in grid.voxel_size_mm)
    return f"{grid.shape[0]}x{grid.shape[1]}x{grid.shape[2]} at {size} mm"
