"""Every word a participant may read."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from feedback.look import Look
from feedback.wording import Lines, Wording, languages, wording
from rtfmri.paradigm import Block

FORBIDDEN = {
    "en": (
        "fail failing failed failure bad badly abnormal normal score scores wrong error mistake poor poorly weak worse worst incorrect "
        "lose lost loss try harder must should test patient disease perform performance success succeed better best good target goal pass "
        "alarm problem stop pain hurt"
    ),
    "de": (
        "versagen versagt scheitern gescheitert schlecht schlechter falsch fehler abnormal normal punkte punktzahl schwach verloren "
        "verlieren muss sollen sollten test patient krankheit leistung erfolg besser ziel bestehen bestanden alarm problem stopp schmerz "
        "schmerzen"
    ),
}
TEXTS = [
    (language, text)
    for language, words in languages().items()
    for table in (words.look, words.role, words.block)
    for text in table.values()
]
LINES = [(language, line) for language, text in TEXTS for line in text]


def test_there_are_english_and_german() -> None:
    assert set(languages()) >= {"en", "de"}


@pytest.mark.parametrize(("language", "line"), LINES)
def test_no_line_holds_a_forbidden_word_or_a_number(language: str, line: str) -> None:
    words = set(re.findall(r"\w+", line.lower()))
    assert not words & set(FORBIDDEN[language].split())
    assert not re.search(r"\d", line)


@pytest.mark.parametrize(("_language", "line"), LINES)
def test_a_line_has_at_most_8_words_and_34_letters(_language: str, line: str) -> None:
    assert len(line.split()) <= 8
    assert 0 < len(line) <= 34


@pytest.mark.parametrize(("_language", "text"), TEXTS)
def test_a_text_has_one_or_two_lines(_language: str, text: Lines) -> None:
    assert 1 <= len(text) <= 2


@pytest.mark.parametrize("language", languages())
def test_every_language_has_every_text(language: str) -> None:
    english, other = wording("en"), wording(language)
    for table in ("look", "role", "block"):
        assert set(getattr(other, table)) == set(getattr(english, table))


def test_the_pause_is_worded_as_the_ground_rules_say() -> None:
    assert " ".join(wording("en").lines(Look("paused"))) == "We have paused for a moment. There is nothing you need to do."


def test_an_unknown_language_is_english_and_a_dialect_its_language() -> None:
    assert wording("xx") is wording("en")
    assert wording("de-CH") is wording("de")


@pytest.mark.parametrize("kind", ["waiting", "paused", "ended"])
def test_every_look_has_words(kind: str) -> None:
    for words in languages().values():
        assert words.lines(Look(kind))  # type: ignore[arg-type]


def test_a_block_without_a_text_takes_its_roles() -> None:
    words: Wording = wording("en")
    assert words.lines(block("evoked_pain", "regulate")) == words.role["regulate"]
    assert words.lines(block("something", "unheard_of")) == words.role["other"]
    assert words.lines(block("mindfulness", "regulate")) == words.block["mindfulness"]


def test_a_show_block_that_shows_nothing_does_not_speak_of_the_circle() -> None:
    words = wording("en")
    nothing = block("show", "other")
    assert words.lines(nothing) == words.role["other"]
    assert words.lines(replace(nothing, value_state="fresh", value=0.5, index=3)) == words.block["show"]


def block(name: str, role: str) -> Look:
    return Look("block", Block(name, 0.0, 10.0, role), 0)
