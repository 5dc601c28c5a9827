"""A table as BIDS wants it: tab-separated, ``n/a`` for what is not known, and a JSON file that says what each column is.

Floats are written with the digits that give back the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from rtfmri.errors import StudyError
from rtfmri.record.durable import write_json, write_whole
from rtfmri.volume import Array

Cell = float | int | str | bool | None
R = TypeVar("R")
NOT_KNOWN = "n/a"


@dataclass(frozen=True)
class Column(Generic[R]):
    """``value`` takes the cell from a row's source; ``levels`` says what each word of a column of words means."""

    name: str
    description: str
    value: Callable[[R], Cell]
    units: str = ""
    levels: tuple[tuple[str, str], ...] = ()

    @property
    def sidecar(self) -> dict[str, Any]:
        sidecar: dict[str, Any] = {"Description": self.description}
        if self.units:
            sidecar["Units"] = self.units
        if self.levels:
            sidecar["Levels"] = dict(self.levels)
        return sidecar


@dataclass(frozen=True)
class Table:
    """Names, rows of cells, and the sidecar."""

    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    sidecar: dict[str, Any]


def tabulate(columns: Sequence[Column[R]], sources: Iterable[R]) -> Table:
    """One row for each source."""
    return Table(
        names=tuple(column.name for column in columns),
        rows=tuple(tuple(column.value(source) for column in columns) for source in sources),
        sidecar={column.name: column.sidecar for column in columns},
    )


def to_tsv(table: Table) -> str:
    lines = [table.names, *(tuple(text_of(cell) for cell in row) for row in table.rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def text_of(cell: Cell) -> str:
    """One cell; tabs and line ends inside a text become spaces."""
    if cell is None or cell == "":
        return NOT_KNOWN
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return repr(cell)
    return " ".join(cell.split()) or NOT_KNOWN if isinstance(cell, str) else str(cell)


def write_table(path: Path, table: Table) -> None:
    """The table at ``path`` (``.tsv``) and its sidecar beside it.

    Raises
    ------
    OSError : a file cannot be written.
    """
    write_whole(path, [to_tsv(table).encode()])
    write_json(path.with_suffix(".json"), table.sidecar)


def read_numbers(path: Path) -> Array:
    """The numbers (rows, columns) of a table that somebody else made: tab-separated, a head line of names; ``n/a`` is NaN.

    Raises
    ------
    StudyError : it cannot be read, or a cell holds something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise StudyError(f"{path.name} cannot be read; it must be a text file with tabs between columns.") from None
    rows = [line.split("\t") for line in lines if line.strip()]
    width = len(rows[0]) if rows else 0
    numbers = np.empty((max(0, len(rows) - 1), width))
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != width:
            raise StudyError(f"{path.name}: row {number} has {len(row)} columns, the head line {width}; is it separated by tabs?")
        try:
            numbers[number - 1] = [float("nan") if cell.strip() == NOT_KNOWN else float(cell) for cell in row]
        except ValueError:
            raise StudyError(f"{path.name}: row {number} holds something that is no number; the first line alone holds names.") from None
    return numbers
