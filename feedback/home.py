"""A home folder for libraries that stop without one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def home_that_can_be_written() -> Iterator[None]:
    """PsychoPy and matplotlib keep folders in HOME and stop where they cannot: lend them another one for as long as the window is open."""
    home = os.environ.get("HOME", "")
    if os.name != "posix" or _can_be_written(home):
        yield
        return
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="rtfmri-display-", ignore_cleanup_errors=True) as folder:
        authority = Path(home) / ".Xauthority"
        if authority.is_file():
            os.environ.setdefault("XAUTHORITY", str(authority))
        os.environ.update(HOME=folder, MPLCONFIGDIR=folder)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)


def _can_be_written(folder: str) -> bool:
    try:
        with tempfile.TemporaryDirectory(dir=folder or os.devnull):
            return True
    except OSError:
        return False
