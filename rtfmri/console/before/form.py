"""What the operator types: study, participant, session, run, and where the images come from. A session that runs has fixed some of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import ui

from rtfmri.console.before.choosing import Choice, number_problem
from rtfmri.console.before.desk import Desk
from rtfmri.preflight.numbers import label_problem


def study_files(folder: Path | None) -> list[Path]:
    """The study files of a folder, by name."""
    return [] if folder is None else sorted(path for path in folder.glob("*.toml") if not path.name.endswith("_scenario.toml"))


def form(desk: Desk, changed: Callable[[], object]) -> Callable[[], None]:
    """Build it; ``changed`` is called when something else was chosen. What is returned shows what a session has fixed."""
    files = study_files(desk.page.settings.studies)
    fields: dict[str, ui.input | ui.select] = {}

    def take() -> None:
        before = desk.choice
        desk.choose(Choice(**{name: (field.value or "").strip() for name, field in fields.items()}))
        if desk.choice != before:
            changed()

    def put(name: str, field: ui.input | ui.select, style: str = "w-full") -> None:
        fields[name] = field.classes(style).props("dense outlined hide-bottom-space")
        field.on_value_change(take)

    with ui.element("section").classes("pf-card"):
        ui.html("<h2>Run</h2>", sanitize=False)
        with ui.column().classes("w-full gap-2 q-mt-sm"):
            put("study_file", _study_field(files, desk.choice.study_file))
            with ui.row().classes("w-full no-wrap gap-2"):
                put("sub", _label_field("Participant", desk.choice.sub), "grow")
                put("ses", _label_field("Session", desk.choice.ses), "w-24")
                put("run", _number_field("Run", desk.choice.run, 9999), "w-24")
            with ui.row().classes("w-full no-wrap gap-2"):
                put("watch", ui.input("Scanner's folder", value=desk.choice.watch), "grow")
                put("listen", _number_field("Port", desk.choice.listen, 65535), "w-24")

    def redraw() -> None:
        fixed = desk.status is not None and desk.status.session is not None
        for name in ("study_file", "watch", "listen"):
            field, value = fields[name], getattr(desk.choice, name)
            if fixed and isinstance(field, ui.select) and value not in (field.options or {}):
                field.set_options({**dict(field.options), value: Path(value).name})
            if fixed and field.value != value:
                field.set_value(value)
            field.set_enabled(not fixed)
        fields["run"].props(f'placeholder="{desk.label.rpartition("run-")[2] or "next"}" stack-label')

    return redraw


def _study_field(files: list[Path], chosen: str) -> ui.input | ui.select:
    """A list of the files there are; without a folder of them, a path."""
    if not files:
        return ui.input("Study file", value=chosen)
    options = {str(path): path.name for path in files}
    return ui.select(options, label="Study", value=chosen if chosen in options else None)


def _label_field(words: str, value: str) -> ui.input:
    return ui.input(words, value=value, validation=lambda text: (label_problem(text, text) and "letters and digits") or None)


def _number_field(words: str, value: str, high: int) -> ui.input:
    return ui.input(words, value=value, validation=lambda text: number_problem(text or "", 1, high) or None)
