"""Whole runs for the report: everything that a session may leave in a journal, with values that look like a run's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from record_makers import ENTITIES, GRID, SHAPE, a_study, enveloped, weights_of

from rtfmri.messages import (
    BlockInfo,
    Confirmed,
    DisplayReport,
    DisplaySettings,
    Envelope,
    Fault,
    Motion,
    Operator,
    Pause,
    Published,
    Quality,
    Rating,
    RatingScale,
    RoiInfo,
    RoiReading,
    RunStart,
    RunStop,
    Shown,
    Timing,
    VolumeMessage,
)
from rtfmri.paradigm import Block, block_number_of, lay_out, planned_volumes
from rtfmri.record.journal import Journal
from rtfmri.record.layout import RunPaths, claim
from rtfmri.record.outputs import write_setting
from rtfmri.record.references import save_images, save_regions

TR_S = 1.0
ZERO_UNIX_S = 1_700_000_000.0
CYCLE = (
    ("rest", 30.0, "rest"),
    ("self_compassion", 40.0, "regulate"),
    ("wait", 7.0, "other"),
    ("show", 6.0, "other"),
    ("rate", 10.0, "other"),
)


def blocks(cycles: int = 2) -> tuple[Block, ...]:
    return lay_out([*CYCLE] * cycles + [("rest", 30.0, "rest")], 8.0)


def _infos(cycles: int) -> tuple[BlockInfo, ...]:
    return tuple(BlockInfo(name=b.name, onset_s=b.onset_s, duration_s=b.duration_s, role=b.role) for b in blocks(cycles))


def _rois(names: tuple[str, ...]) -> tuple[RoiInfo, ...]:
    return tuple(
        RoiInfo(name=name, weight=(-1) ** n / 2, n_voxels=79, source="sphere of 8 mm at (60, -40, 22) in MNI", provisional=n == 1)
        for n, name in enumerate(names)
    )


def run_start(cycles: int = 2, names: tuple[str, ...] = ("dlpfc", "tpj"), **changes) -> RunStart:
    rating = RatingScale(name="self_kindness", at_end=False)
    fields = {
        "software": "rtfmri test",
        "study": "self-compassion",
        "entities": ENTITIES,
        "run_kind": "feedback",
        "run_uid": "u",
        "started_unix_s": ZERO_UNIX_S - 20.0,
        "tr_s": TR_S,
        "dummies": 8,
        "planned_volumes": planned_volumes(blocks(cycles), TR_S),
        "blocks": _infos(cycles),
        "rois": _rois(names),
        "range_percent": 1.0,
        "display": DisplaySettings(ratings=(rating,)),
        "fd_hold_mm": 0.5,
        "stale_after_s": 2.5,
        "pause_after_s": 10.0,
    }
    return RunStart(**{**fields, **changes})


def confirmed(cycles: int = 2, names: tuple[str, ...] = ("dlpfc", "tpj")) -> Confirmed:
    return Confirmed(
        tr_s=TR_S,
        shape=SHAPE,
        voxel_size_mm=(3.5, 3.5, 3.5),
        planned_volumes=planned_volumes(blocks(cycles), TR_S),
        blocks=_infos(cycles),
        rois=_rois(names),
    )


def volumes(cycles: int = 2, names: tuple[str, ...] = ("dlpfc", "tpj"), blind: bool = False, unit: str = "percent") -> list:
    """A volume message and its ``Published`` for each volume; one is held, one missing."""
    rng, plan, found, score = np.random.default_rng(7), blocks(cycles), [], None
    for index in range(planned_volumes(plan, TR_S)):
        number = block_number_of(plan, index, TR_S)
        block = plan[number]
        here = {"index": index, "condition": block.name, "block": number}
        if index == 70:
            found.append(VolumeMessage(**here, validity="missing", why="it never came", score=score))
            continue
        held = index in (60, 61)
        fd_mm = 0.9 if held else float(rng.gamma(4.0, 0.02))
        timing = Timing(arrived_unix_s=ZERO_UNIX_S + index + 1.3 + float(rng.exponential(0.02)), latency_ms={"decode": 1.2, "realign": 2.4})
        motion = Motion(trans_mm=(0.1, 0.2, index / 500), rot_rad=(0.001, -0.002, 0.003), fd_mm=fd_mm if index else None)
        settled = index > 40
        response = 1.0 if block.role == "regulate" else 0.0
        values = {
            "rois": {
                name: RoiReading(
                    raw=800.0,
                    cleaned=799.0,
                    psc=(-1) ** n * response + float(rng.normal(0, 0.4)) if settled else None,
                    se=0.3 if settled else None,
                )
                for n, name in enumerate(names)
            },
            "regulation": response + float(rng.normal(0, 0.3)) if settled else None,
            "regulation_se": 0.2 if settled else None,
            "value": response + float(rng.normal(0, 0.3)) if settled else None,
            "value_se": 0.2 if settled else None,
        }
        if block.name == "wait" and index > 40:
            values |= {"score": 0.8 + number / 100, "score_se": 0.15, "score_block": number - 1}
        feedback = 0.8 if block.name in ("wait", "show") else None
        found.append(
            VolumeMessage(
                **here,
                validity="held" if held else "ok" if settled else "settling",
                why="the head moved by 0.9 mm" if held else "",
                flagged=held,
                acquired_s=index * TR_S,
                motion=motion,
                dvars_percent=1.3 + float(rng.normal(0, 0.05)),
                bad_slices=(2,) if held else (),
                feedback=feedback,
                timing=timing,
                **({"sealed": "box"} if blind else values),
            )
        )
        found.append(
            Published(
                index=index, published_unix_s=0.0, latency_ms={"journal": 0.7, "publish": 0.1, "total": 8.0 + float(rng.exponential(5.0))}
            )
        )
        if index % 20 == 0 and index > 40 and not blind:
            found.append(
                Quality(
                    index=index, tsnr={"brain": 90.0, **dict.fromkeys(names, 120.0)}, spike_percent=0.02, ghost_percent=2.8, volumes=index
                )
            )
    return found


def around() -> list:
    """What a display, a participant and an operator add."""
    report = DisplayReport(
        display="participant",
        software="rtfmri feedback 0.1.0",
        schema_version="1.2",
        sent_unix_s=1.0,
        size_px=(1920, 1080),
        refresh_hz=60.0,
        frames=12_000,
        dropped_frames=3,
        view="circle",
        language="en",
        trigger="keyboard",
        pulses=180,
        zero_from="trigger",
        problems=("The screen was not full for a moment.",),
        clock_offset_s=0.002,
        clock_error_s=0.0004,
    )
    flips = [
        Shown(
            display="participant",
            index=index,
            state=state,
            value=value,
            flip_unix_s=ZERO_UNIX_S + at,
            clock_offset_s=0.002,
            clock_error_s=4e-4,
        )
        for index, state, value, at in (
            (None, "waiting", None, -3.0),
            (None, "rest", None, 8.0),
            (None, "regulate", None, 38.0),
            (79, "feedback", 0.8, 81.4),
            (None, "rating", None, 91.0),
            (None, "rest", None, 101.0),
            (172, "feedback", 0.81, 174.4),
        )
    ]
    return [
        report,
        *flips,
        Rating(display="participant", scale="self_kindness", value=7.0, start=2.0, response_s=3.4, asked_unix_s=0.0, block=5),
        Rating(display="participant", scale="self_kindness", value=None, start=8.0, response_s=None, asked_unix_s=0.0, block=10),
        Pause(display="participant", paused=True, pressed_unix_s=0.0),
        Pause(display="participant", paused=False, pressed_unix_s=0.0),
        Operator(action="mark", note="cough <b>& sneeze</b>"),
        Fault(code="stalled", severity="warning", text="No volume for 3 s.", advice="Is the scanner still running?", index=70),
    ]


def run_stop(**changes) -> RunStop:
    fields = {"exit_status": "completed", "reason": "the last planned volume came", "counts": {}, "stopped_unix_s": ZERO_UNIX_S + 300}
    return RunStop(**{**fields, **changes})


def a_run(cycles: int = 2, names: tuple[str, ...] = ("dlpfc", "tpj"), blind: bool = False, **start) -> tuple[Envelope, ...]:
    """A finished feedback run with all that may happen in it."""
    return enveloped(
        [run_start(cycles, names, blind=blind, **start), confirmed(cycles, names), *volumes(cycles, names, blind), *around(), run_stop()],
        ZERO_UNIX_S,
    )


def a_record(out: Path, envelopes: tuple[Envelope, ...], **sections) -> RunPaths:
    """The record of ``envelopes`` on the disk, with reference and regions; no volumes."""
    study = a_study(out / "lab", **sections)
    paths = claim(out, ENTITIES)
    write_setting(paths, study)
    with Journal(paths.journal) as journal:
        for envelope in envelopes:
            journal.append(envelope)
    brain = np.zeros(SHAPE, dtype=np.float32)
    brain[1:4, 1:3, :] = 900.0
    save_images({paths.reference: brain, paths.brain_mask: (brain > 0).astype(np.float32)}, GRID)
    save_regions(paths, GRID, weights_of(study))
    return paths
