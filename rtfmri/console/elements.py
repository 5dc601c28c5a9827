"""Plain HTML elements with text, for pages that draw themselves.

The rule: what did not change is not sent. Text from a message reaches a page only as text, never as HTML.
"""

from __future__ import annotations

from typing import Any

from nicegui.elements.mixins.text_element import TextElement


class Tag(TextElement):
    """An HTML element: ``Tag("button", "Stop", "danger", type="button", aria_keyshortcuts="s")``.

    A name's trailing underscore is dropped, the others become hyphens, so ``for_`` is ``for``.
    """

    def __init__(self, name: str, text: str = "", css: str = "", **attributes: Any) -> None:
        super().__init__(tag=name, text=text)
        self.classes(css)
        for key, value in attributes.items():
            self.attribute(key.rstrip("_").replace("_", "-"), value)

    def say(self, text: str) -> None:
        if text != self.text:
            self.set_text(text)

    def look(self, css: str) -> None:
        """These classes and no others."""
        self.classes(replace=css)

    def attribute(self, name: str, value: Any) -> None:
        """Set an attribute; False and None take it away."""
        if self.props.get(name) != value:
            self.props[name] = value

    def hide(self, hidden: bool) -> None:
        self.attribute("hidden", hidden or None)


def heading(text: str, css: str = "", level: int = 2, **attributes: Any) -> Tag:
    return Tag(f"h{level}", text, css, **attributes)
