"""What two runs must have in common so that the values of one can be shown in the other: blocks, TR, length, measure, range, display."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from rtfmri.messages import BlockInfo, Confirmed, Envelope, RunStart
from rtfmri.paradigm import planned_volumes
from rtfmri.record.summary import of_kind
from rtfmri.study import Study

SAME_S = 1e-3  # as the pipeline compares a scanner's TR with the study's
SAME_BLOCK_S = 0.05  # dummies last as long as the scanner's TR says


class Protocol(BaseModel):
    """Of a study with its TR, or of a recorded run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    tr_s: float
    planned_volumes: int
    blocks: tuple[BlockInfo, ...]
    measure: str
    range_percent: float
    feedback: str  # continuous or intermittent
    view: str


def protocol_of(study: Study) -> Protocol | None:
    """None where the study gives no TR."""
    tr_s = study.acquisition.tr_s
    if tr_s is None:
        return None
    blocks = study.blocks(tr_s)
    infos = tuple(BlockInfo(name=b.name, onset_s=b.onset_s, duration_s=b.duration_s, role=b.role) for b in blocks)
    return Protocol(
        tr_s=tr_s,
        planned_volumes=planned_volumes(blocks, tr_s),
        blocks=infos,
        measure=study.signal.measure.kind,
        range_percent=study.signal.range_percent,
        feedback=study.display.feedback,
        view=study.display.view,
    )


def recorded_protocol(envelopes: Sequence[Envelope]) -> Protocol | None:
    """None where the run never had a first volume."""
    starts, confirmed = of_kind(envelopes, RunStart), of_kind(envelopes, Confirmed)
    if not starts or not confirmed:
        return None
    start, first = starts[0], confirmed[0]
    return Protocol(
        tr_s=first.tr_s,
        planned_volumes=first.planned_volumes,
        blocks=first.blocks,
        measure=start.measure,
        range_percent=start.range_percent,
        feedback=start.display.feedback,
        view=start.display.view,
    )


def differences(wanted: Protocol, found: Protocol) -> list[str]:
    """What differs, a phrase each; empty where ``found`` can stand for ``wanted``."""
    return list(_differences(wanted, found))


def _differences(wanted: Protocol, found: Protocol) -> Iterator[str]:
    if abs(wanted.tr_s - found.tr_s) > SAME_S:
        yield f"its TR is {found.tr_s:g} s, not {wanted.tr_s:g} s"
    if wanted.planned_volumes != found.planned_volumes:
        yield f"it has {found.planned_volumes} planned volumes, not {wanted.planned_volumes}"
    if not _same_blocks(wanted.blocks, found.blocks):
        yield "its blocks have other names, times or lengths"
    if wanted.measure != found.measure:
        yield f"its measure is {found.measure}, not {wanted.measure}"
    if wanted.range_percent != found.range_percent:
        yield f"its range is {found.range_percent:g} %, not {wanted.range_percent:g} %"
    if (wanted.feedback, wanted.view) != (found.feedback, found.view):
        yield f"its display is {found.feedback} ({found.view}), not {wanted.feedback} ({wanted.view})"


def _same_blocks(first: Sequence[BlockInfo], second: Sequence[BlockInfo]) -> bool:
    return len(first) == len(second) and all(
        (a.name, a.role) == (b.name, b.role)
        and abs(a.onset_s - b.onset_s) <= SAME_BLOCK_S
        and abs(a.duration_s - b.duration_s) <= SAME_BLOCK_S
        for a, b in zip(first, second, strict=True)
    )
