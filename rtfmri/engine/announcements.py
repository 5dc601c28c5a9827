"""What a run tells its listeners before its first volume, with it, and at its end."""

from __future__ import annotations

from dataclasses import dataclass

from rtfmri import __version__
from rtfmri.lifecycle import Event
from rtfmri.messages import BlockInfo, Confirmed, Entities, ExitStatus, RoiInfo, RunKind, RunStart, RunStop
from rtfmri.paradigm import Block, planned_volumes
from rtfmri.pipeline import Materials, Setup
from rtfmri.sham.allot import ToWire, unchanged
from rtfmri.study import Study
from rtfmri.study.signal import full_range, measure_unit

STATUS: dict[Event, ExitStatus] = {
    Event.LAST_PLANNED_VOLUME: "completed",
    Event.STOP: "stopped",
    Event.SILENCE: "silent",
    Event.FAILURE: "failed",
}


@dataclass(frozen=True, eq=False)
class Armed:
    """What is decided at arm."""

    study: Study
    run_kind: RunKind
    entities: Entities
    materials: Materials
    run_uid: str
    to_wire: ToWire = unchanged  # own value -> what is shown, sealed in a blind study
    blind: bool = False


def run_start(armed: Armed, now_unix_s: float, resumed: bool) -> RunStart:
    """What every listener needs to know before the first volume."""
    study = armed.study
    tr_s = study.acquisition.tr_s
    blocks = study.blocks(tr_s)
    dummies_missing = tr_s is None and study.acquisition.dummies > 0
    return RunStart(
        software=f"rtfmri {__version__}",
        study=study.study.name,
        entities=armed.entities,
        run_kind=armed.run_kind,
        run_uid=armed.run_uid,
        started_unix_s=now_unix_s,
        tr_s=tr_s,
        dummies=study.acquisition.dummies,
        planned_volumes=None if tr_s is None or dummies_missing else planned_volumes(blocks, tr_s),
        blocks=_block_infos(blocks),
        rois=tuple(RoiInfo(name=roi.name, weight=roi.weight, provisional=roi.is_provisional) for roi in study.roi),
        range_percent=full_range(study.signal),
        measure=study.signal.measure.kind,
        unit=measure_unit(study.signal),
        display=study.display_settings(),
        fd_hold_mm=study.quality.fd_hold_mm,
        stale_after_s=study.stale_after_s(tr_s),
        pause_after_s=study.quality.pause_after_s,
        resumed=resumed,
        blind=armed.blind,
    )


def confirmed(setup: Setup, zero_s: float | None) -> Confirmed:
    """What the first volume settled."""
    return Confirmed(
        tr_s=setup.tr_s,
        shape=setup.grid.shape,
        voxel_size_mm=setup.grid.voxel_size_mm,
        planned_volumes=setup.planned,
        blocks=_block_infos(setup.blocks),
        rois=tuple(
            RoiInfo(name=roi.name, weight=roi.weight, n_voxels=len(roi.voxels), source=roi.source, provisional=roi.provisional)
            for roi in setup.rois
        ),
        stale_after_s=setup.study.stale_after_s(setup.tr_s),
        scanner_zero_s=zero_s,
    )


def run_stop(event: Event, reason: str, counts: dict[str, int], now_unix_s: float) -> RunStop:
    """How the run ended."""
    return RunStop(exit_status=STATUS[event], reason=reason, counts=counts, stopped_unix_s=now_unix_s)


def _block_infos(blocks: tuple[Block, ...]) -> tuple[BlockInfo, ...]:
    return tuple(BlockInfo(name=b.name, onset_s=b.onset_s, duration_s=b.duration_s, role=b.role) for b in blocks)
