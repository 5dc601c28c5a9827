"""``rtfmri report``: the page of one recorded run, or of every run in a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from rtfmri.errors import StudyError
from rtfmri.record.layout import JOURNAL
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.report.writing import write_report


def report_runs(source: Path, out: Path | None, unblinded: bool) -> int:
    """Write the pages and say where they lie; 1 where one of several could not be written, in a sentence each.

    Raises
    ------
    StudyError : there is no recorded run, or the only one cannot be reported.
    """
    journals = _journals(source)
    if len(journals) == 1:
        _report(journals[0], out, unblinded)
        return 0
    failed = 0
    for journal in journals:
        try:
            _report(journal, out, unblinded)
        except StudyError as error:
            print(error, file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def _journals(source: Path) -> list[Path]:
    if not source.exists():
        raise StudyError(f"{source} is not there; check the path.")
    found = sorted(source.rglob(f"*{JOURNAL}")) if source.is_dir() else [source]
    if not found:
        raise StudyError(f"{source} holds no recorded run (no file ends in {JOURNAL}); check the path.")
    return found


def _report(journal: Path, out: Path | None, unblinded: bool) -> None:
    path = write_report(RecordedRun.open(journal), out, unblinded)
    Console().print(f"Report: {path}", soft_wrap=True, highlight=False, markup=False)
