"""What goes wrong on the way from the scanner to the share: each fault is a pure function on the list of deliveries.

A run is a list of ``Delivery``: which file comes when, under which name, how it is written and what was done to its bytes. Faults are
applied in the scenario's order, so they combine. Everything random comes from the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "slow_write", "slow_copy", "rename", "preallocated", "zero_length", "truncated", "corrupt_pixels", "missing_slice", "missing_volume",
    "late_volume", "duplicate", "duplicate_differs", "reorder_slices", "reorder_volumes", "other_series", "restart", "restart_in_series",
    "stall",
]  # fmt: skip
Manner = Literal["whole", "pieces", "copied", "renamed", "preallocated", "empty", "truncated"]
Change = Literal["pixels", "other_series", "restarted", "rescanned"]
FASTEST_RESTART_TR = 2.0


class Fault(BaseModel):
    """One fault at ``volume`` (0-based); ``by_tr``: how long it lasts, or how late it makes the file, in TR."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    kind: Kind
    volume: int = Field(ge=0)
    by_tr: float = Field(default=1.0, gt=0, le=100)


@dataclass(frozen=True)
class Delivery:
    """One file on its way.

    ``source`` is the rendered file, ``changes`` what is done to its bytes, in order, and ``later_s`` how much later than it says it was
    acquired; ``name`` is where it goes; ``at_s`` when its writing begins, since the run's start; ``lasts_s`` how long that takes.
    """

    volume: int
    source: str
    name: str
    at_s: float
    manner: Manner = "whole"
    lasts_s: float = 0.0
    changes: tuple[Change, ...] = ()
    later_s: float = 0.0

    @property
    def scan(self) -> int:
        """How often the scan was begun anew before."""
        return sum(change in ("restarted", "rescanned") for change in self.changes)


Deliveries = tuple[Delivery, ...]
Apply = Callable[[Deliveries, Fault, float, np.random.Generator], Deliveries]  # deliveries, fault, TR in s


def apply_faults(deliveries: Deliveries, faults: tuple[Fault, ...], tr_s: float, seed: int) -> Deliveries:
    """The deliveries after all ``faults``, in their order."""
    for number, fault in enumerate(faults):
        deliveries = FAULTS[fault.kind](deliveries, fault, tr_s, np.random.default_rng([seed, 9, number]))
    return deliveries


def _written(manner: Manner) -> Apply:
    """Every file of the volume is written so."""

    def apply(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
        return tuple(replace(d, manner=manner, lasts_s=fault.by_tr * tr_s) if d.volume == fault.volume else d for d in deliveries)

    return apply


def _one_written(manner: Manner) -> Apply:
    """One file of the volume is written so."""

    def apply(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
        one = _one_of(deliveries, fault, rng)
        return tuple(replace(d, manner=manner, lasts_s=0.0) if d is one else d for d in deliveries)

    return apply


def _repeated(prefix: str, changes: tuple[Change, ...], late: bool) -> Apply:
    """Every file of the volume comes once more under another name."""

    def apply(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
        later_s = late * fault.by_tr * tr_s
        again = (replace(d, at_s=d.at_s + later_s, changes=d.changes + changes) for d in deliveries if d.volume == fault.volume)
        return _together(deliveries, again, prefix)

    return apply


def _corrupt_pixels(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
    one = _one_of(deliveries, fault, rng)
    return tuple(replace(d, changes=(*d.changes, "pixels")) if d is one else d for d in deliveries)


def _missing_slice(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
    one = _one_of(deliveries, fault, rng)
    return tuple(d for d in deliveries if d is not one)


def _missing_volume(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
    return tuple(d for d in deliveries if d.volume != fault.volume)


def _late_volume(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
    return tuple(replace(d, at_s=d.at_s + fault.by_tr * tr_s) if d.volume == fault.volume else d for d in deliveries)


def _reordered(volumes: Callable[[Fault], range]) -> Apply:
    """The files of some volumes come in another order, at the same times."""

    def apply(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
        chosen = [number for number, d in enumerate(deliveries) if d.volume in volumes(fault)]
        times_s = dict(zip(chosen, rng.permutation([deliveries[number].at_s for number in chosen]), strict=True))
        return tuple(replace(d, at_s=float(times_s.get(number, d.at_s))) for number, d in enumerate(deliveries))

    return apply


def _begun_anew(change: Change) -> Apply:
    """The scan is stopped before the volume, and begun anew ``by_tr`` (or two) later; ``change`` says as what."""

    def apply(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
        stop_s = fault.volume * tr_s
        scans = max((d.scan for d in deliveries), default=0)
        stopped = [d for d in deliveries if d.scan == scans]
        later_s = stop_s + max(fault.by_tr, FASTEST_RESTART_TR) * tr_s - min((d.at_s for d in stopped), default=0.0)
        anew = (replace(d, at_s=d.at_s + later_s, later_s=d.later_s + later_s, changes=(*d.changes, change)) for d in stopped)
        return _together((d for d in deliveries if d.at_s < stop_s), anew, "again")

    return apply


def _stall(deliveries: Deliveries, fault: Fault, tr_s: float, rng: np.random.Generator) -> Deliveries:
    """Nothing comes for a while, then everything at once."""
    from_s = fault.volume * tr_s
    until_s = from_s + fault.by_tr * tr_s
    return tuple(replace(d, at_s=until_s) if from_s <= d.at_s < until_s else d for d in deliveries)


def _one_of(deliveries: Deliveries, fault: Fault, rng: np.random.Generator) -> Delivery | None:
    files = [d for d in deliveries if d.volume == fault.volume]
    return files[int(rng.integers(len(files)))] if files else None


def _together(deliveries: Iterable[Delivery], more: Iterable[Delivery], prefix: str) -> Deliveries:
    """Both, the latter under names of their own."""
    together = {d.name: d for d in deliveries}
    for d in more:
        path = PurePosixPath(d.name)
        while str(path) in together:
            path = path.with_name(f"{prefix}_{path.name}")
        together[str(path)] = replace(d, name=str(path))
    return tuple(together.values())


FAULTS: dict[Kind, Apply] = {
    "slow_write": _written("pieces"),
    "slow_copy": _written("copied"),
    "rename": _written("renamed"),
    "preallocated": _written("preallocated"),
    "zero_length": _one_written("empty"),
    "truncated": _one_written("truncated"),
    "corrupt_pixels": _corrupt_pixels,
    "missing_slice": _missing_slice,
    "missing_volume": _missing_volume,
    "late_volume": _late_volume,
    "duplicate": _repeated("copy", (), late=True),
    "duplicate_differs": _repeated("other", ("pixels",), late=True),
    "reorder_slices": _reordered(lambda fault: range(fault.volume, fault.volume + 1)),
    "reorder_volumes": _reordered(lambda fault: range(fault.volume, fault.volume + 1 + round(max(1.0, fault.by_tr)))),
    "other_series": _repeated("scout", ("other_series",), late=False),
    "restart": _begun_anew("restarted"),
    "restart_in_series": _begun_anew("rescanned"),
    "stall": _stall,
}
