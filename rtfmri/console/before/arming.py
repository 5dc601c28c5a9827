"""Start or join a session, and arm: one large button, disabled with its reason while anything that must be true is not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from nicegui import ui

from rtfmri.console.before.choosing import override_note, why_not_arm, why_not_start
from rtfmri.console.before.desk import Desk
from rtfmri.console.context import ELSEWHERE
from rtfmri.console.launching import Launch, launch
from rtfmri.errors import StudyError
from rtfmri.preflight.check import Check, of_state

RUN_PAGE = "/"


def session_card(desk: Desk, look: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Whether a session runs, and a button to start one; what is returned draws it anew."""

    async def start() -> None:
        choice = desk.choice
        wanted = Launch(
            Path(choice.study_file),
            desk.out,
            Path(choice.watch) if choice.watch else None,
            int(choice.listen) if choice.listen else None,
            desk.page.settings.ports.base,
        )
        button.set_enabled(False)
        words.set_text("The session is starting ...")
        try:
            started = await desk.page.off_loop(launch, wanted)
            failed = started.failed and f"The session did not start: {started.failed} Its log is {started.log}."
        except StudyError as error:
            failed = str(error)
        trouble.set_text(failed)
        await look()

    with ui.element("section").classes("pf-card"):
        ui.html("<h2>Session</h2>", sanitize=False)
        words = ui.label().classes("text-sm")
        trouble = ui.label().classes("text-sm pf-failed").style("white-space:pre-wrap").props('role="alert"')
        with ui.row().classes("items-center no-wrap w-full") as offer:
            button = ui.button("Start the session", on_click=start, color=None).props("no-caps outline no-wrap").classes("shrink-0")
            why = ui.label().classes("pf-why pf-faint")

    def redraw() -> None:
        info = desk.status.session if desk.status else None
        if info is not None:
            trouble.set_text("")
            words.set_text(f"Joined: {info.study}, process {info.pid}, recording into {info.out}.")
        else:
            words.set_text("None runs on this computer.")
        offer.set_visibility(info is None)
        reason = why_not_start(desk.choice, desk.checks) if desk.page.settings.commands else ELSEWHERE
        why.set_text(reason)
        button.set_enabled(not reason)

    return redraw


def arm_card(desk: Desk, look: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """The button that opens the run; what is returned draws it anew."""

    async def arm() -> None:
        warnings = of_state(desk.checks or (), "warning")
        if warnings and not await _confirmed(warnings):
            return
        button.set_enabled(False)
        why.set_text("Arming: the first time of a day this takes a while ...")
        run = int(desk.choice.run) if desk.choice.run else None
        reply = await desk.page.tell("arm", desk.choice.sub, desk.choice.ses, run)
        if reply.ok and warnings:
            await desk.page.tell("mark", note=override_note(warnings))
        if reply.ok:
            ui.navigate.to(RUN_PAGE)
            return
        trouble.set_text(reply.text)
        await look()

    with ui.element("section").classes("pf-card"):
        button = ui.button("Arm", on_click=arm, color=None).classes("pf-arm pf-main").props("no-caps unelevated")
        why = ui.label().classes("pf-why q-mt-xs").props('role="status" aria-live="polite"')
        trouble = ui.label().classes("text-sm pf-failed").props('role="alert"')
        go = ui.link("Go to the run", RUN_PAGE)

    def redraw() -> None:
        reason = why_not_arm(desk.choice, desk.status, desk.checks) if desk.page.settings.commands else ELSEWHERE
        warnings = of_state(desk.checks or (), "warning")
        button.set_enabled(not reason)
        button.set_text(f"Arm {desk.label}".strip())
        ready = f"▲ {len(warnings)} to look at: you will be asked." if warnings else "✔ Ready. Arm, then start the scanner."
        why.set_text(reason or ready)
        why.classes(
            replace=f"pf-why q-mt-xs {'pf-faint' if desk.busy else 'pf-failed' if reason else 'pf-warning' if warnings else 'pf-ok'}"
        )
        go.set_visibility(desk.busy)

    return redraw


async def _confirmed(warnings: tuple[Check, ...]) -> bool:
    """Whether the operator arms in spite of what is not as it should be."""
    with ui.dialog(value=True).props('persistent aria-label="Arm all the same?"') as dialog, ui.card().classes("pf"):
        ui.html("<h2>Arm all the same?</h2>", sanitize=False)
        for check in warnings:
            ui.label(f"▲ {check.name}: {check.text}").classes("pf-warning text-sm")
        ui.label("The record will say that you armed in spite of this.").classes("text-sm")
        with ui.row():
            ui.button("No, go back", on_click=lambda: dialog.submit(False), color=None).classes("pf-main").props(
                "no-caps unelevated autofocus"
            )
            ui.button("Arm all the same", on_click=lambda: dialog.submit(True), color=None).props("no-caps outline")
    return bool(await dialog)
