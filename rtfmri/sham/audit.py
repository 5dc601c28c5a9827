"""Who opened what, when and why: one JSON object a line, each with the hash of the line before it.

A line that was changed, moved or taken from the middle breaks the chain. The last lines can be cut off without a break in it; but every
unblinded table names the line that it was opened under (``UnblindedUnder``), so a table without its line shows. Who removes lines and
tables leaves no trace here: keep a copy of the file elsewhere.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtfmri.errors import StudyError

FIRST = "0" * 64


@dataclass(frozen=True)
class Chain:
    """The lines as they stand, and what is wrong with them, a sentence each."""

    lines: tuple[dict[str, Any], ...]
    problems: tuple[str, ...]

    @property
    def last(self) -> str:
        return str(self.lines[-1]["hash"]) if self.lines else FIRST

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(str(line["hash"]) for line in self.lines)


def hash_of(line: dict[str, Any]) -> str:
    """SHA-256 of a line's fields but ``hash``, keys sorted."""
    fields = {name: value for name, value in line.items() if name != "hash"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def read_chain(text: str) -> Chain:
    """Check every line against the one before it."""
    lines: list[dict[str, Any]] = []
    problems: list[str] = []
    previous = FIRST
    for number, written in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
        try:
            line = json.loads(written)
            sound, follows = line["hash"] == hash_of(line), line["previous"] == previous and line["number"] == number
        except (ValueError, KeyError, TypeError):
            problems.append(f"Line {number} of the audit cannot be read.")
            continue
        if not sound:
            problems.append(f"Line {number} of the audit was changed after it was written.")
        if not follows:
            problems.append(f"Before line {number} of the audit something was removed, added or moved.")
        lines.append(line)
        previous = line["hash"]
    if text and not text.endswith("\n"):
        problems.append("The last line of the audit was cut off.")
    return Chain(tuple(lines), tuple(problems))


def append(path: Path, fields: dict[str, Any]) -> str:
    """Write one more line and sync it, before anything is opened; its hash.

    Raises
    ------
    StudyError : the file cannot be written, or its chain is broken.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            chain = read_chain(stream.read())
            if chain.problems:
                raise StudyError(
                    *chain.problems, f"Nothing was opened. Show {path} to whoever is responsible; put a sound copy back to go on."
                )
            line = {"number": len(chain.lines) + 1, **fields, "previous": chain.last}
            line["hash"] = hash_of(line)
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StudyError(f"The audit {path} cannot be written ({error.strerror}); nothing was opened.") from None
    return str(line["hash"])
