"""A run whose parts are held in memory: everything it sends and keeps can be looked at, its clock is the test's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from rtfmri.engine.announcements import Armed
from rtfmri.engine.materials import read_materials
from rtfmri.engine.outlet import Clocks, Outlet
from rtfmri.engine.parties import Beside
from rtfmri.engine.run import Run
from rtfmri.messages import Entities, Envelope
from rtfmri.study import Study
from rtfmri.volume import Missing, Volume

M = TypeVar("M")


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class MemoryJournal:
    """A journal on a disk that the test can fill up."""

    lines: list[Envelope] = field(default_factory=list)
    failed: OSError | None = None

    def append(self, envelope: Envelope) -> None:
        self.lines.append(envelope)


@dataclass
class MemoryStore:
    kept: list[int] = field(default_factory=list)
    references: int = 0
    failed: OSError | None = None

    def open(self, setup: Any) -> None:
        pass

    def volume(self, item: Volume | Missing) -> None:
        self.kept.append(item.index)

    def reference(self, standing: Any) -> None:
        self.references += 1


@dataclass
class Bench:
    """One run and all that can be seen of it."""

    run: Run
    journal: MemoryJournal
    store: MemoryStore
    clock: Clock
    published: list[Envelope]

    def sent(self, kind: type[M]) -> list[M]:
        return [envelope.message for envelope in self.published if isinstance(envelope.message, kind)]


def make_bench(study: Study, beside: Beside | None = None) -> Bench:
    clock, journal, store, published = Clock(), MemoryJournal(), MemoryStore(), []
    clocks = Clocks(unix=clock, monotonic=clock, performance=clock)
    armed = Armed(study, "feedback", Entities(sub="01", task=study.task), read_materials(study), "test-run")
    run = Run(armed, Outlet("test-run", journal, published.append, clock), store, clocks, beside)
    return Bench(run, journal, store, clock, published)


@pytest.fixture
def bench(small_study: Study) -> Bench:
    return make_bench(small_study)


@pytest.fixture
def benches() -> Callable[[Study], Bench]:
    """For a study of the test's own."""
    return make_bench
