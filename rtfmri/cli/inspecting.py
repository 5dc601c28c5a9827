"""``rtfmri inspect``: what series lie in a folder, and one of them as NIfTI."""

from __future__ import annotations

from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from rtfmri.acquisition.inspect import list_series, write_nifti
from rtfmri.cli.wiring import bar
from rtfmri.errors import StudyError
from rtfmri.volume import SeriesSummary


def inspect_folder(folder: Path, nifti: Path | None, series: int | None) -> int:
    """Print the table; decode one series where ``nifti`` is given."""
    console = Console()
    if not folder.is_dir():
        raise StudyError(f"The folder {folder} is not there; check the path.")
    with bar(Console(stderr=True)) as progress:
        task = progress.add_task("reading headers", total=None)
        found = list_series(folder, progress=lambda done, total: progress.update(task, completed=done, total=total))
    if not found:
        raise StudyError(f"{folder} holds no DICOM series.")
    console.print(_table(folder, found))
    if nifti is not None:
        missing = write_nifti(folder, _number(found, series), nifti)
        gaps = f"; {len(missing)} missing volumes are zero" if missing else ""
        console.print(f"Written: {nifti}{gaps}.", soft_wrap=True)
    return 0


def _number(found: list[SeriesSummary], series: int | None) -> int:
    numbers = [summary.number for summary in found if summary.usable and summary.number is not None]
    if series is not None or len(numbers) == 1:
        return numbers[0] if series is None else series
    if not numbers:
        raise StudyError("None of these series can be decoded.")
    raise StudyError(f"There are several series; say which with --series: {', '.join(map(str, numbers))}.")


def _table(folder: Path, found: list[SeriesSummary]) -> RenderableType:
    """One line a series; what is to be said of some stands below, so that lines stay lines."""
    table = Table(title=str(folder), title_justify="left", box=box.SIMPLE_HEAD)
    for heading in ("series", "protocol", "kind", "matrix", "TR (s)", "volumes", "files"):
        right = heading in ("series", "TR (s)", "volumes", "files")
        table.add_column(heading, justify="right" if right else "left", no_wrap=True, max_width=28)
    for summary in found:
        table.add_row(
            "" if summary.number is None else str(summary.number),
            summary.protocol or "—",
            summary.kind,
            "x".join(map(str, summary.shape)) if summary.shape else "—",
            "—" if summary.tr_s is None else f"{summary.tr_s:g}",
            str(summary.volumes),
            str(summary.files),
            style="" if summary.usable else "dim",
        )
    notes = [Text(f"  {_name(summary)}: {summary.note}", style="yellow") for summary in found if summary.note]
    return Group(table, *notes)


def _name(summary: SeriesSummary) -> str:
    return "other files" if summary.number is None else f"series {summary.number}"
