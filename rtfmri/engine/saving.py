"""Saving through a store that may fail: the run goes on, and the operator is told once, and again when it can be written."""

from __future__ import annotations

from collections.abc import Callable

from rtfmri.engine.faults import reference_fault, store_fault
from rtfmri.engine.parties import Store
from rtfmri.errors import StudyError
from rtfmri.messages import Fault
from rtfmri.pipeline import Standing
from rtfmri.volume import Missing, Volume


class Saving:
    """``tell`` takes what the operator should know."""

    def __init__(self, store: Store, tell: Callable[[Fault], object]) -> None:
        self._store, self._tell = store, tell
        self._failed = False

    def volume(self, item: Volume | Missing) -> None:
        """The raw volume; what the disk cannot take waits in the store."""
        self._store.volume(item)
        failed = self._store.failed
        if (failed is not None) != self._failed:
            self._failed = failed is not None
            self._tell(store_fault(failed))

    def reference(self, standing: Standing) -> None:
        try:
            self._store.reference(standing)
        except StudyError as error:  # the run goes on: what is lost can be computed again from the raw volumes
            self._tell(reference_fault(error))
