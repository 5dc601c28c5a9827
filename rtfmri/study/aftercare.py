"""What follows each volume off the critical path: whole-volume reslice, statistical map, pictures."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rtfmri.study.section import Section


class ContrastRule(Section):
    """A comparison of blocks for the map: the mean of ``plus`` minus the mean of ``minus`` (none: rest)."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    plus: tuple[str, ...] = Field(min_length=1)  # names of regulation blocks
    minus: tuple[str, ...] = ()


class Aftercare(Section):
    enabled: bool = True
    order: int = Field(default=3, ge=3, le=7)  # of the B-spline that reslices whole volumes
    smooth_fwhm_mm: float = Field(default=6.0, ge=0)  # before the map is computed; 0: not smoothed
    resliced: bool = False  # keep the realigned run as NIfTI
    every: int = Field(default=1, ge=1)  # a picture of the map every so many volumes
