"""How numeric kernels are compiled: single-threaded, without the GIL, exact IEEE arithmetic, cached on disk.

No ``fastmath`` and no parallel reductions: the same files must give the same bits on any number of threads.
The cache lies beside the sources, or, where that place and the user's own are not writable, in the temporary folder.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def _writable(folder: Path) -> bool:
    """Whether ``folder``, or the nearest of its parents that exists, can be written."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def _choose_cache() -> None:
    places = (Path(__file__).parent / "__pycache__", Path.home() / ".cache")
    if "NUMBA_CACHE_DIR" not in os.environ and not any(_writable(place) for place in places):
        user = os.getuid() if hasattr(os, "getuid") else "user"
        os.environ["NUMBA_CACHE_DIR"] = str(Path(tempfile.gettempdir()) / f"rtfmri-kernels-{user}")


_choose_cache()  # numba reads the setting once, when it is imported

import numba  # noqa: E402  (must follow the choice above)


def kernel(function: F) -> F:
    """Compile ``function`` with numba: nogil, cached, no fastmath, no threads."""
    compiled: F = numba.njit(nogil=True, cache=True, fastmath=False)(function)
    return compiled
