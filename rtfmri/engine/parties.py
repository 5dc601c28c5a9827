"""Who works beside a run, as the run sees them: the store of raw volumes, aftercare, a lab's own measure, pulse and breathing, displays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from rtfmri.messages import Fault, VolumeMessage
from rtfmri.pipeline import Setup, Standing, State
from rtfmri.pipeline.physiology import PhysioColumns
from rtfmri.signals.measures.function import Ask
from rtfmri.volume import Missing, Volume


class Store(Protocol):
    """Keeps what is needed to recompute; see ``engine/keeping.py``."""

    @property
    def failed(self) -> OSError | None: ...
    def open(self, setup: Setup) -> None: ...
    def volume(self, item: Volume | Missing) -> None: ...
    def reference(self, standing: Standing) -> None: ...


class Follower(Protocol):
    """Aftercare, told after everything else; see ``engine/following.py``."""

    def begin(self, setup: Setup, standing: Standing) -> None: ...
    def volume(self, setup: Setup, state: State, message: VolumeMessage) -> None: ...


class Body(Protocol):
    """Pulse and breathing: asked before each item's step, told after its message is out; see ``engine/physiology.py``."""

    def columns_for(self, setup: Setup, state: State, item: Volume | Missing) -> PhysioColumns | None: ...
    def published(self) -> tuple[Fault, ...]: ...


@dataclass(frozen=True)
class Beside:
    """What works beside a run, where it has it: aftercare, a lab's own measure, pulse and breathing.

    ``present``: names of the displays that are heard now.
    """

    follower: Follower | None = None
    ask: Ask | None = None
    body: Body | None = None
    present: Callable[[], frozenset[str]] | None = None
