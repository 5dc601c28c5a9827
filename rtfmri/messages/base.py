"""What every message is made of. JSON only: no arrays of voxels, no NaN, no pickle. Indices of volumes and blocks are 0-based."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MAJOR = 1
SCHEMA = "1.2"


class WireError(ValueError):
    """These bytes are no message of this version."""


class Part(BaseModel):
    """Frozen; fields of a later minor version are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Entities(Part):
    """BIDS entities of a run, typed by the operator; letters and digits only."""

    sub: str = Field(pattern=r"^[A-Za-z0-9]+$")
    ses: str = Field(default="01", pattern=r"^[A-Za-z0-9]+$")
    task: str = Field(default="nf", pattern=r"^[A-Za-z0-9]+$")
    run: int = Field(default=1, ge=1, le=9999)

    @property
    def label(self) -> str:
        """``sub-07_ses-01_task-nf_run-01``."""
        return f"sub-{self.sub}_ses-{self.ses}_task-{self.task}_run-{self.run:02d}"
