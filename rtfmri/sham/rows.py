"""The allocation as somebody writes it: a CSV with a heading, one participant a row; every mistake is told with its line.

Columns: ``sub``, ``condition`` and, where they are wanted, ``ses``, ``run``, ``source`` (of yoked: the record whose values are shown, a
path from the CSV's folder), ``region`` (of control_roi: one of the study's ``control.regions``). Order and capitals of the heading do not
matter; semicolons and tabs are taken for commas, as spreadsheets write them. Lines count from 1, the heading's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import ValidationError

from rtfmri.messages import ControlCondition, Entities
from rtfmri.sham.allocation import Entry

NEEDED = ("sub", "condition")
COLUMNS = (*NEEDED, "ses", "run", "source", "region")
CONDITIONS = get_args(ControlCondition)


@dataclass(frozen=True)
class Row:
    """One sound row: its entry, and where the values of a yoked one are to be read."""

    line: int
    entry: Entry
    source: str


def read_rows(text: str) -> tuple[list[Row], list[str]]:
    """The sound rows, and a sentence for each mistake."""
    try:
        lines = _lines(text)
    except csv.Error as error:
        return [], [f"The allocation is no table ({error}); save it as CSV."]
    names = [name.lower() for name in lines[0][1]] if lines else []
    problems = _heading_problems(names)
    if problems:
        return [], problems
    rows: list[Row] = []
    for line, cells in lines[1:]:
        row = _row(line, dict(zip(names, cells, strict=False)), problems)
        rows += [row] if row else []
    problems += _doubles(rows)
    if not rows and not problems:
        problems.append("The allocation has no row; write one for each participant.")
    return rows, problems


def _lines(text: str) -> list[tuple[int, list[str]]]:
    """(line, its cells) of every line that is not empty; csv.Error where it is no table."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    heading = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=heading.count))
    return [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if any(cell.strip() for cell in cells)]


def _heading_problems(names: list[str]) -> list[str]:
    unknown = [name or "(empty)" for name in names if name not in COLUMNS]
    lacking = [name for name in NEEDED if name not in names]
    said = [f"Line 1: there is no column {', '.join(unknown)}; the columns are {', '.join(COLUMNS)}."] if unknown else []
    said += [f"Line 1: the column {', '.join(lacking)} is needed."] if lacking else []
    said += ["Line 1: a column is there twice."] if len(set(names)) < len(names) else []
    return said


def _row(line: int, cells: dict[str, str], problems: list[str]) -> Row | None:
    said = list(_row_problems(cells))
    problems += [f"Line {line}: {sentence}." for sentence in said]
    if said:
        return None
    condition, run = _condition(cells), cells.get("run", "")
    labels = {"sub": _label(cells["sub"], "sub-"), "ses": _label(cells.get("ses", ""), "ses-") or None, "run": int(run) if run else None}
    entry = Entry.model_validate({**labels, "condition": condition, "region": cells.get("region") or None})
    return Row(line, entry, cells.get("source", ""))


def _row_problems(cells: dict[str, str]) -> Iterator[str]:
    condition, source, region = _condition(cells), cells.get("source", ""), cells.get("region", "")
    try:
        Entities(sub=_label(cells.get("sub", ""), "sub-"), ses=_label(cells.get("ses", ""), "ses-") or "01")
    except ValidationError:
        yield f"sub {cells.get('sub', '')!r} and ses {cells.get('ses', '')!r} must hold letters and digits only, such as 07"
    run = cells.get("run", "")
    if run and not (run.isascii() and run.isdigit() and len(run) <= 4 and int(run) > 0):
        yield f"run {run!r} is no run number, such as 2; leave it empty for every run"
    if condition not in CONDITIONS:
        yield f"there is no condition {condition!r}; write one of {', '.join(CONDITIONS)}"
    if condition == "yoked" and not source:
        yield "yoked needs a source: the record whose values are shown"
    if condition == "control_roi" and not region:
        yield "control_roi needs a region: a name from the study's control.regions"
    if condition in CONDITIONS and source and condition != "yoked":
        yield f"a source belongs to yoked only, not to {condition}"
    if condition in CONDITIONS and region and condition != "control_roi":
        yield f"a region belongs to control_roi only, not to {condition}"


def _condition(cells: dict[str, str]) -> str:
    return cells.get("condition", "").lower()


def _label(text: str, prefix: str) -> str:
    return text.removeprefix(prefix)


def _doubles(rows: list[Row]) -> Iterator[str]:
    first: dict[tuple[str, str | None, int | None], int] = {}
    for row in rows:
        key = (row.entry.sub, row.entry.ses, row.entry.run)
        if key in first:
            yield f"Line {row.line}: sub {row.entry.sub} is already in line {first[key]}; one row for a participant (or for each ses, run)."
        first.setdefault(key, row.line)
