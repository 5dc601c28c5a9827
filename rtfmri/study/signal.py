"""How a region's raw mean becomes the value that the participant sees."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rtfmri.study.section import Section


class BaselineWindow(Section):
    """Which volumes of a rest block are its baseline: from max(onset + onset_s, end - last_s) to end + lag_s."""

    onset_s: float = Field(default=18.0, ge=0)
    last_s: float = Field(default=13.0, gt=0)
    lag_s: float = Field(default=2.0, ge=0, le=4.0)


class Signal(Section):
    nuisance: tuple[Literal["drift", "motion6"], ...] = ("drift", "motion6")
    baseline: BaselineWindow = BaselineWindow()
    smooth_volumes: int = Field(default=3, ge=1, le=30)
    range_percent: float = Field(default=1.0, gt=0)
    settled_se_percent: float = Field(default=0.5, gt=0)  # values with a larger standard error are `settling`
