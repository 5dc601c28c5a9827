"""The words for a look, from ``wording.toml``: nothing else in this package writes for the participant's eyes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from feedback.look import SHOW, Look

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Lines = tuple[str, ...]
FALLBACK = "en"


@dataclass(frozen=True)
class Wording:
    """One language. ``look`` by the name of a look, ``role`` and ``block`` by those of a block."""

    look: dict[str, Lines]
    role: dict[str, Lines]
    block: dict[str, Lines]

    def lines(self, look: Look) -> Lines:
        """What stands above the shape; a block without a text of its own takes its role's."""
        if look.kind in ("idle", "blank"):
            return ()
        if look.kind == "paused" and look.own_pause:
            return self.look["own_pause"]
        if look.kind != "block":
            return self.look[look.kind]
        if look.block is None:
            return self.look["between"]
        lines = self.block.get(look.block.name) or self.role.get(look.block.role, self.role["other"])
        if look.block.name == SHOW and not look.valued:  # a transfer run, or no value yet: nothing to speak of
            lines = self.role["other"]
        return (*lines[:1], *self.look["resting"]) if look.resting else lines


@cache
def languages() -> dict[str, Wording]:
    """Every language of ``wording.toml``."""
    plain = tomllib.loads((Path(__file__).parent / "wording.toml").read_text(encoding="utf-8"))
    return {language: _wording(texts) for language, texts in plain.items()}


def wording(language: str) -> Wording:
    """The wording of ``language`` ("de", "de-CH"); English where there is none."""
    known = languages()
    return known.get(language) or known.get(language.split("-")[0]) or known[FALLBACK]


def _wording(texts: dict[str, Any]) -> Wording:
    def lines(table: dict[str, Any]) -> dict[str, Lines]:
        return {name: tuple(text) for name, text in table.items() if isinstance(text, list)}

    return Wording(lines(texts), lines(texts["role"]), lines(texts["block"]))
