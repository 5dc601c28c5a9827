"""The operator's hand: what can be done now, what each button says, and the dialogs of those that want a second word.

The rules: one click each, with a key that stands on the button; what ends something asks first, with the safe answer in focus. A button
says what it will do now. What the session answered, a refusal too, stands beside them. The session records every word as an
``operator`` message.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nicegui import ui

from rtfmri.console.context import ELSEWHERE, Hearing, PageContext
from rtfmri.console.elements import Tag
from rtfmri.console.story import Story

LONGEST_NOTE = 500


@dataclass(frozen=True)
class Control:
    """``action`` is the session's word; "" where a dialog or another page asks first."""

    key: str
    words: str
    action: str
    possible: bool
    why_not: str = ""


def controls(story: Story, hearing: Hearing, commands: bool = True) -> dict[str, Control]:
    """What each button is now, by its name. ``commands``: whether the session takes any from this computer."""
    open_run = commands and story.start is not None and story.stop is None and hearing.heard
    why_not = ELSEWHERE if not commands else "The engine is not heard." if not hearing.heard else "No run is armed."

    def one(key: str, words: str, action: str, possible: bool = open_run) -> Control:
        return Control(key, words, action, possible, "" if possible else why_not)

    return {
        "pause": one("p", "Resume screen" if story.paused else "Pause screen", "resume" if story.paused else "pause"),
        "blank": one("b", "Show screen" if story.blanked else "Blank screen", "unblank" if story.blanked else "blank"),
        "card": one("c", "End set-up card" if story.card else "Set-up card", "uncard" if story.card else "card"),
        "mark": one("m", "Mark…", ""),
        "stop": one("s", "Stop run…", ""),
    }


def build_controls(page: PageContext) -> None:
    """The bar of buttons at the foot of the page."""
    with Tag("section", "", "controls", aria_label="Controls"):
        commands = page.settings.commands
        arm = _button("a", "Arm a run…", "accent")
        arm.on("click", lambda: ui.navigate.to("/before"))
        buttons = {name: _button(*look) for name, look in _BUTTONS.items()}
        said = Tag("p", "" if commands else ELSEWHERE, "answer", role="status", aria_live="polite", id="answer")
    tell = _teller(page, said)
    for name in ("pause", "blank", "card"):
        buttons[name].on("click", lambda name=name: tell(controls(page.story, page.hearing)[name].action))
    buttons["mark"].attribute("data-opens", "dialog-mark")
    buttons["stop"].attribute("data-opens", "dialog-stop")
    _mark_dialog(tell)
    _stop_dialog(tell)

    def redraw(story: Story, hearing: Hearing) -> None:
        for name, control in controls(story, hearing, commands).items():
            _show(buttons[name], control)
        busy = story.start is not None and story.stop is None
        arm.hide(busy or not commands)

    page.on_change(redraw)


_BUTTONS = {
    "pause": ("p", "Pause screen", ""),
    "blank": ("b", "Blank screen", ""),
    "card": ("c", "Set-up card", ""),
    "mark": ("m", "Mark…", ""),
    "stop": ("s", "Stop run…", "danger"),
}
Tell = Callable[..., Any]


def _button(key: str, words: str, css: str) -> Tag:
    with Tag("button", "", f"control {css}", type="button", data_key=key, aria_keyshortcuts=key.upper()) as button:
        button.words = Tag("span", words)  # type: ignore[attr-defined]
        Tag("kbd", key.upper(), aria_hidden="true")
    return button


def _show(button: Tag, control: Control) -> None:
    button.words.say(control.words)  # type: ignore[attr-defined]
    button.attribute("disabled", not control.possible or None)
    button.attribute("title", control.why_not or None)


def _teller(page: PageContext, said: Tag) -> Tell:
    """A handler that gives the session a word and shows its answer."""

    async def tell(action: str, note: str = "") -> None:
        said.say(f"{action} …")
        said.look("answer")
        reply = await page.tell(action, note=note)
        said.say(f"{'✓' if reply.ok else '✕ Refused:'} {reply.text}")
        said.look("answer" if reply.ok else "answer refused")

    return tell


def _stop_dialog(tell: Tell) -> None:
    with Tag("dialog", "", "dialog", id="dialog-stop", aria_labelledby="stop-title"):
        Tag("h2", "Stop this run?", id="stop-title")
        Tag("p", "It cannot be taken up again. Everything up to here is recorded, and the participant sees the thank-you screen.")
        with Tag("div", "", "choices"):
            Tag("button", "Go on with the run", "control", type="button", data_closes="", autofocus="")
            stop = Tag("button", "Stop the run", "control danger", type="button", data_closes="", id="stop-now")
    stop.on("click", lambda: tell("stop"))


def _mark_dialog(tell: Tell) -> None:
    with Tag("dialog", "", "dialog", id="dialog-mark", aria_labelledby="mark-title"):
        Tag("h2", "Mark this moment", id="mark-title")
        Tag("label", "Note for the record (may be empty)", for_="note")
        note = Tag("input", id="note", type="text", maxlength=str(LONGEST_NOTE), autocomplete="off", autofocus="")
        with Tag("div", "", "choices"):
            Tag("button", "Cancel", "control", type="button", data_closes="")
            mark = Tag("button", "Mark", "control accent", type="button", data_closes="", id="mark-now")

    taken = "(event) => { const note = document.getElementById('note'); emit(note.value); note.value = ''; }"
    enter = "(event) => { if (event.key !== 'Enter') return; event.preventDefault(); document.getElementById('mark-now').click(); }"
    mark.on("click", lambda event: tell("mark", str(event.args or "")[:LONGEST_NOTE]), js_handler=taken)
    note.on("keydown", js_handler=enter)
