"""What the engine has sent and the process has not looked at yet: small notices, in order, taken off the pipe at once by a thread."""

from __future__ import annotations

import pickle
import queue
import threading
from typing import BinaryIO

from rtfmri.aftercare.frames import read_frame
from rtfmri.aftercare.job import AftercareJob, Notice

FINISH = "finish"  # no more notices: catch up, write the maps, end

Item = AftercareJob | Notice | str


class Inbox:
    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._gone = False
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def take(self) -> Item | None:
        """The next item, waited for; None at once where the engine is gone."""
        frame = self._frames.get()
        if frame is None or self._gone:
            return None
        item: Item = pickle.loads(frame)
        return item

    @property
    def waiting(self) -> int:
        return self._frames.qsize()

    def _read(self) -> None:
        last = None
        while (frame := read_frame(self._pipe)) is not None:
            self._frames.put(frame)
            last = frame
        self._gone = last is None or pickle.loads(last) != FINISH
        self._frames.put(None)
