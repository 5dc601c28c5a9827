"""Every resolved setting, those that differ from the default first; versions; how to compute the run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from rtfmri.record.report.facts import Facts
from rtfmri.record.report.markup import Column, Section, code, pairs, paragraph, table

REQUIRED = "none: each study says it"


@dataclass(frozen=True)
class Setting:
    """``place`` as in the study file; ``default`` is None where each study must say it."""

    place: str
    value: str
    default: str | None

    @property
    def differs(self) -> bool:
        return self.value != self.default


def settings_of(section: BaseModel, place: str = "") -> Iterator[Setting]:
    """Every setting within ``section``, in the order of the study file; items of a list go by their name or number."""
    for name, field in type(section).model_fields.items():
        value, where = getattr(section, name), f"{place}.{name}" if place else name
        if isinstance(value, BaseModel):
            yield from settings_of(value, where)
        elif isinstance(value, tuple) and value and all(isinstance(item, BaseModel) for item in value):
            for number, item in enumerate(value, start=1):
                yield from settings_of(item, f"{where}[{getattr(item, 'name', '') or number}]")
        else:
            default = field.get_default(call_default_factory=True)
            yield Setting(where, _said(value), None if default is PydanticUndefined else _said(default))


def _said(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        return ", ".join(map(_said, value)) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_said(item)}" for name, item in value.items()) or "none"
    return str(value)


def settings(facts: Facts) -> Section:
    title = "Settings"
    if facts.study is None:
        return Section(
            "settings", title, paragraph("The settings could not be read from the record; the file desc-resolved_study.json holds them.")
        )
    found = list(settings_of(facts.study))
    own = [(s.place, s.value, REQUIRED if s.default is None else s.default) for s in found if s.differs]
    columns = (Column("Setting", False), Column("Value", False), Column("Default", False))
    html = table(f"What the study sets itself: {len(own)} settings", columns, own, "settings")
    same = [(s.place, s.value) for s in found if not s.differs]
    return Section(
        "settings", title, html + table(f"As the software has them by default: {len(same)} settings", columns[:2], same, "settings")
    )


def versions(facts: Facts) -> Section:
    found = facts.versions
    rows = [(name, str(found[name])) for name in ("rtfmri", "python", "implementation", "platform", "libc", "cpu") if found.get(name)]
    rows += [(name, str(version)) for name, version in found.get("packages", {}).items() if version]
    html = pairs(rows) if rows else paragraph("The versions could not be read from the record.")
    return Section("versions", "Versions", html)


def again(facts: Facts) -> Section:
    """The command that computes the run again and compares every value."""
    journal = f"derivatives/rtfmri/sub-{facts.entities.sub}/ses-{facts.entities.ses}/func/{facts.label}_journal.jsonl"
    said = (
        "In the dataset's folder, with the versions above and on the same kind of processor, this computes every value again "
        "and says whether all bits agree:"
    )
    files = (
        "Beside this page lie the journal (every message, a JSON object a line), desc-nf_timeseries.tsv (all values, a row a volume), "
        "desc-confounds_timeseries.tsv (motion, DVARS, outliers) and desc-resolved_study.json (all settings). The volumes, events.tsv and, "
        f"where a display reported, what was on the screen lie in sub-{facts.entities.sub}/ses-{facts.entities.ses}/func of the dataset."
    )
    return Section("again", "Computing it again", paragraph(said) + code(f"rtfmri replay {journal} --verify") + paragraph(files))
