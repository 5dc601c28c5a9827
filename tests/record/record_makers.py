"""What the tests of the record are made of: envelopes, volumes, a study, a whole record on disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rtfmri.messages import (
    BlockInfo,
    Confirmed,
    DisplaySettings,
    Entities,
    Envelope,
    Motion,
    Published,
    RoiReading,
    RunStart,
    RunStop,
    Timing,
    VolumeMessage,
)
from rtfmri.record.journal import Journal
from rtfmri.record.layout import RunPaths, claim
from rtfmri.record.outputs import finish_record, write_setting
from rtfmri.record.raw import RawVolumes
from rtfmri.record.references import load_image, save_image, save_images, save_regions
from rtfmri.study import Study, parse_study
from rtfmri.volume import Grid, Missing, Volume

ENTITIES = Entities(sub="07", ses="02", task="selfcompassion", run=3)
SHAPE = (5, 4, 3)
AFFINE = np.array([[-3.5, 0.1, 0.0, 100.0], [0.1, 3.5, 0.2, -90.123456789], [0.0, -0.2, 3.5, 1 / 3], [0.0, 0.0, 0.0, 1.0]])
GRID = Grid(SHAPE, AFFINE)
TR_S = 1.97
BLOCKS = (
    BlockInfo(name="dummy", onset_s=0.0, duration_s=3.94, role="dummy"),
    BlockInfo(name="rest", onset_s=3.94, duration_s=5.91, role="rest"),
    BlockInfo(name="self_compassion", onset_s=9.85, duration_s=7.88, role="regulate"),
    BlockInfo(name="rest", onset_s=17.73, duration_s=30.0, role="rest"),
)


def enveloped(messages: Iterable, sent_unix_s: float = 1_700_000_000.0) -> tuple[Envelope, ...]:
    """Messages with the place and time that an engine would give them, half a second apart."""
    return tuple(Envelope(run_uid="u", seq=n, sent_unix_s=sent_unix_s + n / 2, message=m) for n, m in enumerate(messages))


def run_start() -> RunStart:
    return RunStart(
        software="rtfmri test",
        study="self-compassion",
        entities=ENTITIES,
        run_kind="feedback",
        run_uid="u",
        started_unix_s=1.0,
        tr_s=TR_S,
        dummies=2,
        planned_volumes=24,
        blocks=BLOCKS,
        rois=(),
        range_percent=1.0,
        display=DisplaySettings(),
        fd_hold_mm=0.5,
        stale_after_s=5.0,
        pause_after_s=10.0,
    )


def confirmed() -> Confirmed:
    return Confirmed(tr_s=TR_S, shape=SHAPE, voxel_size_mm=(3.5, 3.5, 3.5), planned_volumes=24, blocks=BLOCKS, rois=())


def volume_message(index: int, **changes) -> VolumeMessage:
    fields = {
        "condition": "rest",
        "block": 1,
        "validity": "ok",
        "acquired_s": index * TR_S,
        "motion": Motion(trans_mm=(0.1, 0.2, index / 7), rot_rad=(0.001, -0.002, 0.003), fd_mm=index / 10 if index else None),
        "dvars_percent": 1.5,
        "rois": {name: RoiReading(raw=800.1 + index, cleaned=799.9, psc=0.1 * index, se=0.05) for name in ("dlpfc", "tpj")},
        "regulation": 0.1 * index,
        "timing": Timing(arrived_unix_s=1_700_000_000.0 + (index + 1) * TR_S + 0.1, latency_ms={"decode": 5.0 + index, "realign": 20.0}),
    }
    return VolumeMessage(index=index, **{**fields, **changes})


def missing_message(index: int, why: str = "it never came") -> VolumeMessage:
    return VolumeMessage(index=index, condition="rest", block=1, validity="missing", why=why)


def published(index: int, total_ms: float = 40.0) -> Published:
    return Published(
        index=index,
        published_unix_s=1_700_000_000.0 + (index + 1) * TR_S + 0.15,
        latency_ms={"journal": 4.0, "publish": 0.1, "total": total_ms},
    )


def run_stop() -> RunStop:
    return RunStop(exit_status="completed", reason="the last planned volume came", counts={"received": 1}, stopped_unix_s=2.0)


def a_volume(index: int, seed: int = 0, grid: Grid = GRID, **fields) -> Volume:
    data = np.random.default_rng([seed, index]).normal(800, 30, grid.shape).astype(np.float32)
    return Volume(index, data, grid, **{"tr_s": TR_S, "slice_times_s": (0.0, 1 / 3, 2 / 3), **fields})


def a_study(folder: Path, **sections) -> Study:
    """A study whose masks lie in ``folder``, which stands for a lab's own disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dlpfc", "tpj"):
        save_image(folder / f"{name}.nii.gz", np.ones(SHAPE, dtype=np.float32), GRID)
    rois = [{"name": "dlpfc", "weight": 0.5, "mask": "dlpfc.nii.gz"}, {"name": "tpj", "weight": -0.5, "mask": "tpj.nii.gz"}]
    cycle = [{"block": "rest", "s": 30}, {"block": "self_compassion", "s": 40}]
    return parse_study({"study": {"name": "self-compassion"}, "roi": rois, "paradigm": {"cycle": cycle}, **sections}, folder)


def weights_of(study: Study) -> dict[str, np.ndarray]:
    return {roi.name: np.full(SHAPE, number / 3, dtype=np.float32) for number, roi in enumerate(study.roi, start=1)}


def record_run(out: Path, study: Study, items: Iterable[Volume | Missing], entities: Entities = ENTITIES) -> RunPaths:
    """Record a run as an engine does, without one."""
    paths = claim(out, entities)
    write_setting(paths, study)
    places = itertools.count()

    def envelope(message) -> Envelope:
        place = next(places)
        return Envelope(run_uid="u", seq=place, sent_unix_s=1_700_000_000.0 + place, message=message)

    with Journal(paths.journal) as journal, RawVolumes(paths.bold_growing, GRID, TR_S) as raw:
        journal.append(envelope(run_start()))
        journal.append(envelope(confirmed()))
        for item in items:
            journal.append(envelope(volume_message(item.index) if isinstance(item, Volume) else missing_message(item.index, item.reason)))
            raw.append(item)
        reference = a_volume(0).data
        save_images({paths.reference: reference, paths.brain_mask: np.ones(SHAPE, dtype=np.float32)}, GRID)
        save_regions(paths, GRID, weights_of(study))
        if study.registration.file is not None:
            save_images({paths.earlier: load_image(study.registration.file)[0]}, GRID)
        journal.append(envelope(run_stop()))
    finish_record(paths)
    return paths
