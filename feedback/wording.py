"""The words for a look, from ``wording.toml`` and the study: nothing else in this package writes for the participant's eyes.

A text has a key: ``waiting``, ``role.rest``, ``block.show``, ``rating.pain``, ``ends.pain``. A study may give its own lines for a key, by
language; what it gives under an unknown key, or with a forbidden word, is not shown, and the operator is told. What a language lacks is
shown in English, and the operator is told that, too.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from feedback.look import SHOW, Look
from rtfmri.messages import DisplaySettings, RatingScale

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")
Lines = tuple[str, ...]
FALLBACK = "en"
OPEN = ("block", "rating", "ends")  # families of keys in which a study may have names of its own
COUNTED = ("ends", "card")  # those whose lines have places of their own
MOST_WORDS = 8
NO_STUDY: Mapping[str, Mapping[str, Lines]] = MappingProxyType({})


@dataclass(frozen=True)
class Wording:
    """One language: lines by key, and the words that it never shows."""

    language: str
    texts: Mapping[str, Lines]
    forbidden: Lines = ()

    def lines(self, look: Look, *, values: bool = False) -> Lines:
        """What is to be read in ``look``; ``values``: the run will show some, so what is to be known of them is said."""
        if look.kind in ("idle", "blank", "card", "rating"):
            return () if look.asked is None else self.question(look.asked.scale)
        if look.kind == "waiting" and not look.welcome and values:
            return (*self.texts["waiting"][:1], *self.texts["beforehand"])
        if look.kind == "waiting":
            return self.texts["welcome" if look.welcome else "waiting"]
        if look.kind == "paused":
            return self.texts["own_pause" if look.own_pause else "paused"]
        return self.texts["ended"] if look.kind == "ended" else self._block(look)

    def _block(self, look: Look) -> Lines:
        if look.trial is not None and (look.trial.lines or look.trial.image):
            return look.trial.lines
        if look.block is None:
            return self.texts["between"]
        if look.block.name == SHOW and not look.valued:  # a transfer run, or no value yet: nothing to speak of
            return self.texts["role.other"]
        lines = self.of_block(look.block.name, look.block.role)
        return self.resting(lines) if look.resting else lines

    def of_block(self, name: str, role: str) -> Lines:
        """The text of a block's name; where it has none, its role's."""
        return self.texts.get(f"block.{name}") or self.texts.get(f"role.{role}", self.texts["role.other"])

    def resting(self, lines: Lines) -> Lines:
        """A block's text where its value is too old."""
        return (*lines[:1], *self.texts["resting"])

    def question(self, scale: RatingScale) -> Lines:
        """The study's own question, or this wording's for the scale's name."""
        return _spoken(scale.question, self.language) or self.texts.get(f"rating.{scale.name}") or self.texts["rating.other"]

    def ends(self, scale: RatingScale) -> tuple[str, str]:
        """What stands at the scale's low and high end."""
        low, high = _spoken(scale.ends, self.language) or self.texts.get(f"ends.{scale.name}") or self.texts["ends.other"]
        return low, high


@cache
def languages() -> dict[str, Wording]:
    """Every language of ``wording.toml``."""
    plain = tomllib.loads((Path(__file__).parent / "wording.toml").read_text(encoding="utf-8"))
    return {language: _wording(language, texts) for language, texts in plain.items()}


def wording(language: str, study: Mapping[str, Mapping[str, Lines]] = NO_STUDY) -> Wording:
    """The wording of ``language`` ("de", "de-CH") with the study's own lines; English where there is none."""
    own, english = _spoken(languages(), language), languages()[FALLBACK]
    texts, forbidden = (own.texts, own.forbidden) if own else ({}, english.forbidden)
    given = _spoken(study, language) or {}
    kept = {key: lines for key, lines in given.items() if not _refused(key, lines, forbidden)}
    return Wording(language, {**english.texts, **texts, **kept}, forbidden)


def lacking(language: str, study: Mapping[str, Mapping[str, Lines]] = NO_STUDY) -> Lines:
    """Keys of English that ``language`` has no lines for, here or in the study."""
    own, given = _spoken(languages(), language), _spoken(study, language) or {}
    known = {*(own.texts if own else ()), *given}
    return tuple(key for key in languages()[FALLBACK].texts if key not in known)


def wording_problems(settings: DisplaySettings) -> Lines:
    """Sentences for the operator about the study's lines and language."""
    words = wording(settings.language)
    given = _spoken(settings.wording, settings.language) or {}
    told = [why for key, lines in given.items() if (why := _refused(key, lines, words.forbidden) or _too_long(key, lines))]
    for scale in settings.ratings:
        word = _found((*words.question(scale), *words.ends(scale)), words.forbidden)
        told += [f"The question {scale.name} has the word “{word}”, which a participant should not read."] if word else []
    gaps = lacking(settings.language, settings.wording)
    if gaps:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        told.append(f"The language {settings.language} lacks {', '.join(gaps[:3])}{more}: the participant reads these in English.")
    return tuple(told)


def _refused(key: str, lines: Lines, forbidden: Lines) -> str:
    """Why the study's lines for ``key`` are not shown; empty where they are."""
    family, _, name = key.partition(".")
    if key not in languages()[FALLBACK].texts and not (family in OPEN and name):
        return f"The study's wording has an unknown key “{key}”: it is left out. Keys are such as waiting, block.rest or rating.pain."
    count = len(languages()[FALLBACK].texts.get(key, ("low end", "high end")))
    if family in COUNTED and len(lines) != count:
        return f"The study's wording of {key} needs {count} entries and has {len(lines)}: it is left out."
    if not any(line.strip() for line in lines):
        return f"The study's wording of {key} is empty: it is left out."
    word = _found(lines, forbidden)
    return f"The study's wording of {key} has the word “{word}”, which is never shown: it is left out." if word else ""


def _too_long(key: str, lines: Lines) -> str:
    long = [line for line in lines if len(line.split()) > MOST_WORDS]
    return f"The study's wording of {key} has a line of more than {MOST_WORDS} words (“{long[0]}”): break it." if long else ""


def _found(lines: Lines, forbidden: Lines) -> str:
    """The first word of ``lines`` that is forbidden; empty where none is."""
    words = re.findall(r"\w+", " ".join(lines))
    return next((word for word in words if any(_matches(word.lower(), rule) for rule in forbidden)), "")


def _matches(word: str, rule: str) -> bool:
    return word.startswith(rule[:-1]) if rule.endswith("*") else word == rule


def _spoken(table: Mapping[str, T], language: str) -> T | None:
    """What ``table`` has for ``language``, or for the language that it is a dialect of."""
    return table.get(language) or table.get(language.split("-")[0])


def _wording(language: str, texts: dict[str, Any]) -> Wording:
    flat = {name: tuple(text) for name, text in texts.items() if isinstance(text, list) and name != "forbidden"}
    for family, table in texts.items():
        if isinstance(table, dict):
            flat |= {f"{family}.{name}": tuple(text) for name, text in table.items()}
    return Wording(language, flat, tuple(texts.get("forbidden", ())))
