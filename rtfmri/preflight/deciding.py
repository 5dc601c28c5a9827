"""The decision over a preparation: somebody looked at its pictures and accepts or rejects it. For `rtfmri prepare` and the page."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.preparation.prepared import Prepared, decided, load_prepared
from rtfmri.record.durable import write_json


def decide(path: Path, accept_by: str | None) -> Prepared:
    """Write the decision into the preparation ``path`` (its JSON): accepted by this name, or (None) rejected.

    Raises
    ------
    StudyError : no name, no preparation, one that holds a refused region, or it cannot be written.
    """
    prepared = load_prepared(path)
    if accept_by is not None and not accept_by.strip():
        raise StudyError("Accepting needs the name of who looked at the pictures.")
    try:
        write_json(prepared.path, decided(prepared, None if accept_by is None else accept_by.strip(), now_words()))
    except OSError as error:
        raise StudyError(f"{prepared.path} cannot be written ({error.strerror}); free some space.") from None
    return load_prepared(prepared.path)


def now_words() -> str:
    """ISO time, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
