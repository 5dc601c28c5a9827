"""A screen for the display: the one there is, or a virtual one (Xvfb) for as long as it is needed."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rtfmri.errors import StudyError

SIZE = "1280x720x24"
START_S = 15.0
NO_SCREEN = (
    "There is no screen and no Xvfb to stand in for one: install xvfb libgl1-mesa-dri libgl1 libglu1-mesa "
    "(Debian, Ubuntu: sudo apt-get install xvfb libgl1-mesa-dri libgl1 libglu1-mesa), or run with --no-display."
)


@contextmanager
def screen() -> Iterator[tuple[dict[str, str], str]]:
    """The environment in which a window can open, and in words where it opens.

    Raises
    ------
    StudyError : neither a screen nor Xvfb.
    """
    if _has_screen():
        yield dict(os.environ), "on this screen"
        return
    program = shutil.which("Xvfb")
    if program is None:
        raise StudyError(NO_SCREEN)
    read_end, write_end = os.pipe()
    command = [program, "-displayfd", str(write_end), "-screen", "0", SIZE, "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=(write_end,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write_end)
    try:
        # LP_NUM_THREADS: Mesa draws in software here and shall leave the other core to the engine
        yield (
            {**os.environ, "DISPLAY": f":{_display_number(read_end)}", "LP_NUM_THREADS": "1"},
            "on a virtual screen (Xvfb), as there is none here",
        )
    finally:
        server.terminate()
        server.wait()


def _has_screen() -> bool:
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY"))  # PsychoPy on Wayland draws through X, too


def _display_number(read_end: int) -> str:
    """Xvfb writes the number of the display that it chose, once it is ready."""
    with os.fdopen(read_end) as pipe:
        ready, _, _ = select.select([pipe], [], [], START_S)
        number = pipe.readline().strip() if ready else ""
    if not number:
        raise StudyError("Xvfb did not start; try it by hand (Xvfb :99), or run with --no-display.")
    return number
