"""Runs of a small study, recorded by the engine; and the same runs as a sealed allocation makes every volume message."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rtfmri.engine.opening import opened
from rtfmri.engine.outlet import Clocks
from rtfmri.engine.replay import Decisions, replay
from rtfmri.messages import Entities, VolumeMessage
from rtfmri.record.journal import Journal
from rtfmri.record.layout import RunPaths, claim
from rtfmri.record.outputs import write_outputs
from rtfmri.record.recorded import RecordedRun
from rtfmri.sham.allot import Allotted
from rtfmri.sham.keeping import keep
from rtfmri.study import Study
from rtfmri.volume import Missing, Volume

CLOCKS = Clocks(unix=time.time, monotonic=time.monotonic, performance=time.perf_counter)
CONSENT = "information sheet v3, section 4; debriefing letter v1"
CONTROL_REGION = {"tpj_alone": {"tpj": 1.0}}


def sham_study(study: Study, **control: Any) -> Study:
    """The study with a ``[control]`` section."""
    section = {"consent": CONSENT, "regions": CONTROL_REGION, **control}
    return study.model_copy(update={"control": type(study.control).model_validate(section)})


def record(out: Path, study: Study, sub: str, items: Iterable[Volume | Missing]) -> RecordedRun:
    """A run by the engine."""
    with opened(study, Entities(sub=sub, task=study.task), out, lambda envelope: None, CLOCKS) as run:
        replay(run.run, items, Decisions(), lambda volume: None)
    write_outputs(run.paths, RecordedRun.open(run.paths.journal).envelopes)
    return RecordedRun.open(run.paths.journal)


def under(allotted: Allotted, own: RecordedRun, study: Study, out: Path, sub: str) -> RecordedRun:
    """The run ``own`` as it is recorded for a participant with this allocation: nothing but the volume messages is another."""
    paths = claim(out, own.entities.model_copy(update={"sub": sub}))
    shutil.copy(own.paths.study, paths.study)
    keep(paths, allotted)
    with Journal(paths.journal) as journal:
        for envelope in own.envelopes:
            message = envelope.message
            if isinstance(message, VolumeMessage):
                message = allotted.to_wire(with_control(message, allotted.weights, study))
            journal.append(envelope.model_copy(update={"message": message}))
    recorded = RecordedRun.open(paths.journal)
    write_outputs(paths, recorded.envelopes)
    return recorded


def with_control(message: VolumeMessage, weights: dict[str, float], study: Study) -> VolumeMessage:
    """What the pipeline computes beside the own value: the same for the control combination (here without the average)."""
    changes = [message.rois[name].psc for name in weights if name in message.rois]
    if not weights or message.feedback is None or len(changes) < len(weights) or None in changes:
        return message
    percent = sum(weight * (message.rois[name].psc or 0.0) for name, weight in weights.items())
    return message.model_copy(update={"control_feedback": max(-1.0, min(1.0, percent / study.signal.range_percent))})


def volumes_of(run: RecordedRun) -> list[VolumeMessage]:
    return list(run.messages)


def everything(paths: RunPaths) -> dict[str, bytes]:
    """Every file of a run that can be read by everybody, by its name without the participant; the study's own words left out."""
    found = {}
    for folder in (paths.raw_folder, paths.folder):
        for path in folder.iterdir():
            if path.suffix in (".jsonl", ".json", ".tsv") and "resolved_study" not in path.name:
                found[path.name.split("_", 1)[1]] = path.read_bytes()
    return found
