"""The report of the run: opened in the browser where it is written, else made by `rtfmri report` in a process of its own.

The report is HTML that needs nothing else; it is handed out under the run's label, by this console and to who may see the console.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from nicegui import app

from rtfmri.console.after.outcome import report_of
from rtfmri.errors import StudyError
from rtfmri.record.layout import RunPaths

MADE_WITHIN_S = 120.0


def made_report(paths: RunPaths) -> Path:
    """The report, made where it is not there yet; takes seconds.

    Raises
    ------
    StudyError : it could not be made.
    """
    there = report_of(paths)
    if there is not None:
        return there
    command = [sys.executable, "-m", "rtfmri", "report", str(paths.journal)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MADE_WITHIN_S, check=False)
    except subprocess.TimeoutExpired:
        raise StudyError(f"The report was not made within {MADE_WITHIN_S:.0f} s; try: rtfmri report {paths.journal}") from None
    there = report_of(paths)
    if there is None:
        raise StudyError(f"The report could not be made: {done.stderr.strip() or done.stdout.strip()}")
    return there


def address_of(report: Path, paths: RunPaths) -> str:
    """Where the browser finds it."""
    address = f"/reports/{paths.entities.label}.html"
    if not any(getattr(route, "path", None) == address for route in app.routes):
        app.add_static_file(local_file=report, url_path=address, max_cache_age=0)
    return address
