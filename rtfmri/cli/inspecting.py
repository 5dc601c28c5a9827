"""``rtfmri inspect``: what series lie in a folder, which of them the study would take, and one of them as NIfTI.

One line a series; what is to be said of some stands below, so that lines stay lines in a narrow terminal: only the protocol is cut.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from rtfmri.acquisition.inspect import list_series, write_nifti
from rtfmri.cli.wiring import bar
from rtfmri.errors import StudyError
from rtfmri.study import SeriesRule, load_series_rule
from rtfmri.volume import SeriesSummary

THE_RUN = "the run"
NARROWEST = 8
GAP = 2
COLUMNS: tuple[tuple[str, Callable[[SeriesSummary], str]], ...] = (
    ("series", lambda summary: "—" if summary.number is None else str(summary.number)),
    ("protocol", lambda summary: summary.protocol or "—"),
    ("scanner", lambda summary: f"{summary.vendor} {summary.kind}".strip()),
    ("matrix", lambda summary: "x".join(map(str, summary.shape)) if summary.shape else "—"),
    ("TR (s)", lambda summary: "—" if summary.tr_s is None else f"{summary.tr_s:.4g}"),
    ("vols", lambda summary: str(summary.volumes)),
    ("files", lambda summary: str(summary.files)),
    ("whole", lambda summary: summary.extra.get("complete", "—")),
)
RIGHT = ("series", "TR (s)", "vols", "files")


def inspect_folder(folder: Path, study_file: Path | None, as_json: bool, nifti: Path | None, series: int | None) -> int:
    """Print the table or the JSON; decode one series where ``nifti`` is given.

    Raises
    ------
    StudyError : no such folder, no series in it, or none that can be decoded where one is asked for.
    """
    console, aside = Console(), Console(stderr=True)
    rule = None if study_file is None else load_series_rule(study_file)
    if not folder.is_dir():
        raise StudyError(f"The folder {folder} is not there; check the path.")
    with bar(aside) as progress:
        task = progress.add_task("reading headers", total=None)
        found = list_series(folder, rule, lambda done, total: progress.update(task, completed=done, total=total))
    if not found:
        raise StudyError(f"{folder} holds no DICOM series.")
    if as_json:
        print(json.dumps([as_record(summary) for summary in found], indent=1, ensure_ascii=False))
    else:
        console.print(Text(str(folder), style="italic"), soft_wrap=True)
        console.print(shown(found, console.width))
    if nifti is not None:
        _write(folder, rule if series is None and rule is not None else _number(found, series), nifti, aside if as_json else console)
    return 0


def as_record(summary: SeriesSummary) -> dict[str, object]:
    """What ``--json`` prints of a series; ``None`` for what is not known."""
    return {
        "series": summary.number,
        "protocol": summary.protocol,
        "vendor": summary.vendor,
        "kind": summary.kind,
        "shape": summary.shape,
        "tr_s": summary.tr_s,
        "volumes": summary.volumes,
        "files": summary.files,
        "complete": {"yes": True, "no": False}.get(summary.extra.get("complete", "")),
        "usable": summary.usable,
        "note": summary.note,
        "rule": summary.extra.get("rule"),
    }


def shown(found: Sequence[SeriesSummary], width: int) -> RenderableType:
    """The table and the notes below it, for a terminal of ``width`` columns."""
    listed = [summary for summary in found if summary.kind != "other files"]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), pad_edge=False, show_edge=False)  # and 1 of the box
    for (heading, _), cells in zip(COLUMNS, _widths(listed, width), strict=True):
        table.add_column(heading, justify="right" if heading in RIGHT else "left", width=cells, no_wrap=True, overflow="ellipsis")
    for summary in listed:
        taken = summary.extra.get("rule") == THE_RUN
        table.add_row(*(cell(summary) for _, cell in COLUMNS), style="bold green" if taken else "" if summary.usable else "dim")
    notes = [Text(note, style=style) for note, style in _notes(found)]
    return Group(table, Text(""), *notes) if notes else table


def _widths(listed: Sequence[SeriesSummary], width: int) -> list[int]:
    """As wide as what stands in a column; the protocol gets what is left."""
    natural = [max([len(heading), *(len(cell(summary)) for summary in listed)]) for heading, cell in COLUMNS]
    spare = width - sum(natural) - GAP * (len(natural) - 1)
    natural[1] = max(NARROWEST, natural[1] + min(0, spare))
    return natural


def _notes(found: Sequence[SeriesSummary]) -> list[tuple[str, str]]:
    """What is to be said, and its style: first the run, then what is wrong, then why others are not the run; the same words once."""
    said: dict[tuple[int, str], list[str]] = {}
    for summary in found:
        name = _count(summary.files) if summary.number is None else str(summary.number)
        verdict = summary.extra.get("rule")
        if verdict is not None:
            said.setdefault((0, verdict) if verdict == THE_RUN else (2, f"not the run: {verdict}"), []).append(name)
        if summary.note:
            said.setdefault((1, summary.note), []).append(name)
    styles = ("bold green", "yellow", "dim")
    return [(f"{_series(names)}: {note}", styles[order]) for (order, note), names in sorted(said.items(), key=lambda item: item[0][0])]


def _series(names: list[str]) -> str:
    """``series 3, 4, 7``: every number once."""
    unique = list(dict.fromkeys(names))
    return unique[0] if "file" in unique[0] else f"series {', '.join(unique)}"


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"


def _number(found: Sequence[SeriesSummary], series: int | None) -> int:
    numbers = [summary.number for summary in found if summary.usable and summary.number is not None]
    if series is not None or len(numbers) == 1:
        return numbers[0] if series is None else series
    if not numbers:
        raise StudyError("None of these series can be decoded.")
    raise StudyError(f"There are several series; say which with --series: {', '.join(map(str, dict.fromkeys(numbers)))}.")


def _write(folder: Path, which: int | SeriesRule, nifti: Path, console: Console) -> None:
    missing = write_nifti(folder, which, nifti)
    gaps = f"; {len(missing)} missing volumes are zero" if missing else ""
    console.print(f"Written: {nifti}{gaps}.", soft_wrap=True)
