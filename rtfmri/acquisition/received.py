"""What comes over the DICOM network, as a mouth of a live run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rtfmri.acquisition.live import Arrived, OpenFile
from rtfmri.acquisition.mailbox import Mailbox, Received
from rtfmri.errors import IncompleteError, VolumeError
from rtfmri.volume import SourceFault


class ReceivedImages:
    """A mouth: the images that the listener puts into ``mailbox`` while the run lasts."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox
        self._open_file: OpenFile
        self._told: set[tuple[str, str]] = set()

    @contextmanager
    def opened(self, open_file: OpenFile, wake: Callable[[], None]) -> Iterator[ReceivedImages]:
        """Take what comes from now on."""
        self._open_file = open_file
        with self._mailbox.opened(wake):
            yield self

    def deadline(self) -> None:
        """None: the mailbox wakes."""

    def arrived(self) -> Iterator[Arrived | SourceFault]:
        """Every image since the last time."""
        for item in self._mailbox.take():
            if isinstance(item, SourceFault):
                yield item
            else:
                yield from self._opened(item)

    def _opened(self, received: Received) -> Iterator[Arrived | SourceFault]:
        try:
            yield Arrived(self._open_file(received.data, True), received.noticed_s, received.noticed_unix_s)
        except VolumeError as error:
            code = "truncated" if isinstance(error, IncompleteError) else "unusable_file"
            if (code, str(error)) not in self._told:  # once for each reason, for there may be thousands
                self._told.add((code, str(error)))
                yield SourceFault(code, f"{received.name} is ignored: {error}")
