"""What is left out when volumes come faster than they can be cared for, in the declared order; and when the operator is told. Pure.

The lag is the number of volumes that wait behind the one at hand. Saving raw volumes is the engine's and never shed.

=====  ========  ======================================================================================================
lag    stage     while it is shed
=====  ========  ======================================================================================================
>= 3   pictures  no t-map is worked out and no picture drawn
>= 6   quality   no tSNR, spikes or ghosts are worked out and told; the sums for the tSNR map go on
>= 12  map       nothing more is left out: the map falls behind the run, volumes wait in the raw file and are taken up in order
=====  ========  ======================================================================================================

What the final maps are made of (reslice, smoothing, the fit's and the tSNR's sums) is never left out, only late: the maps are the
same, bit for bit, whatever was shed. The work follows the lag at once; the operator is told calmly: once when a stage begins to be
shed, once when it has not been for ``patience`` volumes, and the patience doubles with every end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rtfmri.messages import Fault, Severity

FIRST_PATIENCE = 10


@dataclass(frozen=True)
class Stage:
    name: str
    from_lag: int  # volumes waiting
    severity: Severity
    begins: str
    ends: str


STAGES = (
    Stage("pictures", 3, "info", "Pictures of the map are left out while volumes wait.", "Pictures of the map are drawn again."),
    Stage("quality", 6, "info", "tSNR, spikes and ghosts are not told while volumes wait.", "tSNR, spikes and ghosts are told again."),
    Stage(
        "map",
        12,
        "warning",
        "The statistical map falls behind the run; it will hold every volume in the end.",
        "The statistical map has caught up with the run.",
    ),
)
ADVICE = (
    "Feedback and record are not touched. If it lasts, close other programs, or set aftercare.smooth_fwhm_mm = 0 or aftercare.every higher."
)


def shed_at(lag: int) -> int:
    """How many stages, from the first, are shed with so many volumes waiting."""
    return sum(lag >= stage.from_lag for stage in STAGES)


def is_shed(name: str, lag: int) -> bool:
    return any(stage.name == name for stage in STAGES[: shed_at(lag)])


@dataclass(frozen=True)
class Told:
    """What the operator has been told: the first ``shed`` stages are left out. ``calm`` volumes in a row have shed fewer."""

    shed: int = 0
    calm: int = 0
    patience: int = FIRST_PATIENCE


def tell(told: Told, lag: int, index: int) -> tuple[Told, tuple[Fault, ...]]:
    """What to tell with volume ``index``; at most one fault for each stage."""
    now = shed_at(lag)
    if now > told.shed:
        return Told(now, 0, told.patience), tuple(_begins(stage, index) for stage in STAGES[told.shed : now])
    if now == told.shed:
        return replace(told, calm=0), ()
    if told.calm + 1 < told.patience:
        return replace(told, calm=told.calm + 1), ()
    faults = tuple(_ends(stage, index) for stage in reversed(STAGES[now : told.shed]))
    return Told(now, 0, told.patience if now else 2 * told.patience), faults


def _begins(stage: Stage, index: int) -> Fault:
    return Fault(code=f"{stage.name}_shed", severity=stage.severity, text=stage.begins, advice=ADVICE, index=index)


def _ends(stage: Stage, index: int) -> Fault:
    return Fault(code=f"{stage.name}_again", severity="info", text=stage.ends, index=index)
