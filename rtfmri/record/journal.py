"""The journal: each message as one line of JSON, on the disk before it is published.

A line counts when its line end is there. What follows the last sound line was cut off by a crash and was never published, so it is left
out; damage before that is an error. Where the disk fails, lines wait in memory, every further append tries again to write all of them,
and what still waits at the end is rescued to another folder: the run never stops for its journal.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType

from rtfmri.errors import StudyError
from rtfmri.messages import Envelope, WireError, decode, encode
from rtfmri.record.durable import open_durable, write_at


class Journal:
    """Append envelopes to ``path``; an existing journal is continued after its last sound line.

    ``failed`` is the error of the last append, None when all lines are on disk; ``rescued_to`` is, after the end, the file in the
    ``fallback`` folder (the temporary folder by default) that holds the whole journal where ``path`` could not take it.
    """

    def __init__(self, path: Path, fallback: Path | None = None) -> None:
        self.path = path
        self.failed: OSError | None = None
        self.rescued_to: Path | None = None
        self._fallback = fallback
        self._pending: list[bytes] = []
        self._descriptor: int | None = None
        self._end: int | None = None  # bytes of the file that are ours and synced

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def waiting(self) -> int:
        """Lines that are in memory only."""
        return len(self._pending)

    def append(self, envelope: Envelope) -> None:
        """Write the line and sync it; returns with the line on disk, or with ``failed`` set and the line kept."""
        self._pending.append(encode(envelope) + b"\n")
        self._write_pending()

    def close(self) -> None:
        """Try a last time, rescue what still waits, let go of the file. Never raises for a disk."""
        if self._pending:
            self._write_pending()
        if self._pending:
            self._rescue()
        self._let_go()

    def _write_pending(self) -> None:
        lines = b"".join(self._pending)
        try:
            descriptor, end = self._open()
            write_at(descriptor, lines, end)
            os.fsync(descriptor)
        except OSError as error:
            self.failed = error
            self._let_go()  # a share that came back wants a new descriptor
            return
        self._end = end + len(lines)
        self._pending.clear()
        self.failed = None

    def _open(self) -> tuple[int, int]:
        """The descriptor, and the byte where the next line belongs."""
        if self._descriptor is None:
            if self._end is None and self.path.is_file():
                truncate_torn_tail(self.path)
            self._descriptor = open_durable(self.path)
            size = os.fstat(self._descriptor).st_size
            self._end = size if self._end is None else min(self._end, size)
        assert self._end is not None  # set together with the descriptor
        return self._descriptor, self._end

    def _rescue(self) -> None:
        try:
            handle, name = tempfile.mkstemp(prefix=f"{self.path.stem}_rescued_", suffix=".jsonl", dir=self._fallback)
            with open(handle, "wb") as stream:
                stream.write(self._written() + b"".join(self._pending))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            self.failed = error
            return
        self.rescued_to = Path(name)

    def _written(self) -> bytes:
        """The lines that reached the disk, so that the rescued file is a whole journal; none where they cannot be read."""
        try:
            with self.path.open("rb") as stream:
                return stream.read(self._end or 0)
        except OSError:
            return b""

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def read_journal(path: Path) -> tuple[Envelope, ...]:
    """All envelopes of a journal; a torn last line is left out.

    Raises
    ------
    StudyError : the file cannot be read, or a line before the last is damaged.
    """
    content = _content(path)
    lines = content[: _sound_length(content)].split(b"\n")[:-1]
    envelopes = []
    for number, line in enumerate(lines, start=1):
        try:
            envelopes.append(decode(line))
        except WireError as error:
            raise StudyError(f"The journal {path} is damaged in line {number} of {len(lines)} ({error}); use a copy of it.") from None
    return tuple(envelopes)


def truncate_torn_tail(path: Path) -> int:
    """Cut off what a crash left after the last sound line, so that the journal can be continued; the number of bytes cut.

    Raises
    ------
    StudyError : the file cannot be read.
    OSError : the file cannot be written.
    """
    content = _content(path)
    sound = _sound_length(content)
    if sound < len(content):
        os.truncate(path, sound)
    return len(content) - sound


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise StudyError(f"The journal {path} cannot be read ({error.strerror}); check the path.") from None


def _sound_length(content: bytes) -> int:
    """Bytes up to the end of the last sound line. Only the last line can be torn: all before it were synced."""
    end = content.rfind(b"\n") + 1
    start = content.rfind(b"\n", 0, max(end - 1, 0)) + 1
    try:
        if end > start:
            decode(content[start : end - 1])
    except WireError:
        return start  # its end reached the disk before its beginning did
    return end
