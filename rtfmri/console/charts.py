"""The live charts as elements of a page; what they show and how they are drawn is in ``static/``.

The rule: a chart's data does not travel through nicegui. Each page opens one socket of its own (``feed.py``) for all its charts, in the
browser (``static/live.js``), and each chart draws itself when that brings something.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from nicegui import ui

Kind = Literal["regions", "raw", "translation", "rotation", "displacement", "dvars", "tsnr", "latency"]

STATIC = Path(__file__).parent / "static"
STATIC_URL = "/static"
PARTS = ("live", "kinds", "plot", "legend", "latency", "scale", "theme")


def load() -> None:
    """Give every page the charts' own JavaScript; called once, before the first page is built."""
    ui.add_head_html(
        f'<link rel="stylesheet" href="{STATIC_URL}/charts.css">'
        + "".join(f'<link rel="modulepreload" href="{STATIC_URL}/{name}.js">' for name in PARTS)  # at once, not one after another
        + f'<script type="module" src="{STATIC_URL}/charts.js"></script>',
        shared=True,
    )


def chart(kind: Kind) -> ui.element:
    """A chart that fills its element: give that a height. Follows the page's theme (Quasar's ``body--dark``)."""
    return ui.element("rt-chart").props(f"kind={kind}")


def span_choice() -> ui.element:
    """Buttons that choose for all charts of the page: the whole run or its last minutes."""
    return ui.element("rt-span")
