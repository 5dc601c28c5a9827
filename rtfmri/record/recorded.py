"""A recorded run opened again, on any computer: its messages, its study, its volumes as the pipeline had them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtfmri.errors import StudyError
from rtfmri.messages import Entities, Envelope, RunStop, VolumeMessage
from rtfmri.record.copies import copies, named
from rtfmri.record.journal import read_journal
from rtfmri.record.layout import JOURNAL, RunPaths, paths_of
from rtfmri.record.raw_reader import RawRecord, read_raw, recorded_any
from rtfmri.record.references import load_image
from rtfmri.study import Study, parse_study
from rtfmri.study.registration import FIRST
from rtfmri.volume import Grid, Image, Missing, Volume

NOT_RECORDED = "its voxels are not in the record: the run was cut off before they were saved"


@dataclass(frozen=True)
class RecordedRun:
    """One record. Images and volumes are read when they are asked for."""

    paths: RunPaths
    envelopes: tuple[Envelope, ...]

    @staticmethod
    def open(source: Path) -> RecordedRun:
        """The record that ``source`` is the journal of, or the only one in the folder ``source``.

        Raises
        ------
        StudyError : there is none, there are several (they are named), or its journal is damaged.
        """
        journal = _only_journal(source) if source.is_dir() else source
        return RecordedRun(paths_of(journal), read_journal(journal))

    @property
    def entities(self) -> Entities:
        return self.paths.entities

    @property
    def messages(self) -> tuple[VolumeMessage, ...]:
        """The volume messages, in the journal's order."""
        return tuple(e.message for e in self.envelopes if isinstance(e.message, VolumeMessage))

    @property
    def study(self) -> Study:
        """The study as the run had it; masks and reference are the record's own copies.

        Raises
        ------
        StudyError : the study or a copy is not there.
        """
        try:
            plain = json.loads(self.paths.study.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StudyError(f"The recorded study {self.paths.study} cannot be read ({error}); put it back beside the journal.") from None
        return parse_study(_with_frozen_rois(plain, self.paths), self.paths.folder)

    @property
    def raw(self) -> RawRecord:
        """The recorded voxels; StudyError where they are not there."""
        return read_raw(self.paths.bold)

    def volumes(self) -> Iterator[Volume | Missing]:
        """What the pipeline was given, in the journal's order. What was declared missing then is missing now, whatever the disk holds.

        ``acquired_s`` counts from time zero, as in the journal.

        Raises
        ------
        StudyError : the voxels are not there or damaged.
        """
        messages = self.messages
        wanted = [message.index for message in messages if message.validity != "missing"]
        found = self._read(wanted)
        for message in messages:
            volume = None if message.validity == "missing" else next(found)
            if volume is not None:
                yield dataclasses.replace(volume, acquired_s=message.acquired_s)
            else:
                yield Missing(message.index, message.why if message.validity == "missing" else NOT_RECORDED)
        next(found, None)  # to the end of the file, where damage shows

    def _read(self, indices: Sequence[int]) -> Iterator[Volume | None]:
        """Only a run that was cut off may have journalled volumes and no file of voxels."""
        finished = any(isinstance(envelope.message, RunStop) for envelope in self.envelopes)
        if not indices or not (finished or recorded_any(self.paths.bold)):
            return iter([None] * len(indices))
        return self.raw.read(indices)

    def reference(self) -> tuple[Image, Grid]:
        """The volume that all others were aligned to."""
        return load_image(self.paths.reference)

    def brain_mask(self) -> tuple[Image, Grid]:
        return load_image(self.paths.brain_mask)

    def weights(self) -> dict[str, tuple[Image, Grid]]:
        """Each region's weights by its name in the study."""
        names = tuple(roi.name for roi in self.study.roi)
        return {name: load_image(path) for name, path in self.paths.roi_masks(names).items()}


def resolved_study(study: Study, paths: RunPaths) -> dict[str, Any]:
    """Every setting of the run as plain data; paths of this computer are replaced by the names of the record's own copies."""
    plain = study.resolved()
    if plain["control"]["allocation"] is not None:
        plain["control"] |= {"allocation": paths.allocation.name, "key": None}
    masks = paths.roi_masks(tuple(roi.name for roi in study.roi))
    for roi in plain["roi"]:
        if roi["mask"] is not None:
            roi["mask"] = masks[roi["name"]].name
    if plain["physiology"] is not None:
        plain["physiology"]["files"] = []  # the record has its own
    if study.registration.file is not None:
        plain["registration"]["regions_on"] = paths.earlier.name
        if isinstance(study.registration.reference, Path):
            plain["registration"]["reference"] = FIRST
    return named(plain, copies(study, paths), paths.folder)


def _with_frozen_rois(plain: dict[str, Any], paths: RunPaths) -> dict[str, Any]:
    """Regions that were given in MNI space are replaced by the voxels that the run used."""
    try:
        masks = paths.roi_masks(tuple(roi["name"] for roi in plain["roi"]))
        frozen = {name: {"mask": path.name, "sphere_mni_mm": None} for name, path in masks.items() if path.exists()}
        rois = [roi | frozen.get(roi["name"], {}) for roi in plain["roi"]]
    except (KeyError, TypeError, AttributeError):
        raise StudyError(f"{paths.study} holds no study; put the recorded one back beside the journal.") from None
    return plain | {"roi": rois}


def _only_journal(folder: Path) -> Path:
    found = sorted(folder.rglob(f"*{JOURNAL}"))
    if not found:
        raise StudyError(f"{folder} holds no recorded run (no file ends in {JOURNAL}); check the path.")
    if len(found) > 1:
        raise StudyError(f"{folder} holds {len(found)} recorded runs; name one of them: {', '.join(map(str, found))}.")
    return found[0]
