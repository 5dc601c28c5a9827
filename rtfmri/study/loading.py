"""Read a study file: TOML in, a checked ``Study`` out, or every mistake at once in an operator's words."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rtfmri.errors import StudyError
from rtfmri.study.acquisition import SeriesRule
from rtfmri.study.section import Section
from rtfmri.study.study import Study

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def load_study(path: Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError : the file cannot be read, is no TOML, or holds mistakes; all of them are in ``problems``.
    """
    plain = _plain(path)
    try:
        return parse_study(plain, path.parent)
    except StudyError as error:
        raise StudyError(*(f"{path.name}: {problem}" for problem in error.problems)) from None


def load_series_rule(path: Path) -> SeriesRule:
    """Which series is the run by a study file whose masks need not be there yet.

    Raises
    ------
    StudyError : as ``load_unready_study``.
    """
    return load_unready_study(path).acquisition.series


def load_unready_study(path: Path) -> Study:
    """A study as its file says it, whose masks and other files need not be there yet.

    Raises
    ------
    StudyError : as ``load_study``, but for files that the study names.
    """
    plain = _plain(path)
    try:
        return _absolute(Study.model_validate(plain), path.parent)
    except ValidationError as error:
        raise StudyError(*(f"{path.name}: {problem}" for problem in _all_in_words(error.errors()))) from None


def _plain(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"The study file {path} is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise StudyError(f"The study file {path} cannot be read ({reason}); check the path.") from None


def parse_study(plain: dict[str, Any], folder: Path) -> Study:
    """A study from plain data; relative paths are taken from ``folder``.

    Raises
    ------
    StudyError : with every mistake in ``problems``.
    """
    try:
        study = Study.model_validate(plain)
    except ValidationError as error:
        raise StudyError(*_all_in_words(error.errors())) from None
    study = _absolute(study, folder)
    _refuse_absent_files(study)
    return study


def _absolute(value: Any, folder: Path) -> Any:
    """``value`` with every relative path in it taken from ``folder``."""
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, tuple):
        return tuple(_absolute(item, folder) for item in value)
    if isinstance(value, Section):
        return value.model_copy(update={name: _absolute(getattr(value, name), folder) for name in type(value).model_fields})
    return value


def _refuse_absent_files(study: Study) -> None:
    problems = [f"{place}: {path} is not there; correct the path." for place, path in _paths(study, "") if not path.is_file()]
    if problems:
        raise StudyError(*problems)


def _paths(value: Any, place: str) -> Iterator[tuple[str, Path]]:
    """Every path in a study, with the place where it stands; items of a list go by their name."""
    if isinstance(value, Path):
        yield place, value
    elif isinstance(value, tuple):
        for number, item in enumerate(value, start=1):
            yield from _paths(item, f"{place} {getattr(item, 'name', '') or number}")
    elif isinstance(value, Section):
        for name in type(value).model_fields:
            yield from _paths(getattr(value, name), f"{place}.{name}" if place else name)


def _all_in_words(details: list[Any]) -> list[str]:
    """Every mistake once: a list whose items were refused is not called empty as well."""
    within = {detail["loc"][:depth] for detail in details for depth in range(1, len(detail["loc"]))}
    return [_in_words(detail) for detail in details if detail["type"] != "too_short" or detail["loc"] not in within]


def _in_words(detail: Any) -> str:
    """One mistake as a sentence: where, what, and what was found."""
    place = ".".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in detail["loc"])
    kind, found = detail["type"], detail["input"]
    if kind == "missing":
        return f"{place}: this is needed and is not there."
    if kind == "extra_forbidden":
        return f"{place}: there is no such setting; check the spelling."
    said = re.sub(r"^(Value error, |Input )", "", str(detail["msg"]))
    if kind == "value_error":
        return f"{place}: {said}." if place else f"{said}."
    return f"{place}: {said} (found {found!r})."
