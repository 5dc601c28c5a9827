"""How checks and findings look: a class for each state, of ``static/before_after.css``."""

from __future__ import annotations

from nicegui import ui

from rtfmri.preflight.check import State

CLASSES: dict[State, str] = {"ok": "pf-ok", "unknown": "pf-unknown", "warning": "pf-warning", "failed": "pf-failed"}
HEAD = '<link rel="stylesheet" href="/static/before_after.css">'


def load() -> None:
    """Once a page, after the frame's own look."""
    ui.add_head_html(HEAD)
