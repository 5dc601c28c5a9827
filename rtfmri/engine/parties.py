"""Who works beside a run, as the run sees them: the store of raw volumes, aftercare, a lab's own measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rtfmri.messages import VolumeMessage
from rtfmri.pipeline import Setup, Standing, State
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


@dataclass(frozen=True)
class Beside:
    """The processes beside a run, where it has them: aftercare, and a lab's own measure."""

    follower: Follower | None = None
    ask: Ask | None = None
