"""The pictures of a check in a dialog: those of a preparation to be accepted or rejected by name, that of left and right."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from html import escape
from pathlib import Path

from nicegui import ui

from rtfmri.console.before.checklist import PREPARATION
from rtfmri.console.before.desk import Desk
from rtfmri.errors import StudyError
from rtfmri.preflight.check import Check
from rtfmri.preflight.deciding import decide
from rtfmri.preparation.prepared import Prepared, load_prepared

VERDICTS = {"good": "✔ good", "look": "▲ look", "refused": "✖ refused"}
Shown = tuple[str, bytes]


async def show_pictures(desk: Desk, check: Check, decided: Callable[[], Awaitable[None]]) -> None:
    """Open the dialog; ``decided`` is awaited after a preparation was accepted or rejected."""
    if check.name == PREPARATION and check.page is not None:
        await _preparation(desk, check.page.with_suffix(".json"), decided)
    elif check.picture is not None:
        pictures = await desk.page.off_loop(_read, (check.picture,))
        with _dialog(check.name) as dialog, ui.card().classes("pf max-w-none").style("width:min(1100px,94vw)"):
            ui.html(f"<h2>{escape(check.name)}</h2>", sanitize=False)
            ui.label(check.text)
            _images(pictures)
            ui.button("Close", on_click=dialog.close, color=None).props("outline no-caps autofocus")


async def _preparation(desk: Desk, path: Path, decided: Callable[[], Awaitable[None]]) -> None:
    try:
        prepared = await desk.page.off_loop(load_prepared, path)
    except StudyError as error:
        ui.notify(str(error), type="negative")
        return
    pictures = await desk.page.off_loop(_read, picture_files(prepared))
    with _dialog("preparation") as dialog, ui.card().classes("pf max-w-none gap-2").style("width:min(1400px,97vw)"):
        ui.html(f"<h2>Preparation of sub-{escape(prepared.sub)} ses-{escape(prepared.ses)}</h2>", sanitize=False)
        _decision(desk, prepared, dialog, decided)
        _checks(prepared, good=False)
        _images(pictures)
        _checks(prepared, good=True)


def _dialog(name: str) -> ui.dialog:
    return ui.dialog(value=True).props(f'aria-label="{name}"')


def _checks(prepared: Prepared, good: bool) -> None:
    """What the preparation found of itself: what is good, or what is not."""
    with ui.element("ul").classes("pf-list"):
        for check in prepared.plain["checks"]:
            if (check["verdict"] == "good") == good:
                style = {"good": "pf-ok", "look": "pf-warning"}.get(check["verdict"], "pf-failed")
                with ui.element("li").classes("pf-row pf-quiet pf-two"):
                    ui.label(VERDICTS.get(check["verdict"], check["verdict"])).classes(f"pf-state {style}")
                    ui.label(f"{check['name']}: {check['words']}")


def picture_files(prepared: Prepared) -> tuple[Path, ...]:
    """Every picture that the preparation drew: the regions' first."""
    stem = f"sub-{prepared.sub}_ses-{prepared.ses}_desc-"
    names = [f"{stem}{name.replace('_', '')}_picture.png" for name in (*prepared.sources, "brain", "dropout")]
    return tuple(path for name in names if (path := prepared.path.parent / name).is_file())


def _decision(desk: Desk, prepared: Prepared, dialog: ui.dialog, decided: Callable[[], Awaitable[None]]) -> None:
    """Who looked, and what they say."""
    if prepared.problems:
        ui.label(f"✖ It cannot be accepted: {' '.join(prepared.problems)}").classes("pf-failed")
    elif prepared.accepted_by is not None:
        ui.label(f"✔ Accepted by {prepared.accepted_by}, {prepared.accepted_at}.").classes("pf-ok")
    elif prepared.rejected:
        ui.label("✖ Rejected.").classes("pf-failed")

    async def say(accept: bool) -> None:
        try:
            await desk.page.off_loop(decide, prepared.path, name.value if accept else None)
        except StudyError as error:
            trouble.set_text(str(error))
            return
        dialog.close()
        await decided()

    with ui.row().classes("items-center gap-2 w-full"):
        name = ui.input("Your name").props("dense outlined autofocus").classes("w-64")
        accept = ui.button("Accept", icon="check", on_click=lambda: say(True), color=None).props("no-caps unelevated").classes("pf-main")
        accept.set_enabled(not prepared.problems)
        ui.button("Reject", icon="close", on_click=lambda: say(False), color=None).props("no-caps outline")
        ui.button("Close", on_click=dialog.close, color=None).props("flat no-caps")
        ui.label("Do the regions lie where they belong, on the right side, within the brain?").classes("text-sm grow")
    trouble = ui.label().classes("text-sm pf-failed").props('role="alert"')


def _read(paths: tuple[Path, ...]) -> tuple[Shown, ...]:
    """Name and PNG of each that can be read."""
    return tuple((path.stem, path.read_bytes()) for path in paths if path.is_file())


def _images(pictures: tuple[Shown, ...]) -> None:
    """The bytes travel in the page itself, so nothing of a participant lies under an address."""
    with ui.element("div").classes("pf-pictures"):
        for name, png in pictures:
            ui.html(f'<img alt="{escape(name)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">', sanitize=False)
