"""Small pieces of HTML. Text goes in plain and is escaped here; what is called ``html`` is markup already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

NONE = "–"  # what stands in a cell that has no value


@dataclass(frozen=True)
class Section:
    """One part of the page; ``key`` is its anchor."""

    key: str
    title: str
    html: str


@dataclass(frozen=True)
class Column:
    """Of a table: its heading, and whether it holds numbers (set to the right)."""

    heading: str
    numbers: bool = True


def paragraph(text: str, kind: str = "") -> str:
    return f"<p{_class(kind)}>{escape(text)}</p>"


def bullets(texts: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in texts)}</ul>"


def code(text: str) -> str:
    return f"<pre tabindex=0><code>{escape(text)}</code></pre>"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """A list of terms, each with what it is."""
    return f"<dl>{''.join(f'<div><dt>{escape(term)}</dt><dd>{escape(what)}</dd></div>' for term, what in rows)}</dl>"


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """The first cell of each row is its heading."""
    head = "".join(f"<th scope=col{_class('n' if column.numbers else '')}>{escape(column.heading)}</th>" for column in columns)
    body = "".join(_row(columns, row) for row in rows)
    return (
        f"<div class=scroll tabindex=0 role=region aria-label={_quoted(caption)}><table{_class(kind)}>"
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(columns: Sequence[Column], row: Sequence[str]) -> str:
    first, *others = row
    cells = "".join(
        f"<td{_class('n' if column.numbers else '')}>{escape(cell)}</td>" for column, cell in zip(columns[1:], others, strict=True)
    )
    return f"<tr><th scope=row>{escape(first)}</th>{cells}</tr>"


def figure(picture_html: str, caption: str) -> str:
    return f"<figure>{picture_html}<figcaption>{escape(caption)}</figcaption></figure>"


def number(value: float | None, digits: int = 2, sign: bool = False) -> str:
    if value is None or value != value:
        return NONE
    said = f"{value:{'+' if sign else ''}.{digits}f}"
    return said.replace("-", "−")


def plain(name: str) -> str:
    """A name of the study as words: ``self_compassion`` is ``self compassion``."""
    return name.replace("_", " ")


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _quoted(text: str) -> str:
    return f'"{escape(text)}"'
