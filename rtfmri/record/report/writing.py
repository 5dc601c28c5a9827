"""Write the report beside the journal: the only place of the folder that writes."""

from __future__ import annotations

from pathlib import Path

from rtfmri.errors import StudyError
from rtfmri.record.durable import write_whole
from rtfmri.record.recorded import RecordedRun
from rtfmri.record.report.opened import opened_values
from rtfmri.record.report.page import page_of
from rtfmri.record.report.reading import facts_of

UNBLINDED = "desc-unblinded_report.html"


def write_report(run: RecordedRun, to: Path | None = None, unblinded: bool = False) -> Path:
    """The page of ``run`` in its derivatives, or in the folder ``to``; ``unblinded``: with the values that ``rtfmri unblind`` opened.

    The blind page stays: the other one has a name of its own. Where a page is there already, the new one takes its place.

    Raises
    ------
    StudyError : it cannot be written, or the run was not unblinded.
    """
    facts = facts_of(run, opened_values(run) if unblinded else None)
    path = run.paths.derived(UNBLINDED) if unblinded else run.paths.report
    path = path if to is None else to / path.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, [page_of(facts).encode()])
    except OSError as error:
        raise StudyError(f"The report {path} cannot be written ({error.strerror}); choose another folder with --out.") from None
    return path
