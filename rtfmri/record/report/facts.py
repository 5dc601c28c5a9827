"""Everything that a report is made of, as plain data: the run's messages and what else of its record could be read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rtfmri.messages import BlockInfo, Confirmed, Entities, Envelope, RoiInfo, RunStart, RunStop, VolumeMessage
from rtfmri.record.clocks import Clocks, clocks_of
from rtfmri.record.physio import PhysioRecord
from rtfmri.record.summary import Summary, blocks_of, of_kind, summarise
from rtfmri.record.verdict import Verdict, verdict
from rtfmri.study import Study
from rtfmri.volume import Array, Grid, Image


@dataclass(frozen=True, eq=False)
class StatMap:
    """A map that aftercare left: ``t`` (X, Y, Z) on ``grid``, and what its JSON says of it."""

    name: str
    t: Image
    grid: Grid
    about: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Images:
    """The reference (X, Y, Z), and the weights of each region on the same grid."""

    reference: Image
    grid: Grid
    weights: Mapping[str, Image]


@dataclass(frozen=True, eq=False)
class Facts:
    """One run. ``unread`` says in sentences what of the record could not be read; the report is written without it.

    ``files`` are the names of the record's tables beside the journal; ``hidden`` is why values are not shown, empty where they are.
    """

    entities: Entities
    envelopes: tuple[Envelope, ...]
    study: Study | None = None
    versions: Mapping[str, Any] = field(default_factory=dict)
    images: Images | None = None
    maps: tuple[StatMap, ...] = ()
    physio: PhysioRecord | None = None
    unread: tuple[str, ...] = ()
    hidden: str = ""
    unblinded: str = ""  # under which conditions a blind run was opened, in words; empty: it was not

    @cached_property
    def start(self) -> RunStart | None:
        """Of a resumed run the first one."""
        return next(iter(of_kind(self.envelopes, RunStart)), None)

    @cached_property
    def confirmed(self) -> Confirmed | None:
        return next(reversed(of_kind(self.envelopes, Confirmed)), None)

    @cached_property
    def stop(self) -> RunStop | None:
        return next(reversed(of_kind(self.envelopes, RunStop)), None)

    @cached_property
    def volumes(self) -> tuple[VolumeMessage, ...]:
        """In order, each number once: the last message of a number, where a resumed run said it again."""
        return tuple(dict(sorted((v.index, v) for v in of_kind(self.envelopes, VolumeMessage))).values())

    @cached_property
    def blocks(self) -> tuple[BlockInfo, ...]:
        return blocks_of(self.envelopes)

    @cached_property
    def tr_s(self) -> float | None:
        """As the first volume confirmed it, else as planned."""
        return self.confirmed.tr_s if self.confirmed else self.start.tr_s if self.start else None

    @cached_property
    def rois(self) -> tuple[RoiInfo, ...]:
        return self.confirmed.rois if self.confirmed and self.confirmed.rois else self.start.rois if self.start else ()

    @cached_property
    def provisional(self) -> tuple[str, ...]:
        return tuple(roi.name for roi in self.rois if roi.provisional)

    @cached_property
    def unit(self) -> str:
        return self.start.unit if self.start else "percent"

    @cached_property
    def summary(self) -> Summary:
        return summarise(self.envelopes)

    @cached_property
    def verdict(self) -> Verdict:
        return verdict(self.envelopes)

    @cached_property
    def clocks(self) -> Clocks:
        return clocks_of(self.envelopes, self.tr_s or 1.0)

    @property
    def label(self) -> str:
        return self.entities.label

    @property
    def time_s(self) -> Array:
        """Beginning of each volume's acquisition (N,), by its number."""
        return np.array([volume.index for volume in self.volumes]) * (self.tr_s or 1.0)

    @property
    def end_s(self) -> float:
        """Where the figures end: with the last volume, or with what was planned."""
        last = (self.volumes[-1].index + 1) * (self.tr_s or 1.0) if self.volumes else 0.0
        planned = max((block.onset_s + block.duration_s for block in self.blocks), default=0.0)
        return max(last, planned if self.stop is None else 0.0, 1.0)

    def series(self, what: Callable[[VolumeMessage], float | None]) -> Array:
        """``what(volume)`` of each volume (N,), NaN where it is None."""
        return known([what(volume) for volume in self.volumes])


def known(values: Sequence[float | None]) -> Array:
    """As an array (N,), NaN where there is None."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


UNITS = {"percent": "% signal change", "z": "z", "r": "r", "decision": "decision value", "value": "value"}
MEASURES = {
    "difference": "weighted difference of the regions",
    "roi": "one region",
    "z": "z-score against rest",
    "correlation": "correlation of two regions",
    "decoder": "linear decoder",
    "function": "the lab's own function",
}


def value_of(volume: VolumeMessage) -> float | None:
    """The study's measure; runs of an older version have the regulation only."""
    return volume.regulation if volume.value is None else volume.value


def value_se_of(volume: VolumeMessage) -> float | None:
    return volume.regulation_se if volume.value is None else volume.value_se
