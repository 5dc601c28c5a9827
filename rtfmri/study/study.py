"""The whole of a study file, frozen."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from rtfmri.messages import DisplaySettings, Entities
from rtfmri.paradigm import Block, lay_out
from rtfmri.study.acquisition import Acquisition
from rtfmri.study.aftercare import Aftercare, ContrastRule
from rtfmri.study.control import Control
from rtfmri.study.display import Display, RatingRule, TrialRule, display_settings, misfits
from rtfmri.study.paradigm import ParadigmRule
from rtfmri.study.physiology import Physiology
from rtfmri.study.regions import RoiRule
from rtfmri.study.registration import Registration
from rtfmri.study.section import Section
from rtfmri.study.sections import General, Quality, RunPlan, Stream, Tissue
from rtfmri.study.signal import Signal

SHORT_REST_S = 30.0


def _distinct(contrasts: tuple[ContrastRule, ...]) -> tuple[ContrastRule, ...]:
    """Names become BIDS labels, in which a_b and aB are the same."""
    labels = [contrast.name.replace("_", "").lower() for contrast in contrasts]
    if len(set(labels)) < len(labels):
        raise ValueError("two contrasts would have files of the same name; give each its own")
    return contrasts


def _unique(rois: tuple[RoiRule, ...]) -> tuple[RoiRule, ...]:
    names = [roi.name for roi in rois]
    if len(set(names)) < len(names):
        raise ValueError("two regions have the same name; give each its own")
    return rois


class Study(Section):
    """Everything that a study decides before its first volume."""

    study: General
    acquisition: Acquisition = Acquisition()
    roi: Annotated[tuple[RoiRule, ...], Field(min_length=1), AfterValidator(_unique)]
    paradigm: ParadigmRule
    signal: Signal = Signal()
    tissue: Tissue = Tissue()
    physiology: Physiology | None = None
    quality: Quality = Quality()
    registration: Registration = Registration()
    aftercare: Aftercare = Aftercare()
    contrast: Annotated[tuple[ContrastRule, ...], AfterValidator(_distinct)] = ()
    run: tuple[RunPlan, ...] = (RunPlan(),)
    stream: Stream = Stream()
    display: Display = Display()
    rating: tuple[RatingRule, ...] = ()
    trial: tuple[TrialRule, ...] = ()
    control: Control = Control()

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Study:
        problems = [*self._baseline_problems(), *self.signal.problems(tuple(roi.name for roi in self.roi))]
        problems += self.control.misfits(frozenset(roi.name for roi in self.roi), self.acquisition.tr_s, self.signal)
        if "physiology" in self.signal.nuisance and self.physiology is None:
            problems.append('signal.nuisance: "physiology" needs the section [physiology], which says where pulse and breathing come from')
        problems += misfits(self.rating, self.trial, self._shortest_s())
        if problems:
            raise ValueError("; ".join(problem.rstrip(".") for problem in problems))
        return self

    def _baseline_problems(self) -> list[str]:
        rests = [s for _, s, role in self.paradigm.parts() if role == "rest"]
        if not rests:
            return ["paradigm.cycle: there is no rest block; the signal change needs one before each regulation block"]
        if min(rests) < SHORT_REST_S and "baseline" not in self.signal.model_fields_set:
            return [
                f"signal.baseline: rests shorter than {SHORT_REST_S:g} s (here {min(rests):g} s) need their own window; "
                "set onset_s, last_s and lag_s"
            ]
        empty = [s for s in rests if self.signal.baseline.seconds_of(s) <= 0]
        return [
            f"signal.baseline: with this window a rest of {s:g} s has no baseline at all; lower onset_s or lengthen the rest"
            for s in sorted(empty)[:1]
        ]

    def _shortest_s(self) -> dict[str, float]:
        shortest: dict[str, float] = {}
        for name, s, _ in self.paradigm.parts():
            shortest[name] = min(s, shortest.get(name, s))
        return shortest

    @property
    def task(self) -> str:
        """The study's name as a BIDS task label."""
        return re.sub(r"[^A-Za-z0-9]", "", self.study.name) or "nf"

    def blocks(self, tr_s: float | None) -> tuple[Block, ...]:
        """Blocks of a run from time zero; without a TR the dummies are left out."""
        return lay_out(self.paradigm.parts(), self.acquisition.dummies * (tr_s or 0.0))

    def plan(self, entities: Entities) -> RunPlan:
        """The ``[[run]]`` of this run number; the last one serves all that follow."""
        return self.run[min(entities.run, len(self.run)) - 1]

    def stale_after_s(self, tr_s: float | None) -> float:
        """How long without a volume until the display rests."""
        return max(self.quality.stale_after_tr * (tr_s or 0.0), self.quality.stale_after_s)

    def display_settings(self) -> DisplaySettings:
        """What the participant's display is told.

        Raises
        ------
        StudyError : a trial's picture cannot be read.
        """
        return display_settings(self.display, self.rating, self.trial)

    def resolved(self) -> dict[str, Any]:
        """Every setting, defaults included, as plain data that can be read again."""
        plain: dict[str, Any] = json.loads(self.model_dump_json())
        if self.signal.filter != "average":
            del plain["signal"]["smooth_volumes"]  # given beside another filter it would be refused
        return plain
