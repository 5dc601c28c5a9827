"""The regions whose activity is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from rtfmri.messages import Vector
from rtfmri.study.section import Section


class RoiRule(Section):
    """A region: either a mask on the EPI's own grid, or a sphere in MNI space (which ``prepare`` brings to the grid)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    weight: float
    mask: Path | None = None
    sphere_mni_mm: Vector | None = None
    radius_mm: float = Field(default=8.0, gt=0)
    provisional: bool = False  # a sphere is provisional whatever is said here

    @model_validator(mode="after")
    def _one_source(self) -> RoiRule:
        if (self.mask is None) == (self.sphere_mni_mm is None):
            raise ValueError("give either mask (a NIfTI on the EPI's grid) or sphere_mni_mm")
        return self
