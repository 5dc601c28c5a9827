"""A run in numbers, from its messages: what came, how quickly, how much the head moved, what the blocks gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from rtfmri.messages import BlockInfo, Confirmed, Envelope, Fault, Published, RunStart, RunStop, Shown, VolumeMessage

M = TypeVar("M")


@dataclass(frozen=True)
class Spread:
    """Percentiles (linear interpolation, as numpy's) and the largest of ``n`` values."""

    n: int
    mean: float
    p50: float
    p95: float
    max: float


@dataclass(frozen=True)
class BlockResult:
    """The score that the run gave a finished block: the measure over its scoring window, in the run's unit (``Summary.unit``)."""

    number: int
    name: str
    score: float
    se: float | None


@dataclass(frozen=True)
class ConditionScore:
    """The mean of a condition's block scores; ``se`` from their spread (n - 1), None of a single block."""

    name: str
    blocks: int
    mean: float
    se: float | None


@dataclass(frozen=True)
class ConditionMotion:
    """How much the head moved in all blocks of one name; ``volumes`` came, FD (Power) is None where no volume has one."""

    name: str
    role: str
    volumes: int
    mean_fd_mm: float | None
    max_fd_mm: float | None
    above_hold: int  # volumes with a larger FD than the run's threshold
    flagged: int


@dataclass(frozen=True)
class Summary:
    """``received`` volumes came from the scanner, ``published`` were sent on, the values of ``to_show`` were for the participant and
    those of ``shown`` were on a display's glass."""

    received: int
    missing: int
    published: int
    to_show: int
    shown: int
    validity: dict[str, int]
    flagged: int
    latency_ms: dict[str, Spread]  # by stage, in the order of the path; `total` is complete file -> published
    fd_mm: Spread | None
    above_hold: int  # volumes with a larger FD than the run's threshold
    blocks: tuple[BlockResult, ...]
    unit: str  # of the blocks' scores, as in RunStart
    faults: tuple[Fault, ...]
    stop: RunStop | None


def summarise(envelopes: Sequence[Envelope]) -> Summary:
    """Count and measure one run."""
    volumes = of_kind(envelopes, VolumeMessage)
    published = of_kind(envelopes, Published)
    starts, stops = of_kind(envelopes, RunStart), of_kind(envelopes, RunStop)
    fd_mm = [v.motion.fd_mm for v in volumes if v.motion and v.motion.fd_mm is not None]
    validity: Counter[str] = Counter(volume.validity for volume in volumes)
    return Summary(
        received=len(volumes) - validity["missing"],
        missing=validity["missing"],
        published=len({message.index for message in published}),
        to_show=values_to_show(envelopes),
        shown=len({message.index for message in of_kind(envelopes, Shown) if message.index is not None}),
        validity=dict(validity),
        flagged=sum(volume.flagged for volume in volumes),
        latency_ms=latencies(volumes, published),
        fd_mm=spread(fd_mm),
        above_hold=sum(fd > starts[0].fd_hold_mm for fd in fd_mm) if starts else 0,
        blocks=block_results(envelopes),
        unit=starts[-1].unit if starts else "",
        faults=of_kind(envelopes, Fault),
        stop=stops[-1] if stops else None,
    )


def values_to_show(envelopes: Sequence[Envelope]) -> int:
    """How many values the participant should have seen: one a volume of a regulation block, or (intermittent) one a finished block."""
    starts, confirmations = of_kind(envelopes, RunStart), of_kind(envelopes, Confirmed)
    if not starts or not confirmations:
        return 0
    valued = [volume for volume in of_kind(envelopes, VolumeMessage) if volume.feedback is not None]
    if starts[0].display.feedback == "intermittent":
        return len({_regulated_before(confirmations[-1].blocks, volume.block) for volume in valued})
    regulate = {number for number, block in enumerate(confirmations[-1].blocks) if block.role == "regulate"}
    return sum(volume.block in regulate for volume in valued)


def _regulated_before(blocks: Sequence[BlockInfo], number: int | None) -> int | None:
    """Which regulation block a score belongs to that comes in block ``number``; its own number may be sealed."""
    return max((n for n, block in enumerate(blocks[:number]) if block.role == "regulate"), default=None)


def of_kind(envelopes: Iterable[Envelope], kind: type[M]) -> tuple[M, ...]:
    """The messages of one kind, in order."""
    return tuple(envelope.message for envelope in envelopes if isinstance(envelope.message, kind))


def spread(values: Sequence[float]) -> Spread | None:
    """None where there is no value."""
    if not values:
        return None
    p50, p95 = np.percentile(values, [50, 95])
    return Spread(len(values), float(np.mean(values)), float(p50), float(p95), float(max(values)))


def latencies(volumes: Iterable[VolumeMessage], published: Iterable[Published]) -> dict[str, Spread]:
    """Milliseconds of each stage, over all volumes that went through it."""
    values: dict[str, list[float]] = {}
    for stages in (*(volume.timing.latency_ms for volume in volumes), *(message.latency_ms for message in published)):
        for stage, ms in stages.items():
            values.setdefault(stage, []).append(ms)
    return {stage: found for stage, ms in values.items() if (found := spread(ms))}


def block_results(envelopes: Sequence[Envelope]) -> tuple[BlockResult, ...]:
    """The last score given for each block, by block."""
    names = [block.name for block in blocks_of(envelopes)]
    scores = {
        v.score_block: (v.score, v.score_se) for v in of_kind(envelopes, VolumeMessage) if v.score_block is not None and v.score is not None
    }
    return tuple(
        BlockResult(number, names[number] if number < len(names) else "", score, se) for number, (score, se) in sorted(scores.items())
    )


def blocks_of(envelopes: Sequence[Envelope]) -> tuple[BlockInfo, ...]:
    """The run's blocks: those that the first volume confirmed, else those planned at arm."""
    plans: tuple[RunStart | Confirmed, ...] = (*of_kind(envelopes, RunStart), *of_kind(envelopes, Confirmed))
    return plans[-1].blocks if plans else ()


def score_by_condition(blocks: Sequence[BlockResult]) -> tuple[ConditionScore, ...]:
    """Block scores put together by block name, in the order of the run."""
    by_name: dict[str, list[float]] = {}
    for block in blocks:
        by_name.setdefault(block.name, []).append(block.score)
    return tuple(ConditionScore(name, len(scores), float(np.mean(scores)), _standard_error(scores)) for name, scores in by_name.items())


def _standard_error(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def motion_by_condition(envelopes: Sequence[Envelope]) -> tuple[ConditionMotion, ...]:
    """Motion of the volumes that came, by block name, in the order of the run; volumes of no block are left out."""
    starts = of_kind(envelopes, RunStart)
    hold_mm = starts[0].fd_hold_mm if starts else np.inf
    roles = {block.name: block.role for block in blocks_of(envelopes)}
    by_name: dict[str, list[VolumeMessage]] = {}
    for volume in of_kind(envelopes, VolumeMessage):
        if volume.condition is not None and volume.validity != "missing":
            by_name.setdefault(volume.condition, []).append(volume)
    return tuple(_motion_of(name, roles.get(name, ""), volumes, hold_mm) for name, volumes in by_name.items())


def _motion_of(name: str, role: str, volumes: Sequence[VolumeMessage], hold_mm: float) -> ConditionMotion:
    fd_mm = [v.motion.fd_mm for v in volumes if v.motion and v.motion.fd_mm is not None]
    return ConditionMotion(
        name=name,
        role=role,
        volumes=len(volumes),
        mean_fd_mm=float(np.mean(fd_mm)) if fd_mm else None,
        max_fd_mm=max(fd_mm, default=None),
        above_hold=sum(fd > hold_mm for fd in fd_mm),
        flagged=sum(volume.flagged for volume in volumes),
    )
