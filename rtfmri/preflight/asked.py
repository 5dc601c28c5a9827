"""Which run is asked about: what the operator typed or chose, checked later."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """``sub`` None: no participant yet; ``run`` None: the next; ``port`` None: the study's."""

    study_file: Path
    out: Path
    watch: Path | None = None
    listen: int | None = None
    sub: str | None = None
    ses: str = "01"
    run: int | None = None
    port: int | None = None
