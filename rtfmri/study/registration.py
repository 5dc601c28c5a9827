"""What volumes are realigned to, how they are sampled, and when an estimate is not to be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from rtfmri.study.section import Section

FIRST = "first"
_MEAN = re.compile(r"^mean:([0-9]+)$")
LEAST_MEAN, MOST_MEAN = 2, 50


def _known(reference: str | Path) -> str | Path:
    mean = _MEAN.match(str(reference))
    if mean and not LEAST_MEAN <= int(mean[1]) <= MOST_MEAN:
        raise ValueError(f"a mean takes {LEAST_MEAN} to {MOST_MEAN} volumes, such as 'mean:10'")
    return str(reference) if mean or str(reference) == FIRST else Path(reference)


class Registration(Section):
    """``reference``: "first" (the run's first good volume after the dummies), "mean:N" (the mean of the first N good ones, realigned), or a
    NIfTI file of an earlier run or session, to which this run's own reference is then registered once."""

    reference: Annotated[str | Path, AfterValidator(_known)] = FIRST
    regions_on: Path | None = None  # the image that the regions lie on, where it is not the reference's file
    order: int = Field(default=3, ge=3, le=7)  # of the B-spline that samples the regions
    slice_timing: bool = False  # sample each voxel at the time of the volume's first slice
    uncertain_mm: float = Field(default=0.1, gt=0)  # an estimate with a larger standard error (50 mm from the centre) is held

    @property
    def file(self) -> Path | None:
        """The earlier image that the regions lie on; None: they lie on the run's own grid."""
        return self.regions_on or (self.reference if isinstance(self.reference, Path) else None)

    @property
    def averaged(self) -> int:
        """How many volumes the run's own reference is the mean of."""
        mean = _MEAN.match(str(self.reference))
        return int(mean[1]) if mean else 1
