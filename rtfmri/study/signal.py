"""How a region's raw mean becomes the value that the participant sees: nuisance, baseline, measure, filter, range.

A measure other than ``difference`` and ``roi`` is not in percent; its ``range`` (full feedback) and ``settled_se`` (the largest standard
error of a value that may be shown) are in its own unit. ``range_percent`` and ``settled_se_percent`` serve the measures in percent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from rtfmri.study.section import Section

Nuisance = Literal["drift", "motion6", "motion_derivatives", "motion_squares", "white_matter", "csf", "physiology"]
Unit = Literal["percent", "z", "r", "decision", "value"]
SLOWEST_AVERAGE = 3  # volumes of an average that may still stand behind a measure with a window of its own


class BaselineWindow(Section):
    """Which volumes of a rest block are its baseline: from max(onset + onset_s, end - last_s) to end + lag_s."""

    onset_s: float = Field(default=18.0, ge=0)
    last_s: float = Field(default=13.0, gt=0)
    lag_s: float = Field(default=2.0, ge=0, le=4.0)

    def seconds_of(self, rest_s: float) -> float:
        """How long the window of a rest of ``rest_s`` is; negative where it is empty."""
        return rest_s + self.lag_s - max(self.onset_s, rest_s - self.last_s)


class NuisancePrior(Section):
    """How much a region is expected to follow the head and the drift (standard deviations, zero on average), before a run tells.

    Without it the first blocks pay for coefficients that so few volumes cannot know; as volumes come it loses its weight.
    """

    enabled: bool = True
    motion_percent_per_mm: float = Field(default=1.0, gt=0)  # of realigned data; a rotation counts by its arc at 50 mm
    drift_percent: float = Field(default=1.0, gt=0)  # of each Legendre term, over the planned run


class Difference(Section):
    """The weighted sum of all regions' percent signal change, with the weights of [[roi]]."""

    kind: Literal["difference"] = "difference"


class SingleRoi(Section):
    """The percent signal change of one region."""

    kind: Literal["roi"]
    roi: str


class ZScore(Section):
    """The difference (or one region) in standard deviations of single volumes at rest; none before 8 rest volumes were measured."""

    kind: Literal["z"]
    roi: str | None = None  # None: the weighted difference
    sd_floor_percent: float = Field(default=0.1, gt=0)
    range: float = Field(default=2.0, gt=0)
    settled_se: float = Field(default=1.5, gt=0)


class Correlation(Section):
    """Pearson's r of two regions' cleaned means over the last ``window_s``; feedback is Fisher's z above ``centre``'s, by ``range``."""

    kind: Literal["correlation"]
    rois: tuple[str, str]
    window_s: float = Field(default=30.0, ge=10)
    centre: float = Field(default=0.0, gt=-1, lt=1)
    range: float = Field(default=1.0, gt=0)  # of Fisher's z
    settled_se: float = Field(default=0.4, gt=0)  # of r


class DecoderRule(Section):
    """A linear decoder: a NIfTI weight map on the run's grid with a JSON file of the same name beside it."""

    kind: Literal["decoder"]
    weights: Path
    range: float = Field(default=2.0, gt=0)  # in standard deviations of the training data's decision values
    settled_se: float = Field(default=1.5, gt=0)


class UserFunction(Section):
    """A lab's own ``package.module:function``; its contract is in rtfmri/signals/measures/function.py."""

    kind: Literal["function"]
    function: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]
    time_limit_ms: float = Field(default=200.0, gt=0, le=5000)
    centre: float = 0.0
    range: float = Field(default=1.0, gt=0)


MeasureRule = Annotated[Difference | SingleRoi | ZScore | Correlation | DecoderRule | UserFunction, Field(discriminator="kind")]
OWN_WINDOW = ("correlation", "function")


class Signal(Section):
    nuisance: tuple[Nuisance, ...] = ("drift", "motion6")
    tissue_components: int = Field(default=0, ge=0, le=10)  # of white matter and of CSF; 0: their means
    regressors: Path | None = None  # a TSV with a head line and one row per volume, dummies included
    prior: NuisancePrior = NuisancePrior()
    prewhiten: bool = False
    baseline: BaselineWindow = BaselineWindow()
    measure: MeasureRule = Difference()
    score: Literal["fitted", "window"] = (
        "fitted"  # a block's, over onset + 6 s to end + 6 s: of the response fitted to it, or the plain mean
    )
    filter: Literal["average", "ema", "kalman"] = "average"
    smooth_volumes: int = Field(default=3, ge=1, le=30)  # of the average
    ema_alpha: float = Field(default=0.5, gt=0, le=1)  # the newest volume's part in the EMA
    range_from: Literal["fixed", "localizer", "adaptive"] = "fixed"  # adaptive: from the feedback run before; never within a run
    range_percent: float = Field(default=1.0, gt=0)
    settled_se_percent: float = Field(default=0.5, gt=0)  # values with a larger standard error are `settling`

    @model_validator(mode="after")
    def _motion_has_its_ground(self) -> Signal:
        further = {"motion_derivatives", "motion_squares"} & set(self.nuisance)
        if further and "motion6" not in self.nuisance:
            raise ValueError(f"nuisance: {' and '.join(sorted(further))} need motion6 beside them; add it")
        if len(set(self.nuisance)) < len(self.nuisance):
            raise ValueError("nuisance: the same name stands there twice; say each once")
        if self.tissue_components and not {"white_matter", "csf"} & set(self.nuisance):
            raise ValueError(
                "tissue_components: there is no tissue to take them from; add white_matter or csf to nuisance, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _one_filter(self) -> Signal:
        asked = "smooth_volumes" in self.model_fields_set and self.smooth_volumes > 1
        if self.filter != "average" and asked:
            raise ValueError(
                f"filter: '{self.filter}' is never put on top of an average of {self.smooth_volumes} volumes, which would only add delay; "
                "leave smooth_volumes out, or choose filter = 'average'"
            )
        if self.filter != "average" and self.measure.kind in OWN_WINDOW:
            raise ValueError(f"filter: the measure '{self.measure.kind}' has a window of its own and is not filtered; leave filter out")
        if asked and self.smooth_volumes > SLOWEST_AVERAGE and self.measure.kind in OWN_WINDOW:
            raise ValueError(f"smooth_volumes: the measure '{self.measure.kind}' has a window of its own and is not averaged; leave it out")
        return self

    def problems(self, roi_names: tuple[str, ...]) -> list[str]:
        """What of the measure does not go with the study's regions."""
        rule = self.measure
        asked: tuple[str, ...] = ()
        if isinstance(rule, SingleRoi | ZScore):
            asked = (rule.roi,) if rule.roi is not None else ()
        elif isinstance(rule, Correlation):
            asked = rule.rois
        found = [
            f"signal.measure: there is no roi '{name}'; the study has {', '.join(roi_names)}." for name in asked if name not in roi_names
        ]
        if len(set(asked)) < len(asked):
            found.append("signal.measure: a correlation needs two different regions.")
        return found


def full_range(signal: Signal) -> float:
    """What is full feedback, in the measure's unit."""
    return float(getattr(signal.measure, "range", signal.range_percent))


def measure_unit(signal: Signal) -> Unit:
    """What the chosen measure's values are in."""
    units: dict[str, Unit] = {"z": "z", "correlation": "r", "decoder": "decision", "function": "value"}
    return units.get(signal.measure.kind, "percent")
