"""The small sections: the study itself, quality, runs, ports, display."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from rtfmri.messages import RunKind
from rtfmri.study.section import Section


class General(Section):
    name: str = Field(min_length=1)
    accept_provisional_by: str | None = None  # who answers for provisional regions in feedback runs


class Quality(Section):
    fd_hold_mm: float = Field(default=0.5, gt=0)
    fd_note_mm: float = Field(default=0.2, gt=0)
    stale_after_tr: float = Field(default=2.5, gt=0)
    stale_after_s: float = Field(default=2.0, gt=0)  # whichever of the two is longer
    pause_after_s: float = Field(default=10.0, gt=0)


class Tissue(Section):
    """Masks on the regions' own grid, for nuisance signals; `rtfmri prepare` makes them."""

    white_matter: Path | None = None
    csf: Path | None = None


class RunPlan(Section):
    kind: RunKind = "feedback"


class Stream(Section):
    """``port`` carries messages; port + 1 the snapshot, + 2 the returns of displays, + 3 control (always on loopback)."""

    bind: str = "127.0.0.1"
    port: int = Field(default=5560, ge=1024, le=65532)
