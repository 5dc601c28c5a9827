"""The critical path, pure: one volume (or the word that it is missing) in, the next state and one message out.

Per volume, and nothing else before publishing: prefilter the raw volume once; estimate the rigid motion against the fixed reference;
sample the ROI voxels of the raw volume at their moved positions; update the streaming GLM; say the regulation value and how far to
trust it. The clock is handed in and fills only ``timing``; no file, thread or socket is touched.

Framewise displacement is taken against the last volume that came. A volume that moved further than ``fd_hold_mm`` is flagged, and so is
the next one, whose spins still carry the move; flagged volumes stay out of GLM and baseline and the display holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from rtfmri.errors import StudyError, VolumeError
from rtfmri.messages import Motion, RoiReading, RunKind, Timing, Validity, VolumeMessage
from rtfmri.paradigm import DUMMY, Block, block_number_of, planned_volumes, volumes_of
from rtfmri.quality.displacement import framewise_displacement_mm
from rtfmri.quality.dvars import dvars_percent
from rtfmri.quality.dvars import warm_up as quality_warm_up
from rtfmri.registration.geometry import transform_points
from rtfmri.registration.interpolation import prefilter, sample
from rtfmri.registration.mask import head_mask
from rtfmri.registration.realign import Estimate, Reference, estimate, prepare
from rtfmri.registration.realign import warm_up as registration_warm_up
from rtfmri.rigid import RigidTransform
from rtfmri.signals.plan import SignalPlan, plan_signal
from rtfmri.signals.rois import RoiVoxels, roi_from_mask, roi_mean
from rtfmri.signals.stream import Reading, Sample, SignalState, clamped, start, update
from rtfmri.signals.stream import warm_up as signals_warm_up
from rtfmri.study import Study
from rtfmri.volume import Grid, Image, Missing, Volume

SAME_GRID_MM = 0.1
SHOW = "show"  # the block in which an intermittent display shows the score
DAY_S = 86400.0
MICROSECONDS = 6  # digits kept of a time of acquisition


@dataclass(frozen=True, eq=False)
class GridImage:
    """An image on a grid, as it was read from a mask or reference file."""

    data: Image
    grid: Grid


@dataclass(frozen=True, eq=False)
class Materials:
    """What a run needs beside its study: the ROI masks by name, and the reference where a file gives it."""

    masks: dict[str, GridImage]
    reference: GridImage | None = None


@dataclass(frozen=True, eq=False)
class Setup:
    """All that is fixed once the first volume has confirmed TR and grid."""

    study: Study
    run_kind: RunKind
    grid: Grid
    tr_s: float
    blocks: tuple[Block, ...]
    planned: int
    rois: tuple[RoiVoxels, ...]
    plan: SignalPlan
    given_reference: GridImage | None


@dataclass(frozen=True, eq=False)
class State:
    """What one volume leaves for the next."""

    signal: SignalState
    zero_s: float | None = None  # scanner's clock at time zero, seconds since midnight
    reference: Reference | None = None
    transform: RigidTransform | None = None
    previous: Image | None = None
    moved: bool = False  # the last volume was flagged for its own displacement


@dataclass(frozen=True)
class Stopwatch:
    """Collects how long each stage took, in ms, with a clock that is handed in."""

    clock: Callable[[], float]
    laps_ms: dict[str, float] = field(default_factory=dict)

    def lap(self, stage: str, since_s: float) -> float:
        now_s = self.clock()
        self.laps_ms[stage] = round(1e3 * (now_s - since_s), 3)
        return now_s


def warm_up() -> None:
    """Compile every kernel (or load it from the cache), so that no volume waits for it."""
    registration_warm_up()
    quality_warm_up()
    signals_warm_up()


def begin(study: Study, run_kind: RunKind, materials: Materials, first: Volume) -> tuple[Setup, State]:
    """Fix everything that waits for TR and grid.

    Raises
    ------
    StudyError : TR is not the expected one, a mask or the reference lies on another grid, a region is too small.
    """
    expected_s = study.acquisition.tr_s
    if expected_s is not None and abs(first.tr_s - expected_s) > 1e-3:
        raise StudyError(
            f"The scanner's TR is {first.tr_s:g} s, the study expects {expected_s:g} s; correct acquisition.tr_s or the protocol."
        )
    if materials.reference is not None and materials.reference.grid.difference_mm(first.grid) > SAME_GRID_MM:
        raise StudyError(
            f"The reference file has the grid {_words(materials.reference.grid)}, the run has {_words(first.grid)}; "
            "use a reference from the same protocol and slice position, or registration.reference = 'first'."
        )
    rois = tuple(_roi(study, name, mask, first.grid) for name, mask in materials.masks.items())
    blocks = study.blocks(first.tr_s)
    planned = planned_volumes(blocks, first.tr_s)
    plan = plan_signal(study, blocks, first.tr_s, planned)
    setup = Setup(study, run_kind, first.grid, first.tr_s, blocks, planned, rois, plan, materials.reference)
    reference = _prepare(materials.reference) if materials.reference else None
    zero_s = None if first.acquired_s is None else first.acquired_s - first.index * first.tr_s
    return setup, State(start(plan), zero_s, reference)


def step(
    setup: Setup, state: State, item: Volume | Missing, paused: bool, clock: Callable[[], float], queue_ms: float | None = None
) -> tuple[State, VolumeMessage]:
    """Take one volume number through the critical path.

    ``paused`` leaves the volume out of GLM, baseline and score; ``queue_ms`` is how long it waited after assembly.

    Raises
    ------
    VolumeError : the volume lies on another grid; call again with ``Missing``.
    """
    if isinstance(item, Missing):
        return _step_missing(setup, state, item, paused)
    if item.grid.difference_mm(setup.grid) > SAME_GRID_MM:
        raise VolumeError(f"volume {item.index + 1} has the grid {_words(item.grid)}, the run has {_words(setup.grid)}")
    watch = Stopwatch(clock, _laps_before(item, queue_ms))
    if state.reference is None:
        if _is_dummy(setup, item.index):
            return _step_dummy(setup, state, item, watch)
        since_s = clock()
        state = replace(state, reference=_prepare(GridImage(item.data, item.grid)))
        watch.lap("prepare", since_s)
    assert state.reference is not None
    return _step_volume(setup, state, state.reference, item, paused, watch)


def _step_volume(
    setup: Setup, state: State, reference: Reference, volume: Volume, paused: bool, watch: Stopwatch
) -> tuple[State, VolumeMessage]:
    since_s = watch.clock()
    coefficients = prefilter(volume.data)
    found = estimate(reference, coefficients, state.transform or RigidTransform(centre_mm=reference.centre_mm))
    since_s = watch.lap("realign", since_s)
    raw = tuple(
        roi_mean(sample(coefficients, transform_points(reference.grid, found.transform, volume.grid, roi.voxels)), roi.weights)
        for roi in setup.rois
    )
    since_s = watch.lap("sample", since_s)
    dvars = None if state.previous is None else dvars_percent(state.previous, volume.data, reference.mask)
    motion, why_flagged = _judge_motion(setup, state, found)
    measured = Sample(volume.index, raw, (*motion.trans_mm, *motion.rot_rad), bool(why_flagged), paused)
    signal, reading = update(setup.plan, state.signal, measured)
    validity, why = _judge(setup, volume.index, reading, why_flagged, paused)
    message = _message(setup, volume.index, validity, why, reading).model_copy(
        update={
            "acquired_s": _acquired_s(state, volume),
            "motion": motion,
            "dvars_percent": dvars,
            "flagged": bool(why_flagged),
        }
    )
    watch.lap("signal", since_s)
    moved = motion.fd_mm is not None and motion.fd_mm > setup.study.quality.fd_hold_mm
    transform = found.transform if found.converged else state.transform  # a lost estimate is no start for the next one
    state = replace(state, signal=signal, transform=transform, previous=volume.data, moved=moved)
    return state, message.model_copy(update={"timing": _timing(volume, watch)})


def _step_missing(setup: Setup, state: State, missing: Missing, paused: bool) -> tuple[State, VolumeMessage]:
    signal, reading = update(setup.plan, state.signal, Sample(missing.index, None, None, False, paused))
    message = _message(setup, missing.index, "missing", missing.reason, reading)
    return replace(state, signal=signal), message


def _step_dummy(setup: Setup, state: State, volume: Volume, watch: Stopwatch) -> tuple[State, VolumeMessage]:
    """A dummy before the reference exists: counted and told, not measured."""
    signal, reading = update(setup.plan, state.signal, Sample(volume.index, None, None, False, False))
    message = _message(setup, volume.index, "settling", "dummy volume, before the steady state", reading)
    update_ = {"acquired_s": _acquired_s(state, volume), "timing": _timing(volume, watch)}
    return replace(state, signal=signal), message.model_copy(update=update_)


def _message(setup: Setup, index: int, validity: Validity, why: str, reading: Reading) -> VolumeMessage:
    number = block_number_of(setup.blocks, index, setup.tr_s)
    condition = None if number is None else setup.blocks[number].name
    return VolumeMessage(
        index=index,
        condition=condition,
        block=number,
        validity=validity,
        why=why,
        rois={
            roi.name: RoiReading(raw=value.raw, cleaned=value.cleaned, psc=value.psc, se=value.se)
            for roi, value in zip(setup.rois, reading.rois, strict=False)  # a missing volume has no values
        },
        regulation=reading.regulation,
        regulation_se=reading.regulation_se,
        score=reading.score,
        score_se=reading.score_se,
        score_block=reading.score_block,
        feedback=_feedback(setup, condition, validity, reading),
    )


def _feedback(setup: Setup, condition: str | None, validity: Validity, reading: Reading) -> float | None:
    """What the display may show with this volume: its regulation where that is sound, or the last block's score while it is shown."""
    if setup.run_kind != "feedback":
        return None
    if setup.study.display.feedback == "continuous":
        return reading.feedback if validity == "ok" else None
    return clamped(reading.score, setup.study.signal.range_percent) if condition == SHOW else None


def _judge_motion(setup: Setup, state: State, found: Estimate) -> tuple[Motion, str]:
    """The motion of this volume, and why it is flagged ("" where it is not)."""
    now = found.transform
    fd_mm = None if state.transform is None else framewise_displacement_mm(state.transform, now)
    motion = Motion(trans_mm=now.trans_mm, rot_rad=now.rot_rad, fd_mm=fd_mm, converged=found.converged)
    if not found.converged:
        return motion, "the head's position could not be found"
    limit_mm = setup.study.quality.fd_hold_mm
    if fd_mm is not None and fd_mm > limit_mm:
        return motion, f"the head moved {fd_mm:.2f} mm, more than {limit_mm:g} mm"
    return motion, "the volume before this one moved" if state.moved else ""


def _judge(setup: Setup, index: int, reading: Reading, why_flagged: str, paused: bool) -> tuple[Validity, str]:
    if why_flagged:
        return "held", why_flagged
    if paused:
        return "held", "the participant's screen is paused"
    if _is_dummy(setup, index):
        return "settling", "dummy volume, before the steady state"
    return ("ok", "") if reading.settled else ("settling", reading.why)


def _prepare(image: GridImage) -> Reference:
    return prepare(image.data, image.grid, head_mask(image.data))


def _roi(study: Study, name: str, mask: GridImage, grid: Grid) -> RoiVoxels:
    rule = next(roi for roi in study.roi if roi.name == name)
    source = rule.mask.name if rule.mask else ""
    return replace(roi_from_mask(name, rule.weight, mask.data, mask.grid, grid, source), provisional=rule.provisional)


def _is_dummy(setup: Setup, index: int) -> bool:
    first = setup.blocks[0]
    return first.role == DUMMY and index in volumes_of(first, setup.tr_s)


def _acquired_s(state: State, volume: Volume) -> float | None:
    if state.zero_s is None or volume.acquired_s is None:
        return None
    since_s = volume.acquired_s - state.zero_s
    return round(since_s + DAY_S if since_s < -DAY_S / 2 else since_s, MICROSECONDS)


def _laps_before(volume: Volume, queue_ms: float | None) -> dict[str, float]:
    arrival = volume.arrival
    if arrival is None:
        return {}
    laps = {"decode": round(1e3 * arrival.decode_s, 3), "assemble": round(1e3 * arrival.assemble_s, 3)}
    return laps if queue_ms is None else {**laps, "queue": round(queue_ms, 3)}


def _timing(volume: Volume, watch: Stopwatch) -> Timing:
    return Timing(arrived_unix_s=volume.arrival.noticed_unix_s if volume.arrival else None, latency_ms=watch.laps_ms)


def _words(grid: Grid) -> str:
    size = " x ".join(f"{mm:.2f}" for mm in grid.voxel_size_mm)
    return f"{grid.shape[0]}x{grid.shape[1]}x{grid.shape[2]} at {size} mm"
